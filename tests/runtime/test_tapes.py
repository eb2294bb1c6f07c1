"""A tape gives the gradients of its own pass, or says why it cannot."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.exec.kept_numbers import LEAST_BYTES, OwnCopies, copy_over
from celldsl.runtime.threads.thread_count import get_threads, set_threads
from tests.runtime.fake_cell import Fake

X = np.random.default_rng(3).normal(size=(5, 2, 3))
STARTS = np.random.default_rng(4).normal(size=(2, 4))
SUM = "cell Sum[H]:\n    input x: [H]\n    state h: [H]\n\n    h' = h + x\n\n    output h'\n"
PLAIN_RNN = """\
cell PlainRNN[I, H]:
    input x: [I]
    state h: [H]

    h' = tanh(linear([x, h], H))

    output h'
"""


def gradients(cell: Any, tape: Any) -> list[Any]:
    grads = cell.backward(tape, np.ones((5, 2, 4)))
    return [grads.params.flat, grads.inputs["x"], grads.state[0]]


@pytest.mark.parametrize("checkpoint", [1, 2, True])
@pytest.mark.parametrize("lengths", [None, np.array([5, 3])])
def test_buffers_that_are_filled_again_do_no_harm(
    cell: Fake, checkpoint: Any, lengths: Any
) -> None:
    x, start = X.copy(), STARTS.copy()
    tape = cell.forward(x, (start,), lengths=lengths, checkpoint=checkpoint)[2]
    want = gradients(cell, tape)
    x[...], start[...] = 7.0, -3.0
    for found, wanted in zip(gradients(cell, tape), want, strict=True):
        assert np.array_equal(found, wanted)


@pytest.mark.parametrize("checkpoint", [1, 3])
def test_parameters_that_changed_are_named(cell: Fake, checkpoint: int) -> None:
    def changed(name: str) -> Any:
        return pytest.raises(ValueError, match=rf"{name} changed after forward; call forward again")

    tape = cell.forward(X, checkpoint=checkpoint)[2]
    want = gradients(cell, tape)[0]
    cell.params["h.b"] += 0.5
    with changed(r"h\.b"):
        gradients(cell, tape)
    cell.params["h.b"] -= 0.5  # as it was
    assert np.array_equal(gradients(cell, tape)[0], want)
    cell.params.flat -= 0.1
    with changed(r"h\.W_x"):
        gradients(cell, tape)
    held = cell.params["h.W_h"]
    tape = cell.forward(X, checkpoint=checkpoint)[2]
    gradients(cell, tape)
    held[0, 0] = np.nan
    with changed(r"h\.W_h"):
        gradients(cell, tape)


def test_to_look_at_parameters_is_no_change(cell: Fake) -> None:
    tapes = [cell.forward(X)[2] for _ in range(3)]
    want = gradients(cell, tapes[0])[0]
    assert np.isfinite(cell.params.flat).all()
    cell.params["h.b"] = cell.params["h.b"].copy()
    for tape in tapes:
        assert np.array_equal(gradients(cell, tape)[0], want)
    later = cell.forward(X)[2]
    cell.params["h.b"] += 1
    for tape in (*tapes, later):
        with pytest.raises(ValueError, match=r"h\.b changed"):
            gradients(cell, tape)


def test_parameters_are_copied_once_for_passes_with_the_same_numbers(cell: Fake) -> None:
    assert cell.forward(X)[2].seen is cell.forward(X)[2].seen
    assert cell.forward(X)[2].seen.copied is None
    held = cell.params.flat
    tapes = [cell.forward(X)[2] for _ in range(3)]
    assert tapes[0].seen.copied is not None
    assert all(tape.seen is tapes[0].seen for tape in tapes)
    held[-1] += 1
    later = cell.forward(X)[2]
    assert later.seen is not tapes[0].seen
    held[-1] -= 1
    gradients(cell, tapes[0])
    with pytest.raises(ValueError, match="changed"):
        gradients(cell, later)


def test_large_inputs_are_copied_into_pooled_memory(cell: Fake) -> None:
    large = np.repeat(X, 400, axis=1)
    tape = cell.forward(large)[2]
    assert tape.inputs[0] is not large and np.array_equal(tape.inputs[0], large)
    place = tape.inputs[0].ctypes.data
    del tape
    assert cell.forward(large)[2].inputs[0].ctypes.data == place


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("more", [-1, 0, 1, 16, 70_001])
def test_copies_by_several_threads_are_whole(threads: int, more: int) -> None:
    before = get_threads()
    given = np.random.default_rng(0).normal(size=LEAST_BYTES // 4 + more).astype(np.float32)
    own = np.zeros(given.size + 2, np.float32)
    set_threads(threads)
    try:
        copy_over(own[1:-1], given)
    finally:
        set_threads(before)
    assert np.array_equal(own[1:-1], given)
    assert own[0] == own[-1] == 0


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_rows_that_a_pass_copies_on_its_way_are_whole(threads: int) -> None:
    """The cell begins with a product over all rows, whose slices copy their own."""
    given = np.random.default_rng(0).normal(size=(37, 131, 13))
    built: Cell = celldsl.compile_source(PLAIN_RNN)(I=13, H=3, dtype="float64")
    before = get_threads()
    set_threads(threads)
    try:
        for reverse in (False, True):
            x = given.copy()
            y, _, tape = built.forward(x, reverse=reverse)
            assert tape.inputs[0] is not x and np.array_equal(tape.inputs[0], given)
            assert np.array_equal(y, built(given, reverse=reverse)[0])
            x[:] = 7.0
            found = built.backward(tape, np.ones_like(y))
            again = built.backward(built.forward(given, reverse=reverse)[2], np.ones_like(y))
            assert np.array_equal(found.params.flat, again.params.flat)
    finally:
        set_threads(before)


def test_nothing_is_copied_where_nobody_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[Any] = []
    monkeypatch.setattr(
        OwnCopies, "__call__", lambda self, array, rows: copied.append(array) or array
    )
    built: Cell = celldsl.compile_source(SUM)(H=3, dtype="float64")
    built(X)
    built.forward(X)
    built.step(X[0])
    assert not copied
    gru = Fake(I=3, H=4, dtype="float64")
    gru(X, (STARTS,))
    gru.forward(np.asfortranarray(X))  # it was copied to be contiguous
    assert not copied
    gru.forward(X, (STARTS,))
    assert len(copied) == 1 and copied[0] is X
    gru.forward(X, (STARTS,), checkpoint=2)
    assert len(copied) == 3


def test_the_tape_of_another_cell(cell: Fake) -> None:
    other = copy.deepcopy(cell)
    with pytest.raises(TypeError, match=r"tape: expected one that forward of this cell.*another"):
        gradients(other, cell.forward(X)[2])


def test_a_tape_is_not_copied(cell: Fake) -> None:
    tape = cell.forward(X)[2]
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="a tape cannot be copied or pickled"):
            copied(tape)
