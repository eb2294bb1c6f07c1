"""All phases of a pass in one call.  In: phases, a RowPlan, arrays.  Out: the arrays, written.

    relay = Relay(description.forward, phase_addresses(phases, "float32"))
    course = Course(relay, plan)
    course.run([dims, hyper, parameters, …], leases)

Arrays go by the place of their object, which Python knows at once; to ask an array for the address
of its numbers takes longer than to copy a state.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.batch_layout import RowPlan
from celldsl.runtime.description import Phase
from celldsl.runtime.threads.job_functions import job_functions
from celldsl.runtime.threads.task_abi import (
    RELAY_BLOCKS,
    RELAY_FIRST,
    RELAY_FIRST_LOT,
    RELAY_FREE,
    RELAY_HEADER,
    RELAY_LOTS,
    RELAY_NOBODY,
    RELAY_ROWS,
    RELAY_SHARED,
    RELAY_TASKS,
    RELAY_WORD,
    RELAY_WORKERS,
)
from celldsl.runtime.threads.task_graph import tasks_of
from celldsl.runtime.threads.worker_pool import run_together


def places_of(arrays: Iterable[Values]) -> array[int]:
    """Where each array's object is: phases read there where its numbers are."""
    return array("q", map(id, arrays))


class Relay:
    """The phases of one direction.  Phases written by hand run one after the other."""

    def __init__(self, phases: Sequence[Phase], codes: Sequence[int] | None) -> None:
        self.phases = phases
        self.codes = codes
        self.alone = job_functions().alone

    def cut(self, start: int | None, stop: int | None) -> Relay:
        """Some of the phases."""
        own = slice(start, stop)
        return Relay(self.phases[own], None if self.codes is None else self.codes[own])


class Course:
    """A job without its arrays.  May be run any number of times, by several callers at once."""

    __slots__ = ("plan", "relay", "todo", "words")

    def __init__(self, relay: Relay, plan: RowPlan) -> None:
        self.relay = relay
        self.plan = plan
        self.todo = tasks_of(relay.phases, plan)
        self.words = self._layout(relay.codes or [0] * len(relay.phases))

    def _layout(self, codes: Sequence[int]) -> array[int]:
        rows, (tasks, lots) = places_of(self.plan.parts), (self.todo.tasks, self.todo.lots)
        words = [0] * RELAY_HEADER
        words[RELAY_TASKS], words[RELAY_LOTS] = len(tasks), len(lots)
        words[RELAY_WORKERS] = len(rows)
        words[RELAY_FIRST_LOT] = len(words)
        for lot in lots:
            words += [lot.start, len(lot)]
        words[RELAY_ROWS] = len(words)
        words += rows
        words[RELAY_BLOCKS] = len(words)
        words += [0, len(rows), 0, 1, rows[0]] * len(rows)
        words[RELAY_FIRST] = len(words)
        for task in tasks:
            part = RELAY_NOBODY if task.part is None else task.part
            after = RELAY_NOBODY if task.after is None else task.after
            words += [RELAY_FREE, codes[task.phase], part, task.share, task.shares]
            words += [task.needs.start, task.needs.stop, after]
        return array("q", words)

    def run(self, arrays: Sequence[Values], held: Any = None) -> None:
        """Runs the phases over arrays; `held` is what must stay alive meanwhile."""
        if self.relay.codes is None:
            self._run_by_hand(arrays)
            return
        shared = places_of(arrays)
        job = self.job(shared)
        if job[RELAY_WORKERS] == 1:
            self.relay.alone(job.buffer_info()[0])
        else:
            run_together(job, (self, shared, arrays, held))

    def job(self, shared: array[int]) -> array[int]:
        """The words of a job over the arrays at these places."""
        job = self.words[:]
        job[RELAY_SHARED] = shared.buffer_info()[0]
        return job

    def _run_by_hand(self, arrays: Sequence[Values]) -> None:
        rows = self.plan.parts
        arrays = [each.reshape(-1) for each in arrays]
        for task in self.todo.tasks:
            part = task.part or 0
            run = self.relay.phases[task.phase].run
            run(part, len(rows), task.share, task.shares, rows[part], *arrays)


class StandingJob:
    """A course for one worker and one caller at a time, over arrays of which the last change.

    `address` is that of the job, `code` that of what runs it, and `changing` that of the place of
    the first array that changes.  `held` stays alive as long as the job.
    """

    __slots__ = (
        "_alone", "_arrays", "_course", "_first", "_held", "_job", "_last", "_places", "address",
        "changing", "code",
    )  # fmt: skip

    def __init__(self, course: Course, first: Sequence[Values], changing: int, held: Any) -> None:
        self._course = course
        self._held = held
        self._arrays = tuple(first)
        self._first = len(first)
        self._places = places_of(first) + array("q", bytes(RELAY_WORD * changing))
        self._job = course.job(self._places)
        self.address = self._job.buffer_info()[0]
        self.changing = self._places.buffer_info()[0] + RELAY_WORD * self._first
        self._alone = course.relay.alone
        self.code = ctypes.cast(self._alone, ctypes.c_void_p).value or 0

    def run(self, arrays: Sequence[Values]) -> None:
        """Runs the phases over the first arrays and these."""
        if self._course.relay.codes is None:
            self._course.run((*self._arrays, *arrays))
            return
        self.place(arrays)
        self._alone(self.address)

    def place(self, arrays: Sequence[Values]) -> None:
        """Says which arrays are the last, for code that runs the job itself."""
        self._places[self._first :] = places_of(arrays)
        self._last = arrays

    def run_again(self) -> None:
        """The same once more, and nothing else."""
        self._alone(self.address)
