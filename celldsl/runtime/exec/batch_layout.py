"""Arrays between the caller and the kernels.  In: checked arrays.  Out: rows, and back.

    layout = dense_layout(steps=100, batch=32, parts=2, reverse=False)
    rows = layout.rows_in(x)             # one row per sequence and step that there is
    y = layout.rows_out(rows, (100, 32))

With `lengths` rows are packed, (R, …), and sequences dealt to parts; without, rows are (T, B, …)
and nothing is copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.exec.gather import gather_rows
from celldsl.runtime.row_plan import Packing, RowPlan, pack_lengths, plan_packed, plan_rows


@dataclass(frozen=True, slots=True)
class BatchLayout:
    """The rows of a call.  `packing` is None where every sequence has all steps."""

    steps: int
    batch: int
    parts: int
    reverse: bool
    packing: Packing | None = None

    def plan(self, start: int, stop: int, keep: bool, given: bool) -> RowPlan:
        """The plan for steps `start` … `stop` - 1, in the order in which they are done."""
        if self.packing is not None:
            return plan_packed(self.packing, start, stop, keep, given)
        steps = stop - start
        return plan_rows(steps, self.batch, self.parts, keep, given, self.reverse, start)

    def span(self, start: int, stop: int) -> slice:
        """Where these steps are on the first axis of rows."""
        if self.packing is not None:
            ended = np.minimum(self.packing.lengths, start).sum()
            return slice(int(ended), int(np.minimum(self.packing.lengths, stop).sum()))
        if self.reverse:
            start, stop = self.steps - stop, self.steps - start
        return slice(start, stop)

    def empty_rows(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Values:
        """Room for the rows of all steps."""
        if self.packing is None:
            return np.empty((self.steps, self.batch, *shape), dtype)
        return np.empty((len(self.packing.gather), *shape), dtype)

    def rows_in(self, array: Values) -> Values:
        """(T, B, …) as kernels take it: itself, or the packed rows (R, …)."""
        if self.packing is None:
            return array
        return gather_rows(array.reshape(-1, *array.shape[2:]), self.packing.gather)

    def rows_out(self, rows: Values, lead: tuple[int, ...]) -> Values:
        """Rows as (T, B, …) for a lead of (T, B); zeros past the end of a sequence."""
        if self.packing is None:
            return rows
        return gather_rows(rows, self.packing.spread).reshape(*lead, *rows.shape[1:])

    def batch_in(self, array: Values) -> Values:
        """(B, …) in the order in which sequences are dealt."""
        return array if self.packing is None else array[self.packing.order]

    def batch_out(self, array: Values) -> Values:
        """The other way: (B, …) in the caller's order."""
        if self.packing is None:
            return array
        found = np.empty_like(array)
        found[self.packing.order] = array
        return found


@lru_cache(maxsize=64)
def dense_layout(steps: int, batch: int, parts: int, reverse: bool) -> BatchLayout:
    """The layout where every sequence has all steps."""
    return BatchLayout(steps, batch, parts, reverse)


def packed_layout(lengths: Values, steps: int, parts: int, reverse: bool) -> BatchLayout:
    """The layout where sequences have these lengths (B,), of `steps` at most."""
    return _packed_layout(lengths.tobytes(), steps, parts, reverse)


@lru_cache(maxsize=8)
def _packed_layout(lengths: bytes, steps: int, parts: int, reverse: bool) -> BatchLayout:
    numbers = np.frombuffer(lengths, np.int64)
    packing = pack_lengths(numbers, steps, parts, reverse)
    return BatchLayout(int(numbers.max(initial=0)), len(numbers), parts, reverse, packing)
