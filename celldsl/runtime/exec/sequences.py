"""Whole sequences, in one go or in segments.  In: an engine, a layout, rows.  Out: a Tape.

    tape = run_sequence(engine, layout, inputs, starts, segments=1)
    tape.outputs, tape.finals
    gradients = run_back(tape, dy, dstate)
    rows_before(engine, run)        # what went into each step, for each state
    rows_after(engine, run)         # what went out of it

With one segment the tape keeps every step.  With several it keeps the states at their borders
alone, and the backward pass runs each segment again before it goes through it.  States before and
after a step differ where a sequence begins anew: the step after gets the cell's own start.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.buffers import PooledBuffer
from celldsl.runtime.exec.batch_layout import BatchLayout
from celldsl.runtime.exec.executor import BackwardRun, Engine, ForwardRun
from celldsl.runtime.exec.kept_numbers import OwnCopies
from celldsl.runtime.exec.tape import Tape
from celldsl.runtime.row_plan import HEADER, RUN, WORDS, RowPlan


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
    """As `run_once`, and the states after each step, as rows."""
    plan = layout.plan(0, layout.steps, True, starts is not None)
    run = engine.infer(plan, inputs, engine.no_starts if starts is None else starts)
    return run, rows_after(engine, run)


def run_sequence(
    tape: Tape, after: list[Values] | None = None, copies: OwnCopies | None = None
) -> tuple[list[Values], list[Values]]:
    """Runs forward and fills in the tape.  Returns outputs (all rows) and final states.

    `after` is room for the states after each step; `copies` of inputs are made on the way.
    """
    engine, layout = tape.engine, tape.layout
    if len(tape.borders) == 1:
        starts = engine.no_starts if tape.starts is None else tape.starts
        plan = layout.plan(0, layout.steps, True, tape.starts is not None)
        run = engine.forward(plan, tape.inputs, starts, tape.numbers, copies=copies)
        tape.runs.append(run)
        if after is not None:
            put_rows_after(engine, run, slice(None), after)
        return run.outputs, run.finals
    if copies is not None:
        copies.make()
    outputs = [layout.empty_rows(shape, engine.dtype) for shape in engine.output_shapes]
    given = tape.starts
    fixed = None
    for index, border in enumerate(tape.borders):
        if given is not None:
            tape.states.append(given)
        run = _segment(tape, index, given, keep=after is not None, fixed=fixed)
        own = layout.span(*border)
        if after is not None:
            put_rows_after(engine, run, own, after)
        _put(outputs, own, run.outputs)
        given, fixed = run.finals, run.fixed
    return outputs, run.finals


def _put(whole: list[Values], own: slice, parts: list[Values]) -> None:
    for array, part in zip(whole, parts, strict=True):
        array[own] = part


def _segment(
    tape: Tape,
    index: int,
    starts: list[Values] | None,
    keep: bool,
    fixed: PooledBuffer | None = None,
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


def empty_states(engine: Engine, layout: BatchLayout) -> list[Values]:
    """Room for the rows of every state."""
    return [layout.empty_rows(shape, engine.dtype) for shape in engine.state_shapes]


def rows_before(engine: Engine, run: ForwardRun) -> list[Values]:
    """Copies of the states that went into the steps of a run which kept every step."""
    plan = run.plan
    return [_laid_out(plan, rows[: plan.rows].copy()) for rows in _buffers(engine, run)]


def rows_after(engine: Engine, run: ForwardRun) -> list[Values]:
    """Copies of the states that went out of them."""
    where = next_rows(run.plan)
    return [_laid_out(run.plan, rows[where]) for rows in _buffers(engine, run)]


def put_rows_after(engine: Engine, run: ForwardRun, own: slice, whole: list[Values]) -> None:
    """Copies them to where the rows of the run are in those of all steps."""
    where = next_rows(run.plan)
    for into, rows in zip(whole, _buffers(engine, run), strict=True):
        # Indices that may be out of range would have NumPy make a copy first.
        np.take(rows, where, 0, into[own].reshape(-1, *rows.shape[1:]), mode="clip")


def _laid_out(plan: RowPlan, rows: Values) -> Values:
    lead = (plan.rows,) if plan.packed else (plan.steps, plan.batch)
    return rows.reshape(*lead, *rows.shape[1:])


def _buffers(engine: Engine, run: ForwardRun) -> list[Values]:
    """The buffer of each state, row by row: they are the first on a tape, in order."""
    regions, plan = engine.description.regions, run.plan
    assert regions is not None
    found = regions(**run.sizes.extents)["tape"][: len(engine.state_shapes)]
    rows = plan.states + plan.batch
    return [
        run.tape.array[begin : begin + rows * math.prod(shape)].reshape(rows, *shape)
        for (_, begin), shape in zip(found, engine.state_shapes, strict=True)
    ]


def next_rows(plan: RowPlan) -> Values:
    """For each row, that of the state buffer where its state goes after the step."""
    found = np.empty(plan.rows, np.int64)
    for part in plan.parts:
        table = part[HEADER : part[9]].reshape(-1, WORDS)
        low, high, to, _ = part[table[0, 4] : table[-1, 4]].reshape(-1, RUN).T
        row = np.repeat(table[:-1, 0], np.diff(table[:, 4]) // RUN)
        count = high - low
        before = np.cumsum(count) - count
        place = np.arange(count.sum()) + np.repeat(low - before, count)
        found[np.repeat(row, count) + place] = np.repeat(to, count) + place
    return found
