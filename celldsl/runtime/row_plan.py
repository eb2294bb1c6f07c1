"""The `rows` arrays of a call.  In: steps, sequences, lengths.  Out: a RowPlan.

    plan = plan_rows(steps=100, batch=32, parts=2, keep=True, given=False, reverse=False)
    plan.parts[0]           # the int64 array of part 0, as description.py lays it out
    packing = pack_lengths(lengths, steps=100, parts=2, reverse=False)

Where all sequences are equally long nothing is copied: going backwards in time is a matter of
which row a step has.  Otherwise rows are packed: step by step, and within a step part by part, so
that there are as many rows as there is work; `Packing` says where each comes from.  Kernels that
heed an index find it behind the parts, which are one array then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from heapq import heapify, heapreplace

import numpy as np

from celldsl.runtime.arrays.validation import Values

HEADER, WORDS, RUN = 12, 5, 4  # words: what holds for all steps, of a step, of a run
INPUT_INDEX, RESULT_INDEX = 10, 11  # of the words that hold for all steps


@dataclass(frozen=True, slots=True)
class RowPlan:
    """`rows` is R, `states` S and `kept` K of description.py; `parts` has an array for each.

    Rows are `packed` where sequences may have different lengths; `lead` (T, B) is that of outputs
    and gradients whose rows an index finds then, and `gaps` are the rows that it never names.
    Where sequences begin anew on their way `base` is the plan of those that do not, which has the
    same rows.
    """

    steps: int
    batch: int
    rows: int
    states: int
    kept: int
    parts: tuple[Values, ...]
    packed: bool
    base: RowPlan | None = None
    lead: tuple[int, int] | None = None
    gaps: Values | None = None

    @property
    def own_parts(self) -> tuple[Values, ...] | None:
        """Rows that differ from those of the plan whose tasks these are."""
        return None if self.base is None else self.parts


@dataclass(frozen=True, slots=True, eq=False)
class Packing:
    """How sequences of different lengths lie.

    Place p of the batch holds sequence `order[p]`, of length `lengths[p]`; sequence s is at place
    `places[s]`.  A part owns the next `counts[part]` places, the longest first.  Packed row r is
    row `gather[r]` of the (T*B) rows that the caller sees, and row i of those is row `spread[i]`,
    or -1 past the end of a sequence: those are the `gaps`.  The caller's arrays have `lead` (T, B).
    """

    lead: tuple[int, int]
    order: Values
    places: Values
    lengths: Values
    counts: tuple[int, ...]
    gather: Values
    spread: Values
    gaps: Values


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
def plan_packed(
    packing: Packing,
    start: int,
    stop: int,
    keep: bool,
    given: bool,
    inputs: bool = False,
    results: bool = False,
) -> RowPlan:
    """The plan for steps `start` … `stop` - 1 of sequences of different lengths.

    All steps may be of `inputs` and `results` that are not packed, which an index finds.
    """
    lengths = np.clip(packing.lengths - start, 0, stop - start)
    active = _active(lengths, packing.counts, stop - start)
    rows = _first_rows(active)
    total = int(lengths.sum())
    steps, counts = stop - start, packing.counts
    plan = _plan(steps, packing.order, counts, rows, active, total, keep, given, start, True)
    if not results:
        return plan
    assert total == len(packing.gather), "an index is of all steps"
    parts = with_index(plan.parts, packing.gather, inputs)
    return replace(plan, parts=parts, lead=packing.lead, gaps=packing.gaps)


def with_index(parts: Sequence[Values], index: Values, inputs: bool) -> tuple[Values, ...]:
    """The parts as they are, in one array with the index behind them, which results have and,
    where it says so, `inputs`."""
    whole, found, begin = np.concatenate([*parts, index]), [], 0
    for part in parts:
        own = whole[begin:]
        own[RESULT_INDEX] = len(own) - len(index)
        own[INPUT_INDEX] = own[RESULT_INDEX] if inputs else 0
        found.append(own)
        begin += len(part)
    return tuple(found)


def _plan(
    steps: int,
    order: Values,
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
    batch = len(order)
    states, kept = (total, total) if keep else (2 * batch, batch)
    found = []
    first = 0
    for part, count in enumerate(counts):
        table = np.zeros((steps + 1, WORDS), dtype=np.int64)
        table[:steps, 0] = rows[part]
        table[:steps, 1] = active[part]
        table[:steps, 2] = rows[part] if keep else first + np.arange(steps) % 2 * batch
        table[:steps, 3] = rows[part] if keep else first
        # No sequence is active any more: what would come next is where final states go.
        table[steps, 2] = states + first
        own = [steps, batch, total, states, first, count, given, keep, not given, 0, 0, 0]
        begins = np.full(count, given, np.int64)
        # Masks are those of a sequence and a step, wherever they lie and whenever they are run.
        sequences = np.concatenate([order[first : first + count], begins, [start]])
        runs, per_step = _runs(table, states + first)
        found.append(_part(np.array(own, np.int64), table, sequences, runs, per_step))
        first += count
    return RowPlan(steps, batch, total, states, kept, tuple(found), packed)


def _part(own: Values, table: Values, sequences: Values, runs: Values, per_step: Values) -> Values:
    """The words of a part; `per_step` says how many of the runs each step has."""
    before = own[9] = HEADER + table.size
    table[:, 4] = before + len(sequences) + RUN * np.append(0, np.cumsum(per_step))
    return np.concatenate([own, table.ravel(), sequences, runs.ravel()])


def _runs(table: Values, ends: int) -> tuple[Values, Values]:
    """Of each step: those that go on, those that end with it.  And how many runs each step has."""
    active, staying = table[:-1, 1], table[1:, 1]
    found = np.zeros((len(active), 2, RUN), np.int64)
    found[:, 0, 1] = found[:, 1, 0] = staying
    found[:, 1, 1] = active
    found[:, 0, 2], found[:, 1, 2] = table[1:, 2], ends
    there = found[:, :, 0] < found[:, :, 1]
    return found[there], there.sum(axis=1)


def pack_lengths(lengths: Values, steps: int, parts: int, reverse: bool) -> Packing:
    """Deals sequences of up to `steps` steps to parts, evenly by work, and places every row."""
    batch = len(lengths)
    dealt = _deal(lengths, parts)
    counts = tuple(len(hand) for hand in dealt)
    order = np.concatenate([np.array(hand, dtype=np.int64) for hand in dealt])
    ordered = lengths[order]
    longest = int(ordered.max(initial=0))
    rows = _first_rows(_active(ordered, counts, longest))
    gather = np.empty(int(ordered.sum()), dtype=np.int64)
    first = 0
    for part, count in enumerate(counts):
        own = slice(first, first + count)
        running = ordered[own][None, :] > np.arange(longest)[:, None]
        time, place = np.nonzero(running)
        sequence = order[own][place]
        when = lengths[sequence] - 1 - time if reverse else time
        gather[rows[part][time] + place] = when * batch + sequence
        first += count
    spread = np.full(steps * batch, -1, dtype=np.int64)
    spread[gather] = np.arange(len(gather))
    gaps, places = np.flatnonzero(spread < 0), np.argsort(order)
    return Packing((steps, batch), order, places, ordered, counts, gather, spread, gaps)


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
