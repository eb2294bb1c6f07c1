"""Whole sequences against one sequence at a time: lengths, reverse, parts, segments."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from celldsl.runtime import gradcheck
from celldsl.runtime.description import Phase
from celldsl.runtime.gradcheck import check_gradients
from tests.runtime.fake_cell import Fake
from tests.runtime.fake_pair import Pair

LENGTHS = np.array([4, 0, 6, 1, 6])
rng = np.random.default_rng(7)


def one_by_one(cell: Fake, x: Any, lengths: Any, start: Any = None, reverse: bool = False) -> Any:
    """Outputs and final states from the equations, one sequence after the other."""
    p, scale = cell.params, cell.hypers["scale"]
    y = np.zeros((*x.shape[:2], cell.dims["H"]))
    final = np.zeros((x.shape[1], cell.dims["H"]))
    for b, length in enumerate(lengths):
        h = p["h0"] if start is None else start[b]
        for t in reversed(range(length)) if reverse else range(length):
            h = np.tanh(scale * (x[t, b] @ p["h.W_x"] + h @ p["h.W_h"] + p["h.b"]))
            y[t, b] = h
        final[b] = h
    return y, final


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("lengths", [None, LENGTHS, np.zeros(5, int)])
def test_forward_is_the_equations(
    cell: Fake, parts: int, lengths: Any, given: bool, reverse: bool
) -> None:
    x = rng.normal(size=(6, 5, 3))
    start = rng.normal(size=(5, 4)) if given else None
    every = np.full(5, 6) if lengths is None else lengths
    want, final = one_by_one(cell, x, every, start, reverse)
    for run in (cell, cell.forward):
        y, state, *_ = run(x, start, lengths=lengths, reverse=reverse)
        np.testing.assert_allclose(y, want, atol=1e-14)
        np.testing.assert_allclose(state.h, final, atol=1e-14)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("name", ["cell", "pair"])
def test_gradients_are_those_of_differences(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    parts: int,
    name: str,
    lengths: Any,
    given: bool,
    reverse: bool,
) -> None:
    monkeypatch.setattr(gradcheck, "AXES", 5)
    built = request.getfixturevalue(name)
    found = list(check_gradients(built, 6, 5, given=given, lengths=lengths, reverse=reverse))
    states = len(built.description.states) if given else 0
    assert len(found) == len(built.params) + len(built.description.inputs) + states
    assert all(checked.error < 1e-9 for checked in found), found


@pytest.mark.parametrize("checkpoint", [2, 4, 100, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_segments_change_no_gradient(
    pair: Pair, cell: Fake, parts: int, lengths: Any, given: bool, reverse: bool, checkpoint: Any
) -> None:
    for built in (pair, cell):
        x = {
            a.name: rng.normal(size=(6, 5, *a.shape(**built.dims)))
            for a in built.description.inputs
        }
        state = built.state(5) if given else None
        whole = built.forward(x, state, lengths=lengths, reverse=reverse)
        cut = built.forward(x, state, lengths=lengths, reverse=reverse, checkpoint=checkpoint)
        assert len(cut[2].borders) == min(6, 3 if checkpoint is True else checkpoint)
        outputs = whole[0] if isinstance(whole[0], tuple) else (whole[0],)
        dy = tuple(rng.normal(size=y.shape) for y in outputs)
        same_arrays(whole[:2], cut[:2])
        one, other = built.backward(whole[2], dy, whole[1]), built.backward(cut[2], dy, cut[1])
        np.testing.assert_allclose(one.params.flat, other.params.flat, atol=1e-13)
        same_arrays(one.state, other.state)
        same_arrays(tuple(one.inputs.values()), tuple(other.inputs.values()))


def same_arrays(one: Any, other: Any) -> None:
    if isinstance(one, tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same_arrays(a, b)
    else:
        np.testing.assert_allclose(one, other, atol=1e-13)


def test_a_tape_serves_twice(cell: Fake, parts: int) -> None:
    x = rng.normal(size=(6, 5, 3))
    y, _, tape = cell.forward(x)
    first = cell.backward(tape, y)
    cell.forward(x + 1)
    second = cell.backward(tape, y)
    assert np.array_equal(first.params.flat, second.params.flat)


def test_no_gradient_from_the_padding(cell: Fake) -> None:
    x = rng.normal(size=(6, 5, 3))
    y, _, tape = cell.forward(x, lengths=LENGTHS)
    grads = cell.backward(tape, np.ones_like(y))
    past = np.arange(6)[:, None] >= LENGTHS[None, :]
    assert not y[past].any()
    assert not grads.inputs["x"][past].any()
    assert grads.inputs["x"][~past].all()


def test_what_is_left_out_counts_as_zeros(pair: Pair) -> None:
    x, z = rng.normal(size=(4, 2, 3)), rng.normal(size=(4, 2))
    y, _, tape = pair.forward(x=x, z=z)
    zeros = np.zeros_like(y.e)
    left_out = pair.backward(tape, {"s": y.s})
    assert np.array_equal(left_out.params.flat, pair.backward(tape, (y.s, zeros)).params.flat)
    assert not pair.backward(tape).params.flat.any()


def test_bit_identical_for_one_number_of_threads(cell: Fake, parts: int) -> None:
    x = rng.normal(size=(6, 5, 3))
    found = []
    for _ in range(3):
        y, _, tape = cell.forward(x, lengths=LENGTHS)
        found.append(cell.backward(tape, y).params.flat)
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_masks_have_a_key_for_each_pass(monkeypatch: pytest.MonkeyPatch, cell: Fake) -> None:
    seen: list[list[float]] = []

    def note(*arguments: Any) -> None:
        hyper = arguments[6]
        seen.append(hyper.tolist())

    phases = (Phase("once", note), *Fake.description.forward)
    described = replace(Fake.description, forward=phases, masks=True)
    monkeypatch.setattr(Fake, "description", described)
    built = Fake(I=3, H=4, dtype="float64", scale=0.8)
    x = rng.normal(size=(6, 5, 3))
    built(x)
    built.forward(x, training=False)
    assert seen == [[0.8, 0.0, 0.0]] * 2
    seen.clear()
    for seed in (None, None, 1, 1, 2):
        built.forward(x, seed=seed)
    keys = [key for _, training, key in seen if training == 1.0]
    assert len(keys) == 5
    assert len(set(keys)) == 4
    assert keys[2] == keys[3]
    assert all(key == int(key) and 0 <= key < 2**53 for key in keys)


def test_no_steps_is_the_initial_state(cell: Fake) -> None:
    y, state = cell(np.zeros((0, 2, 3)))
    assert y.shape == (0, 2, 4)
    assert np.array_equal(state.h, cell.state(2).h)
