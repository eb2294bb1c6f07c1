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
from celldsl.runtime.exec.episodes import Episodes, cut_episodes
from celldsl.runtime.exec.gather import gather_rows
from celldsl.runtime.row_plan import (
    Packing,
    RowPlan,
    pack_lengths,
    pack_pieces,
    plan_packed,
    plan_rows,
)


@dataclass(frozen=True, slots=True)
class BatchLayout:
    """The rows of a call.  `packing` is None where every sequence has all steps.

    With `episodes` it is their pieces that are packed.
    """

    steps: int
    batch: int
    parts: int
    reverse: bool
    packing: Packing | None = None
    episodes: Episodes | None = None

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

    def sequences_in(self, array: Values) -> Values:
        """An input (B, …) in the order in which sequences, or their pieces, are dealt."""
        if self.packing is None:
            return array
        own = array if self.episodes is None else array[self.episodes.pieces.sequence]
        return own[self.packing.order]

    def sequences_out(self, array: Values) -> Values:
        """Gradients of such an input as (B, …) in the caller's order: sums over pieces."""
        found = self.undealt(array)
        if self.episodes is None:
            return found
        total = np.zeros((self.batch, *array.shape[1:]), array.dtype)
        np.add.at(total, self.episodes.pieces.sequence, found)
        return total

    def sequences_of(self, array: Values) -> Values:
        """Such an input as the caller passed it."""
        found = self.undealt(array)
        return found if self.episodes is None else found[self.episodes.head]

    def starts_in(self, array: Values, own: Values | None = None) -> Values:
        """States (B, …) in the order in which sequences are dealt; `own` (1, …) for episodes."""
        if self.episodes is not None:
            assert own is not None
            array = self.episodes.starts_in(array, own)
        return array if self.packing is None else array[self.packing.order]

    def starts_out(self, array: Values) -> Values:
        """The other way, for gradients of starts: (B, …) in the caller's order."""
        found = self.undealt(array)
        return found if self.episodes is None else self.episodes.starts_out(found)

    def finals_in(self, array: Values) -> Values:
        """Cotangents of last states (B, …) in the order in which sequences are dealt."""
        if self.episodes is not None:
            array = self.episodes.finals_in(array)
        return array if self.packing is None else array[self.packing.order]

    def finals_out(self, array: Values) -> Values:
        """Last states as (B, …) in the caller's order."""
        found = self.undealt(array)
        return found if self.episodes is None else found[self.episodes.last]

    def undealt(self, array: Values) -> Values:
        """An array with a row for each sequence or piece, as they were before they were dealt."""
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


def episode_layout(
    resets: Values, lengths: Values | None, parts: int, reverse: bool
) -> BatchLayout:
    """The layout where sequences begin anew before the steps (T, B) at which `resets` is true."""
    given = None if lengths is None else lengths.tobytes()
    return _episode_layout(resets.tobytes(), resets.shape, given, parts, reverse)


@lru_cache(maxsize=8)
def _episode_layout(
    resets: bytes, shape: tuple[int, int], lengths: bytes | None, parts: int, reverse: bool
) -> BatchLayout:
    known = None if lengths is None else np.frombuffer(lengths, np.int64)
    episodes = cut_episodes(np.frombuffer(resets, bool).reshape(shape), known, reverse)
    packing = pack_pieces(episodes.pieces, *shape, parts, reverse)
    steps = int(packing.lengths.max(initial=0))
    return BatchLayout(steps, shape[1], parts, reverse, packing, episodes)


@lru_cache(maxsize=8)
def _packed_layout(lengths: bytes, steps: int, parts: int, reverse: bool) -> BatchLayout:
    numbers = np.frombuffer(lengths, np.int64)
    packing = pack_lengths(numbers, steps, parts, reverse)
    return BatchLayout(int(numbers.max(initial=0)), len(numbers), parts, reverse, packing)
