"""Parameters as a mapping: snapshots, assignment by name, and what is refused."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.errors import WeightsWarning
from tests.runtime.fake_cell import Fake
from tests.runtime.fake_pair import Pair

X = np.random.default_rng(3).normal(size=(5, 2, 3))
COPIES: list[Callable[[Any], Any]] = [
    lambda p: p.copy(),
    copy.copy,
    copy.deepcopy,
    lambda p: pickle.loads(pickle.dumps(p)),
]
SCALED = "cell Scaled[H]:\n    input x: [H]\n    state h: [H]\n    param g: [] = 1.0\n\n"
SCALED += "    h' = g * x\n\n    output h'\n"


@pytest.mark.parametrize("copied", COPIES)
def test_a_snapshot_stays(cell: Fake, copied: Callable[[Any], Any]) -> None:
    best, want = copied(cell.params), cell(X)[0]
    assert dict(best).keys() == dict(cell.params).keys()
    assert best["h.W_h"].strides == cell.params["h.W_h"].strides
    cell.params.flat *= 2
    assert not np.array_equal(cell(X)[0], want)
    cell.params.assign(best)
    assert np.array_equal(cell(X)[0], want)


def test_consts_and_gradients_are_copied_too(cell: Fake, pair: Pair) -> None:
    for copied in COPIES:
        assert np.array_equal(copied(pair.consts)["w"], pair.consts["w"])
    y, _, tape = cell.forward(X)
    grads = cell.backward(tape, y)
    for again in (pickle.loads(pickle.dumps(grads)), copy.deepcopy(grads)):
        assert np.array_equal(again.params.flat, grads.params.flat)
        assert np.array_equal(again.inputs["x"], grads.inputs["x"])
        assert type(again.state) is type(grads.state)


def test_two_cells_never_share_an_array(cell: Fake) -> None:
    other = Fake(I=3, H=4, dtype="float64", seed=5, scale=0.8)
    cell.params = other.params
    assert np.array_equal(cell(X)[0], other(X)[0])
    assert np.array_equal(cell.step(X[0])[0], other.step(X[0])[0])
    before = cell(X)[0]
    other.params.flat[:] = 0
    assert np.array_equal(cell(X)[0], before)


def test_all_or_none_are_assigned(cell: Fake) -> None:
    before = cell.params.flat.copy()
    for values, message in (
        ({"h.b": np.ones(4)}, "h.W_x, h.W_h, h0: missing"),
        ({**cell.params, "h.c": np.ones(4)}, "no h.c; did you mean h.b"),
        ({**cell.params, "h0": np.ones(5)}, r"h0: expected \(H=4,\), got \(5,\)"),
        ({**cell.params, "h0": np.ones(4, "f4")}, "h0: expected float64"),
        ([1, 2], "expected a mapping"),
    ):
        with pytest.raises(ValueError, match=message):
            cell.params.assign(values)
        with pytest.raises(ValueError, match=message):
            cell.params = values
    assert np.array_equal(cell.params.flat, before)


def test_params_behave_as_mappings_do(cell: Fake) -> None:
    ones = {"h.b": np.ones(4)}
    joined, other = cell.params | ones, ones | dict(cell.params)
    assert list(joined) == list(cell.params) and joined["h.b"] is ones["h.b"]
    assert not other["h.b"].any()
    assert not cell.params["h.b"].any()
    cell.params |= ones
    cell.params.update({"h0": np.zeros(4)})
    assert cell.params["h.b"].all() and not cell.params["h0"].any()
    with pytest.raises(TypeError):
        cell.params | [1]


def test_numbers_go_to_parameters_without_axes() -> None:
    cell = celldsl.compile_source(SCALED)(H=2)
    for number in (2, 0.5, np.float32(3), np.float64(4), np.int64(5)):
        cell.params["g"] = number
        assert cell.params["g"] == number
    cell.params.update({"g": 7.0})
    assert cell.params["g"] == 7
    for wrong in (True, "1", None, [1.0], 1j):
        with pytest.raises(TypeError, match="g: expected a NumPy array"):
            cell.params["g"] = wrong


def test_parameters_that_are_not_finite_are_told(cell: Fake) -> None:
    bad = np.array([0.0, np.nan, 0.0, np.inf])
    with pytest.warns(WeightsWarning, match=r"h\.b is not finite: h\.b\[1\] is nan") as told:
        cell.params["h.b"] = bad
    assert told[0].filename == __file__
    with pytest.warns(WeightsWarning, match=r"h\.b is not finite"):
        cell.params.flat += 1
    with pytest.warns(WeightsWarning, match=r"h0 is not finite"):
        cell.params.assign({**cell.params, "h.b": np.zeros(4), "h0": bad})
    cell.params["h0"] = np.full(4, 1e308)  # the sum overflows, and no number does


def _double(params: Any) -> Any:
    params.flat *= 2
    return params


def test_params_go_to_other_processes_and_back(cell: Fake) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.map(_double, [cell.params])[0]
    assert np.array_equal(found.flat, 2 * cell.params.flat)


def test_parameters_are_compared_by_names_and_values(cell: Fake) -> None:
    before = cell.params.copy()
    assert cell.params == before and before == dict(cell.params)
    name = next(iter(before))
    before[name][...] += 1
    assert cell.params != before
    assert cell.params != {name: cell.params[name]} and cell.params != 3
    with pytest.raises(TypeError, match="unhashable"):
        hash(before)


def test_what_is_no_name_of_a_mapping_is_told(cell: Fake) -> None:
    params: Any = cell.params
    with pytest.raises(AttributeError, match=r"write params\['h\.W_x'\]"):
        _ = params.h
    with pytest.raises(AttributeError, match=r'no attribute "foo"$'):
        _ = params.foo
    for function in (np.asarray, np.sum):
        with pytest.raises(TypeError, match=r"`params\.flat`"):
            function(params)
    with pytest.raises(AttributeError, match=r'cell\.params\["h\.W_x"\] for a parameter of it'):
        _ = cell.h
    with pytest.raises(ValueError, match="path: expected that of a safetensors file, got int"):
        cell.save(123)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="path: expected that of a safetensors file, got ''"):
        cell.load("")
