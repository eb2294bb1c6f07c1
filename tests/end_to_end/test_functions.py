"""Numba's functions of every cell against the reference: whole sequences, and step by step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from celldsl.runtime.cell.cell import Cell
from tests.end_to_end.compare import TOLERANCE, Drawn, Expected, Setup, distance, reference
from tests.end_to_end.every_cell import NAMES, subject_named
from tests.end_to_end.subject import Subject
from tests.tenth import marked

SETUP = Setup()


@pytest.mark.parametrize("name", marked(NAMES))
def test_functions_agree_with_the_reference(name: str) -> None:
    subject = subject_named(name)
    dims = subject.dims(subject.sizes[SETUP.sizes])
    cell = subject.make(dims)
    drawn = Drawn(
        subject.draw_inputs(dims, SETUP.T, SETUP.B),
        subject.draw_outputs(dims, SETUP.T, SETUP.B),
        subject.draw_states(dims, SETUP.B),
        subject.draw_states(dims, SETUP.B, seed=4),
    )
    expected = reference(subject, cell, dims, SETUP, drawn)
    found = [*whole_sequences(subject, cell, drawn), *step_by_step(subject, cell, drawn)]
    wrong = [
        f"{way} {kind} {key}: {error:.1e}"
        for way, kind, arrays in found
        for key, array in arrays.items()
        if not (error := distance(array, getattr(expected, kind)[key])) < TOLERANCE
    ]
    assert not wrong, "; ".join(wrong)
    assert {kind for _, kind, _ in found} == set(Expected.__annotations__)


Found = Iterator[tuple[str, str, dict[str, Any]]]


def whole_sequences(subject: Subject, cell: Cell, drawn: Drawn) -> Found:
    functions, weights = cell.functions, cell.prepare()
    assert functions is not None
    inputs, starts = drawn.inputs.values(), drawn.states.values()
    *made, tape = functions.forward(weights, *inputs, *starts)
    outputs, finals = made[: len(drawn.dy)], made[len(drawn.dy) :]
    yield "forward", "outputs", dict(zip(drawn.dy, outputs, strict=True))
    yield "forward", "finals", dict(zip(drawn.states, finals, strict=True))
    gradients, *back = functions.backward(
        weights, tape, *inputs, *drawn.dy.values(), *drawn.dstate.values()
    )
    yield "backward", "d_params", dict(cell.params.over(gradients))
    real = reals(cell)
    yield "backward", "d_inputs", dict(zip(real, back, strict=False))
    yield "backward", "d_starts", dict(zip(drawn.states, back[len(real) :], strict=True))


def reals(cell: Cell) -> list[str]:
    """The inputs that gradients come back for."""
    return [each.name for each in cell.description.inputs if each.kind == "real"]


def at(cell: Cell, drawn: Drawn, t: int) -> list[Any]:
    """The inputs of a step; those that last a sequence are the same in all."""
    per = {each.name: each.per for each in cell.description.inputs}
    return [a if per[name] == "sequence" else a[t] for name, a in drawn.inputs.items()]


def step_by_step(subject: Subject, cell: Cell, drawn: Drawn) -> Found:
    functions, weights = cell.functions, cell.prepare()
    assert functions is not None
    states, tapes, outputs = list(drawn.states.values()), [], []
    for t in range(SETUP.T):
        *made, tape = functions.step(weights, *at(cell, drawn, t), *states)
        outputs.append(made[: len(drawn.dy)])
        states = made[len(drawn.dy) :]
        tapes.append(tape)
    stacked = [np.stack(arrays) for arrays in zip(*outputs, strict=True)]
    yield "step", "outputs", dict(zip(drawn.dy, stacked, strict=True))
    yield "step", "finals", dict(zip(drawn.states, states, strict=True))
    total, cotangents = np.zeros_like(weights[2]), list(drawn.dstate.values())
    d_inputs, real = [], reals(cell)
    for t in reversed(range(SETUP.T)):
        given = (*at(cell, drawn, t), *(dy[t] for dy in drawn.dy.values()))
        gradients, *back = functions.step_backward(weights, tapes[t], *given, *cotangents)
        total += gradients
        d_inputs.insert(0, back[: len(real)])
        cotangents = back[len(real) :]
    per = {each.name: each.per for each in cell.description.inputs}
    stacked = [
        sum(arrays) if per[name] == "sequence" else np.stack(arrays)
        for name, arrays in zip(real, zip(*d_inputs, strict=True), strict=True)
    ]
    yield "step_backward", "d_params", dict(cell.params.over(total))
    yield "step_backward", "d_inputs", dict(zip(real, stacked, strict=True))
    yield "step_backward", "d_starts", dict(zip(drawn.states, cotangents, strict=True))
