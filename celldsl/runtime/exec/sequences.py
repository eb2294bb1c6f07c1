"""Whole sequences, in one go or in segments.  In: an engine, a layout, rows.  Out: a Tape.

    tape = run_sequence(engine, layout, inputs, starts, segments=1)
    tape.outputs, tape.finals
    gradients = run_back(tape, dy, dstate)

With one segment the tape keeps every step.  With several it keeps the states at their borders
alone, and the backward pass runs each segment again before it goes through it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.exec.all_states import empty_states, keep_states
from celldsl.runtime.exec.batch_layout import BatchLayout
from celldsl.runtime.exec.batches import own_starts
from celldsl.runtime.exec.executor import BackwardRun, Engine, ForwardRun, Numbers
from celldsl.runtime.exec.tape import Tape


def cut_segments(steps: int, segments: int) -> list[tuple[int, int]]:
    """The (start, stop) of each segment; 0 makes about the square root of the steps."""
    if segments == 1:
        return [(0, steps)]
    wanted = segments or int(np.ceil(np.sqrt(steps)))
    number = max(1, min(wanted, steps))
    edges = [steps * i // number for i in range(number + 1)]
    return list(pairwise(edges))


def run_once(
    engine: Engine, layout: BatchLayout, inputs: list[Values], starts: list[Values] | None
) -> ForwardRun:
    """Inference: nothing is kept but the last step."""
    plan = layout.plan(0, layout.steps, False, starts is not None)
    return engine.infer(plan, inputs, engine.no_starts if starts is None else starts)


def run_with_states(
    engine: Engine, layout: BatchLayout, inputs: list[Values], starts: list[Values] | None
) -> tuple[ForwardRun, list[Values]]:
    """As `run_once`, and the states that went into each step, as rows."""
    plan = layout.plan(0, layout.steps, True, starts is not None)
    run = engine.infer(plan, inputs, engine.no_starts if starts is None else starts)
    before = empty_states(engine, layout)
    keep_states(before, slice(None), engine, run)
    return run, before


def run_sequence(
    tape: Tape, before: list[Values] | None = None
) -> tuple[list[Values], list[Values]]:
    """Runs forward and fills in the tape.  Returns outputs (all rows) and final states.

    `before` is room for the states that go into each step.
    """
    engine, layout = tape.engine, tape.layout
    if len(tape.borders) == 1:
        starts = engine.no_starts if tape.starts is None else tape.starts
        plan = layout.plan(0, layout.steps, True, tape.starts is not None)
        run = engine.forward(plan, tape.inputs, starts, tape.numbers)
        tape.runs.append(run)
        if before is not None:
            keep_states(before, slice(None), engine, run)
        return run.outputs, run.finals
    outputs = [layout.empty_rows(shape, engine.dtype) for shape in engine.output_shapes]
    given = tape.starts
    fixed = None
    for index, border in enumerate(tape.borders):
        if given is not None:
            tape.states.append(given)
        run = _segment(tape, index, given, keep=before is not None, fixed=fixed)
        own = layout.span(*border)
        if before is not None:
            keep_states(before, own, engine, run)
        for whole, part in zip(outputs, run.outputs, strict=True):
            whole[own] = part
        given, fixed = run.finals, run.fixed
    return outputs, run.finals


def _segment(
    tape: Tape, index: int, starts: list[Values] | None, keep: bool, fixed: Any = None
) -> ForwardRun:
    engine = tape.engine
    plan = tape.layout.plan(*tape.borders[index], keep, starts is not None)
    given = engine.no_starts if starts is None else starts
    return engine.forward(plan, _inputs_of(tape, index), given, tape.numbers, fixed)


def _inputs_of(tape: Tape, index: int) -> list[Values]:
    if len(tape.borders) == 1:
        return tape.inputs
    own = tape.layout.span(*tape.borders[index])
    pairs = zip(tape.engine.inputs, tape.inputs, strict=True)
    return [array if each.per == "sequence" else array[own] for each, array in pairs]


def run_back(
    tape: Tape, engine: Engine, outputs: list[Values], finals: list[Values | None]
) -> BackwardRun:
    """Runs backward for the cotangents of outputs (all rows) and final states.

    `engine` is that of the tape, or one with the same forward phases.
    """
    if tape.runs:
        return engine.backward(tape.runs[0], tape.inputs, outputs, finals)
    return _back_in_segments(tape, engine, outputs, finals)


def _back_in_segments(
    tape: Tape, engine: Engine, outputs: list[Values], finals: list[Values | None]
) -> BackwardRun:
    total = np.zeros_like(engine.parameters)
    inputs = [np.zeros_like(array) for array in tape.inputs]
    starts: list[Values] = []
    for index in reversed(range(len(tape.borders))):
        own = tape.layout.span(*tape.borders[index])
        run = _segment(tape, index, _starts_of(tape, index), keep=True)
        given = [array[own] for array in outputs]
        found = engine.backward(run, _inputs_of(tape, index), given, starts or finals)
        total += found.parameters
        for each, whole, part in zip(engine.inputs, inputs, found.inputs, strict=True):
            if each.per == "sequence" and each.kind == "real":
                whole += part
            elif each.kind == "real":
                whole[own] = part
        starts = found.starts
    return BackwardRun(total, inputs, starts)


def _starts_of(tape: Tape, index: int) -> list[Values] | None:
    """The states that a segment starts from; None for a first one that nobody gave any."""
    if tape.starts is None:
        return None if index == 0 else tape.states[index - 1]
    return tape.states[index]


def add_own_starts(tape: Tape, starts: list[Values], gradients: Values) -> None:
    """`own_start_gradients` of a tape."""
    if tape.starts is not None:
        own_start_gradients(tape.engine, tape.layout, tape.numbers, starts, gradients)


def own_start_gradients(
    engine: Engine, layout: BatchLayout, numbers: Numbers, starts: list[Values], gradients: Values
) -> None:
    """Adds the gradients of parameters by way of starts of episodes, where a state was passed.

    Then kernels take all starts for given ones; without one they find these gradients themselves.
    """
    episodes = layout.episodes
    if episodes is None or episodes.given.all():
        return
    run = own_starts(engine, keep=True, numbers=numbers)
    own = [layout.undealt(array)[~episodes.given] for array in starts]
    ends: list[Values | None] = [array.sum(axis=0, keepdims=True) for array in own]
    inputs = engine.no_inputs()
    outputs = [np.empty((0, 1, *shape), engine.dtype) for shape in engine.output_shapes]
    gradients += engine.backward(run, inputs, outputs, ends).parameters
