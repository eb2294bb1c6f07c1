"""The rows of compiled passes, where calls differ in them.  In: lengths, resets.  Out: Rows.

    rows = rows_of(how, how.split(operands), keep=True)
    packed = rows.rows_in(x)            # (T, B, …), of which the first rows are those there are
    rows.words                          # what compiled code finds out of this call

With `lengths` rows are packed, as `celldsl/runtime/row_plan.py` does it, by JAX's own operations:
sequences are dealt to parts, the longest first, and there are as many rows as there is work.  Which
runs the steps have where sequences begin anew is found out by the call itself, from these words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np

from celldsl.jax.subject import Operands, Pass, Subject
from celldsl.jax.targets import part_count, states_of
from celldsl.runtime.row_plan import HEADER, WORDS


@dataclass(frozen=True, slots=True)
class Rows:
    """Place p of the batch holds sequence `order[p]`, whose place is `places`.

    Packed row r is row `gather[r]` of the (T*B) rows that the caller sees, and row i of those is
    row `spread[i]`, or -1 past the end of a sequence.  All are None where nothing is packed.
    `words` are integers of 64 bits as pairs of 32.
    """

    words: Sequence[Any] = ()
    order: Any = None
    places: Any = None
    gather: Any = None
    spread: Any = None

    def rows_in(self, array: Any) -> Any:
        """(T, B, …) as compiled passes take it."""
        if self.order is None:
            return array
        return _row_by_row(array)[self.gather].reshape(array.shape)

    def rows_out(self, array: Any) -> Any:
        """The other way; zeros past the end of a sequence."""
        if self.order is None:
            return array
        there = jnp.expand_dims(self.spread >= 0, list(range(1, array.ndim - 1)))
        rows = _row_by_row(array)[jnp.maximum(self.spread, 0)]
        return jnp.where(there, rows, jnp.zeros((), array.dtype)).reshape(array.shape)

    def dealt(self, array: Any) -> Any:
        """(B, …) in the order in which sequences are dealt."""
        return array if self.order is None else array[self.order]

    def undealt(self, array: Any) -> Any:
        return array if self.order is None else array[self.places]

    def inputs_in(self, subject: Subject, inputs: Sequence[Any]) -> list[Any]:
        return [
            self.dealt(array) if slot.per == "sequence" else self.rows_in(array)
            for slot, array in zip(subject.inputs, inputs, strict=True)
        ]


def _row_by_row(array: Any) -> Any:
    return array.reshape(array.shape[0] * array.shape[1], *array.shape[2:])


def rows_of(how: Pass, own: Operands, keep: bool) -> Rows:
    """Those of a call.  `keep` says whether every step is kept, for a backward pass."""
    (resets,) = own.resets or [None]
    if not own.lengths:
        if resets is None:
            return Rows()
        return Rows([_pairs(resets[::-1] if how.reverse else resets)])
    lengths, parts = own.lengths[0].astype(jnp.int32), part_count(how)
    counts, deal = _dealt(how.batch, parts)
    order = jnp.argsort(-lengths, stable=True)[deal].astype(jnp.int32)
    dealt, times = lengths[order], jnp.arange(how.steps, dtype=jnp.int32)[:, None]
    running = times < dealt
    firsts = np.cumsum([0, *counts])
    active = [running[:, a:b].sum(1, dtype=jnp.int32) for a, b in _pairwise(firsts)]
    many = jnp.stack(active, 1)
    rows = jnp.cumsum(many.reshape(-1)).reshape(many.shape).astype(jnp.int32) - many
    tables = [
        _pairs(_table(how, keep, order[a:b], rows[:, p], active[p], dealt.sum(), int(a)))
        for p, (a, b) in enumerate(_pairwise(firsts))
    ]
    when = jnp.where(running, dealt - 1 - times if how.reverse else times, 0)
    given = jnp.zeros(running.shape, bool) if resets is None else resets[when, order]
    spread, gather = _placed(running, rows, when, order, counts)
    words = [_pairs(given & running), *tables]
    return Rows(words, order, jnp.argsort(order), gather, spread)


def _pairwise(borders: Any) -> list[tuple[int, int]]:
    return list(zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True))


@cache
def _dealt(batch: int, parts: int) -> tuple[list[int], Any]:
    """How many sequences each part has, and which they are of those ordered by length.

    Rounds go there and back, so that no part has the longer one of every round.
    """
    hands: list[list[int]] = [[] for _ in range(parts)]
    for place in range(batch):
        turn, seat = divmod(place, parts)
        back = turn % 2 == 1 and (turn + 1) * parts <= batch
        hands[parts - 1 - seat if back else seat].append(place)
    return [len(hand) for hand in hands], np.concatenate([np.array(h, np.int32) for h in hands])


def _table(
    how: Pass, keep: bool, order: Any, rows: Any, active: Any, total: Any, first: int
) -> Any:
    """The words of a part without its runs, as `celldsl/runtime/row_plan.py` has them."""
    count, given = order.shape[0], int(how.given)
    states = states_of(how, keep)
    times = jnp.arange(how.steps, dtype=jnp.int32)
    kept = [rows, rows] if keep else [first + times % 2 * how.batch, jnp.full_like(times, first)]
    table = jnp.stack([rows, active, *kept, jnp.zeros_like(times)], 1)
    ends = jnp.asarray([[0, 0, states + first, 0, 0]], jnp.int32)
    after = HEADER + WORDS * (how.steps + 1)
    head = [how.steps, how.batch, total, states, first, count, given, keep, 1 - given, after, 0, 0]
    parts = [
        jnp.stack([jnp.asarray(word, jnp.int32) for word in head]),
        table.reshape(-1),
        ends.reshape(-1),
        order % how.period,
        jnp.full(count + 1, given, jnp.int32).at[-1].set(0),
    ]
    return jnp.concatenate(parts)


def _placed(
    running: Any, rows: Any, when: Any, order: Any, counts: Sequence[int]
) -> tuple[Any, Any]:
    """`spread` and `gather`."""
    within = np.concatenate([np.arange(count, dtype=np.int32) for count in counts])
    row = jnp.repeat(rows, np.array(counts), axis=1, total_repeat_length=len(within)) + within
    batch, size = running.shape[1], running.size
    seen = jnp.where(running, when * batch + order, size).reshape(-1)
    spread = jnp.full(size, -1, jnp.int32).at[seen].set(row.reshape(-1), mode="drop")
    packed = jnp.where(running, row, size).reshape(-1)
    gather = jnp.zeros(size, jnp.int32).at[packed].set(seen, mode="drop")
    return spread, gather


def _pairs(words: Any) -> Any:
    """Integers of 64 bits as they lie in memory, whether or not JAX has them."""
    words = words.astype(jnp.int32)
    return jnp.stack([words, words >> 31], -1)
