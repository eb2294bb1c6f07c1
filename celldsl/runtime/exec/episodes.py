"""Sequences that begin anew on their way.  In: resets (T, B), lengths.  Out: pieces of sequences.

    episodes = cut_episodes(resets, lengths, reverse=False)
    episodes.given          # for each piece: whether it begins from the state that was passed

A reset before a step cuts its sequence there.  Every piece runs as a sequence of its own, from the
cell's own start or, at the beginning, from the state that was passed; so no gradient crosses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.row_plan import Pieces


@dataclass(frozen=True, slots=True, eq=False)
class Episodes:
    """`last` (B,) is the piece in which each sequence ends, `head` (B,) that in which it begins.

    `given` (pieces,) is true for pieces that begin where their sequence does, without a reset.
    """

    pieces: Pieces
    given: Values
    head: Values
    last: Values

    def starts_in(self, passed: Values, own: Values) -> Values:
        """States (B, …) that were passed, and a cell's own start (1, …), for all pieces."""
        found = np.repeat(own, len(self.given), axis=0)
        found[self.given] = passed[self.pieces.sequence[self.given]]
        return found

    def starts_out(self, gradients: Values) -> Values:
        """From gradients of all starts those of the states that were passed, (B, …)."""
        found = np.zeros((len(self.head), *gradients.shape[1:]), gradients.dtype)
        found[self.pieces.sequence[self.given]] = gradients[self.given]
        return found

    def finals_in(self, cotangents: Values) -> Values:
        """Cotangents of last states (B, …) for all pieces: only those at an end have any."""
        found = np.zeros((len(self.given), *cotangents.shape[1:]), cotangents.dtype)
        found[self.last] = cotangents
        return found


def cut_episodes(resets: Values, lengths: Values | None, reverse: bool) -> Episodes:
    """The pieces of sequences that are reset before the steps (T, B) at which `resets` is true.

    Resets past the end of a sequence count for nothing.  `before` is in the order of processing.
    """
    steps, batch = resets.shape
    total = np.full(batch, steps, np.int64) if lengths is None else lengths
    # (B, T) in the order in which steps are done.
    done = np.arange(steps)
    when = total[:, None] - 1 - done if reverse else np.broadcast_to(done, (batch, steps))
    inside = done < total[:, None]
    cut = inside & resets[np.where(inside, when, 0), np.arange(batch)[:, None]]
    begins = cut.copy()
    begins[:, :1] = True
    if not steps:
        begins = np.ones((batch, 1), bool)
    sequence, first = np.nonzero(begins)
    follows = np.append(sequence[1:] == sequence[:-1], False)
    ends = np.where(follows, np.append(first[1:], 0), total[sequence])
    given = first == 0
    if steps:
        given &= ~cut[sequence, 0]
    head = np.flatnonzero(np.append(True, ~follows[:-1]))
    last = np.flatnonzero(~follows)
    return Episodes(Pieces(sequence, first, ends - first, total[sequence]), given, head, last)
