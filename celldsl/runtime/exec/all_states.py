"""States around every step.  In: what a forward pass has kept.  Out: rows, as kernels take them.

    rows_before(engine, run)        # what went into each step, for each state
    rows_after(engine, run)         # what went out of it

The two differ where a sequence begins anew: the step after gets the cell's own start.
"""

from __future__ import annotations

import math

import numpy as np

from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.exec.batch_layout import BatchLayout
from celldsl.runtime.exec.executor import Engine, ForwardRun
from celldsl.runtime.row_plan import HEADER, RUN, WORDS, RowPlan


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
        low, high, to, _ = part[table[0, 4] :].reshape(-1, RUN).T
        row = np.repeat(table[:-1, 0], np.diff(table[:, 4]) // RUN)
        count = high - low
        before = np.cumsum(count) - count
        place = np.arange(count.sum()) + np.repeat(low - before, count)
        found[np.repeat(row, count) + place] = np.repeat(to, count) + place
    return found
