"""One row of a batch by itself.  In: a batch, a row, a step.  Out: the stretch that runs as one.

    stretch = stretch_of(batch.layout, batch.lead, row=1, done=3)
    stretch.cut(x)                  # (T, B, …) -> (its steps, 1, …), in the order they are done in

A stretch is a sequence, or with resets the piece of it that the step is in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.exec.batch_layout import BatchLayout


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
