"""Arrays between the caller and the kernels.  In: checked arrays.  Out: rows, and back.

    layout = dense_layout(steps=100, batch=32, parts=2, reverse=False)
    rows = layout.rows_in(x)                    # one row per sequence and step that there is
    y = layout.rows_out(rows, (100, 32))
    packed = gather_rows(array, numbers)        # (N, …), (R,) -> (R, …); zeros where one is -1

With `lengths` rows are packed, (R, …), and sequences dealt to parts; without, rows are (T, B, …)
and nothing is copied.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

import numpy as np

from celldsl.jit.functions import routine
from celldsl.jit.object_cache import phase_addresses
from celldsl.jit.symbols import pointer, real
from celldsl.runtime.arrays.validation import DType, Values
from celldsl.runtime.description import Phase
from celldsl.runtime.exec.plan_anew import plan_anew
from celldsl.runtime.row_plan import (
    Packing,
    RowPlan,
    pack_lengths,
    plan_packed,
    plan_rows,
)
from celldsl.runtime.threads.launch import CompiledPhases, LaunchPlan
from celldsl.runtime.threads.thread_count import parts_for


@dataclass(frozen=True, slots=True)
class BatchLayout:
    """The rows of a call.  `packing` is None where every sequence has all steps.

    `resets` (T, B), where there are any, are 1 where sequences begin anew before a step and else 0,
    in the order in which steps are done and sequences are dealt.
    """

    steps: int
    batch: int
    parts: int
    reverse: bool
    packing: Packing | None = None
    resets: Values | None = None

    def plan(self, start: int, stop: int, keep: bool, given: bool) -> RowPlan:
        """The plan for steps `start` … `stop` - 1, in the order in which they are done."""
        if self.packing is not None:
            plan = plan_packed(self.packing, start, stop, keep, given)
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

    def dealt(self, array: Values) -> Values:
        """An array (B, …), such as states, in the order in which sequences are dealt."""
        return array if self.packing is None else array[self.packing.order]

    def undealt(self, array: Values) -> Values:
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
def _packed_layout(lengths: bytes, steps: int, parts: int, reverse: bool) -> BatchLayout:
    numbers = np.frombuffer(lengths, np.int64)
    packing = pack_lengths(numbers, steps, parts, reverse)
    return BatchLayout(int(numbers.max(initial=0)), len(numbers), parts, reverse, packing)


FLOPS_PER_COPY = 8  # to copy a number from memory takes as long as about so many multiplications
_NO_HYPER = np.zeros(0)


@routine
def gathered_rows(
    part: Any, parts: Any, share: Any, shares: Any, sizes: Any, numbers: Any, _hyper: Any,
    source: Any, target: Any,
) -> None:  # fmt: skip
    """target[r] = source[numbers[r]] for a share of the rows."""
    count, width = sizes[0], sizes[1]
    for r in range(count * share // shares, count * (share + 1) // shares):
        into = pointer(target, r * width, 0)
        if numbers[r] < 0:
            for j in range(width):
                into[j] = real(target, 0.0)
        else:
            row = pointer(source, numbers[r] * width, 1)
            for j in range(width):
                into[j] = row[j]


@cache
def _compiled_phases_of(dtype: str) -> CompiledPhases:
    return CompiledPhases(
        [Phase("rows", gathered_rows)], phase_addresses([gathered_rows], dtype, "rows_")
    )


@lru_cache(maxsize=64)
def _launch_plan_of(dtype: DType, count: int, width: int, parts: int) -> LaunchPlan:
    sizes = np.array([count, width], np.int64)
    return LaunchPlan(
        _compiled_phases_of(dtype.name), RowPlan(1, count, count, 0, 0, (sizes,) * parts, True)
    )


def gather_rows(array: Values, numbers: Values) -> Values:
    """The rows of a contiguous array, on several threads where they are many."""
    found = np.empty((len(numbers), *array.shape[1:]), array.dtype)
    count, width = len(numbers), found[:1].size
    parts = parts_for(count, count * width * FLOPS_PER_COPY)
    _launch_plan_of(array.dtype, count, width, parts).run((numbers, _NO_HYPER, array, found))
    return found
