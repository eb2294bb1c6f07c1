"""Arrays between the caller and the kernels.  In: checked arrays.  Out: rows, and back.

    layout = dense_layout(steps=100, batch=32, parts=2, reverse=False)
    rows = layout.inputs_in(x)                  # one row per sequence and step that there is
    y = layout.results_out(rows, (100, 32))
    after = layout.rows_out(rows, (100, 32))    # of rows that are packed in any case

With `lengths` rows are packed, (R, …), and sequences dealt to parts; without, rows are (T, B, …)
and nothing is copied.  Where kernels heed an index they find rows in arrays (T, B, …) themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from celldsl.runtime.arrays.validation import DType, Values
from celldsl.runtime.exec.kept_numbers import OwnCopies
from celldsl.runtime.exec.plan_anew import plan_anew
from celldsl.runtime.exec.row_copies import gather_rows
from celldsl.runtime.row_plan import (
    Packing,
    RowPlan,
    pack_lengths,
    plan_packed,
    plan_rows,
)


@dataclass(frozen=True, slots=True)
class BatchLayout:
    """The rows of a call.  `packing` is None where every sequence has all steps.

    An index finds the rows of `results` (outputs, their cotangents, gradients of inputs) and those
    of `inputs` where it says so; others are packed.

    `resets` (T, B), where there are any, are 1 where sequences begin anew before a step and else 0,
    in the order in which steps are done and sequences are dealt.
    """

    steps: int
    batch: int
    parts: int
    reverse: bool
    packing: Packing | None = None
    resets: Values | None = None
    inputs: bool = False
    results: bool = False

    def plan(self, start: int, stop: int, keep: bool, given: bool) -> RowPlan:
        """The plan for steps `start` … `stop` - 1, in the order in which they are done."""
        if self.packing is not None:
            of = self.inputs, self.results
            plan = plan_packed(self.packing, start, stop, keep, given, *of)
        else:
            steps = stop - start
            plan = plan_rows(steps, self.batch, self.parts, keep, given, self.reverse, start)
        return plan if self.resets is None else plan_anew(plan, self.resets[start:stop])

    def span(self, start: int, stop: int) -> slice:
        """Where these steps are on the first axis of rows."""
        if self.packing is not None:
            ended = np.minimum(self.packing.lengths, start).sum()
            return slice(int(ended), int(np.minimum(self.packing.lengths, stop).sum()))
        if self.reverse:
            start, stop = self.steps - stop, self.steps - start
        return slice(start, stop)

    def empty_rows(self, shape: tuple[int, ...], dtype: DType) -> Values:
        """Room for the rows of all steps."""
        if self.packing is None:
            return np.empty((self.steps, self.batch, *shape), dtype)
        return np.empty((len(self.packing.gather), *shape), dtype)

    def inputs_in(self, array: Values, own: OwnCopies | None = None) -> Values:
        """An input (T, B, …) as kernels take it; rows that are packed go to `own` memory."""
        return array if self.inputs else self._rows_in(array, own)

    def inputs_out(self, rows: Values, lead: tuple[int, ...]) -> Values:
        """What `inputs_in` gave as (T, B, …); zeros past the end of a sequence."""
        return self._with_zeros(rows) if self.inputs else self.rows_out(rows, lead)

    def results_in(self, array: Values) -> Values:
        """Cotangents of an output (T, B, …) as kernels take them."""
        return array if self.results else self._rows_in(array, None)

    def results_out(self, rows: Values, lead: tuple[int, ...]) -> Values:
        """Outputs of kernels, or gradients of an input, as (T, B, …)."""
        return rows if self.results else self.rows_out(rows, lead)

    def rows_out(self, rows: Values, lead: tuple[int, ...]) -> Values:
        """Rows as (T, B, …) for a lead of (T, B); zeros past the end of a sequence."""
        if self.packing is None:
            return rows
        return gather_rows(rows, self.packing.spread).reshape(*lead, *rows.shape[1:])

    def _rows_in(self, array: Values, own: OwnCopies | None) -> Values:
        if self.packing is None:
            return array
        numbers, shape = self.packing.gather, array.shape[2:]
        into = None if own is None else own.room((len(numbers), *shape))
        return gather_rows(array.reshape(-1, *shape), numbers, into)

    def _with_zeros(self, array: Values) -> Values:
        assert self.packing is not None
        found = array.copy()
        found.reshape(-1, *array.shape[2:])[self.packing.gaps] = 0
        return found

    def dealt(self, array: Values) -> Values:
        """An array (B, …), such as states, in the order in which sequences are dealt."""
        return array if self.packing is None else array.take(self.packing.order, 0)

    def undealt(self, array: Values) -> Values:
        """The other way: (B, …) in the caller's order."""
        return array if self.packing is None else array.take(self.packing.places, 0)


@lru_cache(maxsize=64)
def dense_layout(steps: int, batch: int, parts: int, reverse: bool) -> BatchLayout:
    """The layout where every sequence has all steps."""
    return BatchLayout(steps, batch, parts, reverse)


def packed_layout(
    lengths: Values,
    steps: int,
    parts: int,
    reverse: bool,
    inputs: bool = False,
    results: bool = False,
) -> BatchLayout:
    """The layout where sequences have these lengths (B,), of `steps` at most."""
    return _packed_layout(lengths.tobytes(), steps, parts, reverse, inputs, results)


def layout_with_resets(layout: BatchLayout, resets: Values) -> BatchLayout:
    """The layout where sequences begin anew before the steps at which `resets` (T, B) is true.

    Resets past the end of a sequence count for nothing.  `before` is in the order of processing.
    """
    packing, done = layout.packing, np.arange(layout.steps)
    if packing is None:
        own = (resets[::-1] if layout.reverse else resets).astype(np.int64)
        steps, batch = resets.shape
        return BatchLayout(steps, batch, layout.parts, layout.reverse, None, own)
    inside = done[:, None] < packing.lengths
    when = packing.lengths - 1 - done[:, None] if layout.reverse else done[:, None]
    there = inside & resets[np.where(inside, when, 0), packing.order]
    return replace(layout, resets=there.astype(np.int64))


@lru_cache(maxsize=8)
def _packed_layout(
    lengths: bytes, steps: int, parts: int, reverse: bool, inputs: bool, results: bool
) -> BatchLayout:
    numbers = np.frombuffer(lengths, np.int64)
    packing = pack_lengths(numbers, steps, parts, reverse)
    longest, batch = int(numbers.max(initial=0)), len(numbers)
    return BatchLayout(longest, batch, parts, reverse, packing, None, inputs, results)
