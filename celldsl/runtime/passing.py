"""Arrays between the caller and the kernels.  In: checked arrays.  Out: flat rows, and back.

    frame = Frame.full(steps=100, batch=32, parts=2, reverse=False)
    flat = frame.rows_in(x, size)       # one row per sequence and step that there is
    y = frame.rows_out(flat, (100, 32, 128))

With `lengths` rows are packed and sequences dealt to parts; without, nothing is copied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from celldsl.runtime.arguments import Values
from celldsl.runtime.rows import Packing, RowPlan, pack_lengths, plan_packed, plan_rows


@dataclass(frozen=True, slots=True)
class Frame:
    """The rows of a call.  `packing` is None where every sequence has all steps."""

    steps: int
    batch: int
    parts: int
    reverse: bool
    packing: Packing | None = None

    @staticmethod
    def of_lengths(lengths: Values, batch: int, parts: int, reverse: bool) -> Frame:
        packing = pack_lengths(lengths, batch, parts, reverse)
        return Frame(int(lengths.max(initial=0)), batch, parts, reverse, packing)

    def plan(self, start: int, stop: int, keep: bool, given: bool) -> RowPlan:
        """The plan for steps `start` … `stop` - 1, in the order in which they are done."""
        if self.packing is not None:
            return plan_packed(self.packing, start, stop, keep, given)
        steps = stop - start
        return plan_rows(steps, self.batch, self.parts, keep, given, self.reverse, start)

    def span(self, start: int, stop: int) -> slice:
        """The rows of these steps among all rows."""
        if self.packing is not None:
            ended = np.minimum(self.packing.lengths, start).sum()
            return slice(int(ended), int(np.minimum(self.packing.lengths, stop).sum()))
        if self.reverse:
            start, stop = self.steps - stop, self.steps - start
        return slice(start * self.batch, stop * self.batch)

    def rows_in(self, array: Values, size: int) -> Values:
        """(T, B, …) as flat rows of `size` elements: a view, or the packed rows."""
        if self.packing is None:
            return array.reshape(-1)
        rows = array.reshape(-1, size) if size else array.reshape(-1, 1)
        return rows[self.packing.gather].reshape(-1)

    def rows_out(self, flat: Values, shape: tuple[int, ...]) -> Values:
        """Flat rows as (T, B, …); zeros past the end of a sequence."""
        if self.packing is None:
            return flat.reshape(shape)
        found = np.zeros(shape, flat.dtype)
        if flat.size:
            rows = flat.reshape(len(self.packing.gather), -1)
            found.reshape(shape[0] * shape[1], -1)[self.packing.gather] = rows
        return found

    def batch_in(self, array: Values) -> Values:
        """(B, …) flat, in the order in which sequences are dealt."""
        return (array if self.packing is None else array[self.packing.order]).reshape(-1)

    def batch_out(self, flat: Values, shape: tuple[int, ...]) -> Values:
        """The other way: (B, …) in the caller's order."""
        array = flat.reshape(shape)
        if self.packing is None:
            return array
        found = np.empty_like(array)
        found[self.packing.order] = array
        return found
