"""A batch as kernels take it, and one row of it.  In: what a caller passed.  Out: checked arrays.

    batch = make_batch(engine, signature, x, {}, state, lengths=None, reverse=False)
    batch.arrays, batch.starts          # rows, and (B, …) or None
    batch.lead                          # (T, B)
    stretch = stretch_of(batch.layout, batch.lead, row=1, done=3)
    stretch.cut(x)                      # (T, B, …) -> (its steps, 1, …), in the order of processing

A stretch is what runs as one of a row: a sequence, or with resets the piece of it that the step is
in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from celldsl.runtime.arrays.signature import Signature
from celldsl.runtime.arrays.validation import Values, check_flag, check_lengths, check_resets
from celldsl.runtime.exec.batch_layout import (
    BatchLayout,
    dense_layout,
    layout_with_resets,
    packed_layout,
)
from celldsl.runtime.exec.executor import Engine
from celldsl.runtime.exec.kept_numbers import OwnCopies
from celldsl.runtime.row_plan import plan_rows
from celldsl.runtime.threads.thread_count import parts_for


@dataclass(slots=True)
class Batch:
    """`starts` are None where no state was passed; `lead` is (T, B)."""

    arrays: list[Values]
    starts: list[Values] | None
    layout: BatchLayout
    lead: tuple[int, ...]


def make_batch(
    engine: Engine,
    signature: Signature,
    inputs: object,
    named: Mapping[str, object],
    state: object,
    lengths: object = None,
    reverse: object = False,
    resets: object = None,
    own: tuple[Collection[str], OwnCopies] | None = None,
    segmented: bool = False,
) -> Batch:
    """Raises ArgumentError and ArgumentTypeError.

    `own` has names of inputs that are to be the batch's own, and what copies them; so are states
    where the steps are `segmented`, which no index goes with.
    """
    if reverse is not False:
        reverse = check_flag("reverse", reverse)
    copies = own[1] if own is not None else None
    if lengths is not None:  # packing copies the rows of what is to be its own
        own = None
    arrays, lead = signature.inputs(inputs, named, ("T", "B"), own)
    steps, batch = lead
    copied = copies if segmented and lengths is None else None
    starts = None if state is None else signature.states("state", state, batch, copied)
    if resets is not None:
        resets = check_resets(resets, (steps, batch), ("T", "B"))
    if lengths is None:
        parts = parts_for(batch, engine.flop_estimate(steps * batch))
        layout = dense_layout(steps, batch, parts, reverse)
    else:
        lengths = check_lengths(lengths, steps, batch)
        parts = parts_for(batch, engine.flop_estimate(int(lengths.sum())))
        results = engine.description.indexed and not segmented
        layout = packed_layout(lengths, steps, parts, reverse, results and copies is None, results)
        arrays = [
            layout.dealt(array) if slot.per == "sequence" else layout.inputs_in(array, copies)
            for slot, array in zip(signature.input_slots, arrays, strict=True)
        ]
        starts = None if starts is None else [layout.dealt(array) for array in starts]
    if resets is not None and np.count_nonzero(resets):
        layout = layout_with_resets(layout, resets)
    return Batch(arrays, starts, layout, lead)


def inputs_out(
    signature: Signature, layout: BatchLayout, arrays: list[Values], lead: tuple[int, ...]
) -> list[Values]:
    """Gradients of inputs as the caller has the inputs; those that have none stay as they are."""
    found = []
    for slot, array in zip(signature.input_slots, arrays, strict=True):
        if slot.kind != "real":
            found.append(array)
        elif slot.per == "sequence":
            found.append(layout.undealt(array))
        else:
            found.append(layout.results_out(array, lead))
    return found


def own_starts(engine: Engine) -> list[Values]:
    """The states (1, …) that the cell starts from: the last ones of a run of no steps."""
    nothing, starts = engine.no_inputs(), engine.no_starts
    return engine.forward(plan_rows(0, 1, 1, False, False), nothing, starts).finals


def reset_rows(engine: Engine, starts: list[Values] | None, resets: Values) -> list[Values] | None:
    """States (B, …) with the cell's own start in the rows where `resets` (B,) is true."""
    if starts is None or not resets.any():
        return starts
    found = [array.copy() for array in starts]
    for array, own in zip(found, own_starts(engine), strict=True):
        array[resets] = own
    return found


@dataclass(frozen=True, slots=True)
class Stretch:
    """`first` and `steps` count as steps are done, of `total` that the sequence of the row has.

    `given` says whether it begins from the state that was passed, if one was.
    """

    row: int
    first: int
    steps: int
    total: int
    reverse: bool
    given: bool

    @property
    def is_last(self) -> bool:
        return self.first + self.steps == self.total

    def cut(self, array: Values) -> Values:
        own = array[: self.total, self.row : self.row + 1]
        own = own[::-1] if self.reverse else own
        return own[self.first : self.first + self.steps]

    def step_of(self, done: int) -> int:
        """The caller's number of a step of the stretch."""
        at = self.first + done
        return self.total - 1 - at if self.reverse else at


def total_steps(layout: BatchLayout, lead: tuple[int, ...]) -> Values:
    """How many steps each row has, (B,)."""
    if layout.packing is None:
        return np.full(lead[1], lead[0], np.int64)
    return layout.undealt(np.asarray(layout.packing.lengths))


def stretch_of(layout: BatchLayout, lead: tuple[int, ...], row: int, done: int) -> Stretch:
    """The stretch of a row that has a step, counted in the order in which steps are done."""
    total = int(total_steps(layout, lead)[row])
    if layout.resets is None:
        return Stretch(row, 0, total, total, layout.reverse, True)
    place = row if layout.packing is None else int(np.flatnonzero(layout.packing.order == row)[0])
    begins = np.flatnonzero(layout.resets[:, place])
    before, after = begins[begins <= done], begins[begins > done]
    first = int(before[-1]) if len(before) else 0
    stop = int(after[0]) if len(after) else total
    return Stretch(row, first, stop - first, total, layout.reverse, not len(before))


def steps_done(layout: BatchLayout, lead: tuple[int, ...], array: Values) -> Values:
    """For each step (T, B) that a row has its place in the order of processing; -1 past its end."""
    steps = np.arange(lead[0])[:, None]
    total = total_steps(layout, lead)[None, :]
    found = total - 1 - steps if layout.reverse else np.broadcast_to(steps, array.shape[:2])
    return np.where(steps < total, found, -1)
