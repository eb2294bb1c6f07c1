"""The `rows` arrays of a call.  In: steps, sequences, lengths.  Out: a RowPlan.

    plan = plan_rows(steps=100, batch=32, parts=2, keep=True, given=False, reverse=False)
    plan.parts[0]           # the int64 array of part 0, as description.py lays it out
    packing = pack_lengths(lengths, steps=100, parts=2, reverse=False)

Where all sequences are equally long nothing is copied: going backwards in time is a matter of
which row a step has.  Otherwise rows are packed: step by step, and within a step part by part, so
that there are as many rows as there is work; `Packing` says where each comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from heapq import heapify, heapreplace

import numpy as np

from celldsl.runtime.arrays.validation import Values

HEADER = 8
SEQUENCE_BITS = 32  # of the word that says whose masks a place has


@dataclass(frozen=True, slots=True)
class RowPlan:
    """`rows` is R, `states` S and `kept` K of description.py; `parts` has an array for each.

    Rows are `packed` where sequences may have different lengths.
    """

    steps: int
    batch: int
    rows: int
    states: int
    kept: int
    parts: tuple[Values, ...]
    packed: bool


@dataclass(frozen=True, slots=True, eq=False)
class Packing:
    """How sequences of different lengths lie.

    Place p of the batch holds sequence `order[p]`, of length `lengths[p]`; a part owns the next
    `counts[part]` places, the longest first.  Packed row r is row `gather[r]` of the (T*B) rows
    that the caller sees, and row i of those is row `spread[i]`, or -1 past the end of a sequence.
    `masks` says whose masks a place has: the caller's sequence, and in the upper half of the word
    how many of its steps come before.
    """

    order: Values
    lengths: Values
    counts: tuple[int, ...]
    gather: Values
    spread: Values
    masks: Values


@lru_cache(maxsize=64)
def plan_rows(
    steps: int,
    batch: int,
    parts: int,
    keep: bool,
    given: bool,
    reverse: bool = False,
    start: int = 0,
) -> RowPlan:
    """The plan where every sequence has `steps` steps; `start` were done before them."""
    counts = [batch // parts + (part < batch % parts) for part in range(parts)]
    times = np.arange(steps)
    order = np.arange(batch)
    where = (steps - 1 - times if reverse else times) * batch
    starts = np.cumsum([0, *counts[:-1]])
    rows = where[None, :] + starts[:, None]
    active = np.repeat(np.array(counts)[:, None], steps, axis=1)
    return _plan(steps, order, counts, rows, active, steps * batch, keep, given, start, False)


@lru_cache(maxsize=16)
def plan_packed(packing: Packing, start: int, stop: int, keep: bool, given: bool) -> RowPlan:
    """The plan for steps `start` … `stop` - 1 of sequences of different lengths."""
    lengths = np.clip(packing.lengths - start, 0, stop - start)
    active = _active(lengths, packing.counts, stop - start)
    rows = _first_rows(active)
    total = int(lengths.sum())
    steps, counts = stop - start, packing.counts
    return _plan(steps, packing.masks, counts, rows, active, total, keep, given, start, True)


def _plan(
    steps: int,
    masks: Values,
    counts: list[int] | tuple[int, ...],
    rows: Values,
    active: Values,
    total: int,
    keep: bool,
    given: bool,
    start: int,
    packed: bool,
) -> RowPlan:
    """`rows` and `active` (parts, steps) as arrays of numbers for each part."""
    batch = len(masks)
    states, kept = (total, total) if keep else (2 * batch, batch)
    found = []
    first = 0
    for part, count in enumerate(counts):
        table = np.zeros((steps + 1, 4), dtype=np.int64)
        table[:steps, 0] = rows[part]
        table[:steps, 1] = active[part]
        table[:steps, 2] = rows[part] if keep else first + np.arange(steps) % 2 * batch
        table[:steps, 3] = rows[part] if keep else first
        # No sequence is active any more: what would come next is where final states go.
        table[steps, 2] = states + first
        header = np.array([steps, batch, total, states, first, count, given, keep], dtype=np.int64)
        # Masks are those of a sequence and a step, wherever they lie and whenever they are run.
        found.append(np.concatenate([header, table.ravel(), masks[first : first + count], [start]]))
        first += count
    return RowPlan(steps, batch, total, states, kept, tuple(found), packed)


def pack_lengths(lengths: Values, steps: int, parts: int, reverse: bool) -> Packing:
    """Deals sequences of up to `steps` steps to parts, evenly by work, and places every row."""
    batch = len(lengths)
    whole = Pieces(np.arange(batch), np.zeros(batch, np.int64), lengths, lengths)
    return pack_pieces(whole, steps, batch, parts, reverse)


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Pieces of a caller's sequences, in the order in which their steps are done.

    Piece i is `lengths[i]` steps of sequence `sequence[i]`, which has `total[i]` steps, after the
    first `first[i]` of them.
    """

    sequence: Values
    first: Values
    lengths: Values
    total: Values


def pack_pieces(pieces: Pieces, steps: int, batch: int, parts: int, reverse: bool) -> Packing:
    """The packing of pieces of `batch` sequences of up to `steps` steps."""
    dealt = _deal(pieces.lengths, parts)
    counts = tuple(len(hand) for hand in dealt)
    order = np.concatenate([np.array(hand, dtype=np.int64) for hand in dealt])
    ordered = pieces.lengths[order]
    longest = int(ordered.max(initial=0))
    active = _active(ordered, counts, longest)
    rows = _first_rows(active)
    gather = np.empty(int(ordered.sum()), dtype=np.int64)
    first = 0
    for part, count in enumerate(counts):
        own = slice(first, first + count)
        running = ordered[own][None, :] > np.arange(longest)[:, None]
        time, place = np.nonzero(running)
        row = rows[part][time] + place
        piece = order[own][place]
        done = pieces.first[piece] + time
        when = pieces.total[piece] - 1 - done if reverse else done
        gather[row] = when * batch + pieces.sequence[piece]
        first += count
    spread = np.full(steps * batch, -1, dtype=np.int64)
    spread[gather] = np.arange(len(gather))
    masks = pieces.sequence[order] + (pieces.first[order] << SEQUENCE_BITS)
    return Packing(order, ordered, counts, gather, spread, masks)


def _deal(lengths: Values, parts: int) -> list[list[int]]:
    """The longest sequence that is left goes to the part with the least work."""
    hands: list[list[int]] = [[] for _ in range(parts)]
    heap = [(0, 0, part) for part in range(parts)]
    heapify(heap)
    for index in np.argsort(-lengths, kind="stable").tolist():
        work, count, part = heap[0]
        hands[part].append(index)
        heapreplace(heap, (work + int(lengths[index]), count + 1, part))
    return hands


def _active(lengths: Values, counts: tuple[int, ...], steps: int) -> Values:
    """(parts, steps): how many of a part's sequences have each step."""
    found = np.zeros((len(counts), steps), dtype=np.int64)
    first = 0
    for part, count in enumerate(counts):
        ended = np.sort(lengths[first : first + count])
        found[part] = count - np.searchsorted(ended, np.arange(steps), side="right")
        first += count
    return found


def _first_rows(active: Values) -> Values:
    """(parts, steps): the row at which a part's share of a step begins."""
    ahead = np.cumsum(active.T.ravel()) - active.T.ravel()
    return np.asarray(ahead.reshape(active.T.shape).T)
