"""Rows of a caller's arrays that an index finds (`celldsl.plan.indexed_rows`).

Sizes are odd and just off multiples of a tile; feature cells run at small ones, against the
reference, in checked mode and on Numba alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from celldsl import load
from celldsl.runtime.exec.batch_layout import packed_layout
from celldsl.runtime.row_plan import INPUT_INDEX, RESULT_INDEX
from celldsl.runtime.threads import thread_count as threads
from tests.cells import example
from tests.end_to_end.compare import Setup, compare_all
from tests.end_to_end.subject import FEATURES, subject_of

CELLS = ["products_around", "picks", "sequence_inputs"]
SIZES = ({"I": 17, "H": 33, "P": 15, "C": 3, "V": 5},)
LENGTHS = (4, 0, 7, 1, 6, 7, 3)
SETUPS = [
    Setup(T=9, B=7, lengths=LENGTHS),  # T is more than the longest has
    Setup(T=7, B=7, lengths=LENGTHS, reverse=True, threads=2, given=False),
]


@pytest.mark.parametrize("name", CELLS)
def test_kernels_agree_with_the_reference(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = subject_of(FEATURES / f"{name}.cell")
    compare_all(replace(subject, sizes=SIZES), SETUPS, monkeypatch)


@pytest.fixture(scope="module")
def cell() -> Any:
    return load(FEATURES / "products_around.cell")(I=17, H=33, P=15, dtype="float64", seed=3)


def drawn(steps: int, filler: float = np.nan) -> tuple[list[Any], list[Any]]:
    """Inputs and cotangents of outputs, which are `filler` past the ends of sequences."""
    rng = np.random.default_rng(5)
    past = np.arange(steps)[:, None] >= np.array(LENGTHS)
    found = [rng.normal(size=(steps, 7, n)) for n in (17, 15, 33, 15, 17, 17)]
    for array in found:
        array[past] = filler
    return found[:2], found[2:]


def passes(cell: Any, steps: int, filler: float = np.nan, **keywords: Any) -> list[Any]:
    """Outputs with a tape and without one, and gradients: those of arrays (T, B, …) come first."""
    (x, e), dy = drawn(steps, filler)
    frame = {"lengths": np.array(LENGTHS), **keywords}
    y, _, tape = cell.forward(x=x, e=e, **frame)
    gradients = cell.backward(tape, type(y)(*dy))
    alone, _ = cell(x=x, e=e, **frame)
    return [*y, *alone, *gradients.inputs.values(), *gradients.params.values()]


@pytest.mark.parametrize("number", [1, 3])
def test_nothing_past_an_end_is_read_and_all_of_it_is_zero(
    cell: Any, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads.THREADS, "number", number)
    monkeypatch.setattr(threads, "SMALL_WORK", 0)
    found = passes(cell, 9)
    for array in found[:10]:
        for b, length in enumerate(LENGTHS):
            assert np.isfinite(array[:length, b]).all()
            assert not array[length:, b].any()
    assert all(np.isfinite(array).all() for array in found[10:])


def test_without_the_pass_rows_are_packed_and_results_are_the_same(cell: Any) -> None:
    other = load(FEATURES / "products_around.cell", without=["index_rows"])
    assert (cell.description.indexed, other.description.indexed) == (True, False)
    packing = other(I=17, H=33, P=15, dtype="float64", seed=3)
    resets = np.random.default_rng(1).random((9, 7)) < 0.3
    for frame in ({}, {"resets": resets}, {"checkpoint": 3}):
        ours, packed = (_training(each, frame) for each in (cell, packing))
        for a, b in zip(ours, packed, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def _training(cell: Any, frame: dict[str, Any]) -> list[Any]:
    (x, e), dy = drawn(9)
    y, state, tape = cell.forward(x=x, e=e, lengths=np.array(LENGTHS), **frame)
    gradients = cell.backward(tape, type(y)(*dy))
    return [*y, state, *gradients.inputs.values(), *gradients.params.values()]


def test_a_tape_keeps_what_the_caller_changes(cell: Any) -> None:
    """Inputs that a tape needs are copied, rows that there are alone; others are read in place."""
    (x, e), dy = drawn(9)
    wanted = _training(cell, {})[5:]
    y, _, tape = cell.forward(x=x, e=e, lengths=np.array(LENGTHS))
    assert [array.shape[0] for array in tape.inputs] == [sum(LENGTHS)] * 2
    x[:] = e[:] = 0
    gradients = cell.backward(tape, type(y)(*dy))
    found = [*gradients.inputs.values(), *gradients.params.values()]
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_batch_without_sequences_has_its_steps(cell: Any) -> None:
    x, e, lengths = np.zeros((4, 0, 17)), np.zeros((4, 0, 15)), np.zeros(0, np.int64)
    y, _, tape = cell.forward(x=x, e=e, lengths=lengths)
    alone, _ = cell(x=x, e=e, lengths=lengths)
    assert [a.shape for a in y] == [a.shape for a in alone]
    gradients = cell.backward(tape, y)
    assert gradients.inputs["x"].shape == x.shape and gradients.inputs["e"].shape == e.shape
    assert all(a.shape[:2] == (4, 0) for a in y)


def test_all_parts_have_one_index() -> None:
    layout = packed_layout(np.array(LENGTHS), 9, 3, False, True, True)
    plan = layout.plan(0, layout.steps, True, False)
    assert plan.lead == (9, 7) and layout.packing is not None
    for part in plan.parts:
        assert part[INPUT_INDEX] == part[RESULT_INDEX]
        np.testing.assert_array_equal(part[part[INPUT_INDEX] :], layout.packing.gather)
    assert len({id(part.base) for part in plan.parts}) == 1
    results = packed_layout(np.array(LENGTHS), 9, 3, False, False, True)
    part = results.plan(0, results.steps, True, False).parts[1]
    assert part[INPUT_INDEX] == 0 and part[RESULT_INDEX] > 0


def test_convolutions_and_rounded_products_pack() -> None:
    assert not load(FEATURES / "conv_line.cell").description.indexed
    assert not load(example("gru"))(I=3, H=4, products="bfloat16").description.indexed
