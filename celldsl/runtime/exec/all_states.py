"""States around every step.  In: what a forward pass has kept.  Out: arrays (T, B, …).

    before = empty_states(engine, layout)           # rows, which a pass over a tape fills in
    keep_states(before, slice(None), engine, run)
    states_before(layout, lead, before)             # what went into each step
    states_after(layout, lead, before, run.finals)  # what went out of it

Both are zeros past the end of a sequence.
"""

from __future__ import annotations

import math

import numpy as np

from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.exec.batch_layout import BatchLayout
from celldsl.runtime.exec.executor import Engine, ForwardRun


def empty_states(engine: Engine, layout: BatchLayout) -> list[Values]:
    """Room for the rows of every state."""
    return [layout.empty_rows(shape, engine.dtype) for shape in engine.state_shapes]


def keep_states(before: list[Values], own: slice, engine: Engine, run: ForwardRun) -> None:
    """Copies the states that went into the steps of a run which kept every step."""
    plan, tape = run.sizes.plan, run.tape.array
    for begin, whole, shape in zip(begins(engine, run), before, engine.state_shapes, strict=True):
        rows = whole[own]
        rows[...] = tape[begin : begin + plan.rows * math.prod(shape)].reshape(rows.shape)


def begins(engine: Engine, run: ForwardRun) -> list[int]:
    """Where the buffer of each state begins: they are the first on a tape, in order."""
    regions = engine.description.regions
    assert regions is not None
    found = regions(**run.sizes.extents)["tape"][: len(engine.state_shapes)]
    return [int(begin) for _, begin in found]


def states_before(layout: BatchLayout, lead: tuple[int, ...], before: list[Values]) -> list[Values]:
    """What went into each step, (T, B, …) each."""
    return [layout.rows_out(rows, lead) for rows in before]


def states_after(
    layout: BatchLayout, lead: tuple[int, ...], before: list[Values], finals: list[Values]
) -> list[Values]:
    """What went out of each step: what goes into the next, and at an end the last state."""
    when, sequence, piece = _ends(layout, lead)
    found = []
    for rows, last in zip(states_before(layout, lead, before), finals, strict=True):
        after = np.zeros_like(rows)
        if layout.reverse:
            after[1:] = rows[:-1]
            _clear_past_ends(layout, after)
        else:
            after[:-1] = rows[1:]
        after[when, sequence] = layout.undealt(last)[piece]
        found.append(after)
    return found


def _ends(layout: BatchLayout, lead: tuple[int, ...]) -> tuple[Values, Values, Values]:
    """The last steps of pieces: when they are, of which sequence, and which piece it is."""
    steps, batch = lead
    episodes = layout.episodes
    if episodes is not None:
        pieces = episodes.pieces
        sequence, total = pieces.sequence, pieces.total
        done, length = pieces.first + pieces.lengths, pieces.lengths
    else:
        sequence = np.arange(batch)
        total = _lengths(layout, steps, batch)
        done = length = total
    own = np.flatnonzero(length > 0)
    when = total - done if layout.reverse else done - 1
    return when[own], sequence[own], own


def _lengths(layout: BatchLayout, steps: int, batch: int) -> Values:
    if layout.packing is None:
        return np.full(batch, steps, np.int64)
    return layout.undealt(layout.packing.lengths)


def _clear_past_ends(layout: BatchLayout, after: Values) -> None:
    """Backwards in time the step past an end would have what goes into the first that is done."""
    if layout.packing is None:
        return
    spread = layout.packing.spread.reshape(after.shape[:2])
    after[spread < 0] = 0
