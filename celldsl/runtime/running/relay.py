"""All phases of a pass in one call.  In: phases, a RowPlan, arrays.  Out: the arrays, written.

    relay = Relay(description.forward, phase_addresses(phases, "float32"))
    course = Course(relay, plan)
    course.run([dims, hyper, parameters, …], leases)

A job is an array of 64-bit words: how many phases, tasks and workers there are, the phases, a flag
for each task, and blocks of what a task does not share with others (part, parts, share, shares,
rows).  `relay_loops` runs it.  Arrays go by the place of their object, which Python knows at once;
to ask an array for the address of its numbers takes longer than to copy a state.
"""

from __future__ import annotations

import ctypes
import time
from array import array
from collections.abc import Iterable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from celldsl.runtime.checks.arguments import Values
from celldsl.runtime.description import Phase
from celldsl.runtime.machine.addresses import addresses_of
from celldsl.runtime.running.rows import RowPlan
from celldsl.runtime.running.threads import share_work

RELAY_PHASES, RELAY_WORKERS, RELAY_SHARED = 0, 1, 2
RELAY_TASK_BLOCKS, RELAY_WORKER_BLOCKS, RELAY_FLAGS, RELAY_TOTAL = 3, 4, 5, 6
RELAY_DONE = 15  # away from what is only read
RELAY_HEADER = 16
RELAY_WORD = 8  # bytes
RELAY_PHASE = 4  # words of a phase: its code, its tasks, whether a task chooses the block, `needs`
RELAY_OWN = 5  # words of a block
FINER = 4  # shares of a part where rows may be split at will
LEAST_ROWS = 96  # of such a share
NAP = 1e-4  # seconds

_RELAY_SOURCE = Path(__file__)


def places_of(arrays: Iterable[Values]) -> array[int]:
    """Where each array's object is: phases read there where its numbers are."""
    return array("q", map(id, arrays))


@cache
def relay_functions() -> tuple[Any, Any]:
    """`relay_alone` and `relay_together`, for the address of a job."""
    found = addresses_of(
        _RELAY_SOURCE, "relay", ["celldsl_relay_alone", "celldsl_relay_together"], _compiled_relay
    )
    alone = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(found[0])
    return alone, ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(found[1])


def _compiled_relay() -> bytes:
    from celldsl.runtime.machine.compiling import compile_symbols
    from celldsl.runtime.running.relay_loops import RELAY_ENTRIES

    return compile_symbols(RELAY_ENTRIES, "float64")


class Relay:
    """The phases of one direction.  Phases written by hand run one after the other."""

    def __init__(self, phases: Sequence[Phase], codes: Sequence[int] | None) -> None:
        self.phases = phases
        self.codes = codes
        self.alone, self.together = relay_functions()

    def cut(self, start: int | None, stop: int | None) -> Relay:
        """Some of the phases."""
        own = slice(start, stop)
        return Relay(self.phases[own], None if self.codes is None else self.codes[own])


class Course:
    """A job without its arrays.  May be run any number of times, by several callers at once."""

    __slots__ = ("plan", "relay", "tasks", "words")

    def __init__(self, relay: Relay, plan: RowPlan) -> None:
        self.relay = relay
        self.plan = plan
        self.tasks = [tasks_of(phase, plan) for phase in relay.phases]
        self.words = self._layout(relay.codes or [0] * len(relay.phases))

    def _layout(self, codes: Sequence[int]) -> array[int]:
        parts = len(self.plan.parts)
        flags = RELAY_HEADER + RELAY_PHASE * len(codes)
        blocks = flags + sum(self.tasks)
        words = [0] * RELAY_HEADER
        words[RELAY_PHASES], words[RELAY_WORKERS] = len(codes), parts
        words[RELAY_FLAGS], words[RELAY_TOTAL] = flags, sum(self.tasks)
        words[RELAY_TASK_BLOCKS] = blocks
        words[RELAY_WORKER_BLOCKS] = blocks + RELAY_OWN * parts
        before = needed = 0
        for phase, code, tasks in zip(self.relay.phases, codes, self.tasks, strict=True):
            needed = before if phase.waits else needed
            words += [code, tasks, int(phase.kind != "rows"), needed]
            before += tasks
        words += [0] * sum(self.tasks)
        rows = places_of(self.plan.parts)
        for _ in range(2):
            for part in range(parts):
                words += [part, parts, 0, 1, rows[part]]
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
            work = partial(_work_on, self.relay.together, job, (shared, arrays, held))
            share_work(work, job[RELAY_WORKERS])

    def job(self, shared: array[int]) -> array[int]:
        """The words of a job over the arrays at these places."""
        job = self.words[:]
        job[RELAY_SHARED] = shared.buffer_info()[0]
        return job

    def _run_by_hand(self, arrays: Sequence[Values]) -> None:
        parts = len(self.plan.parts)
        arrays = [each.reshape(-1) for each in arrays]
        for phase, tasks in zip(self.relay.phases, self.tasks, strict=True):
            for task in range(tasks):
                part = 0 if phase.kind == "rows" else task
                phase.run(part, parts, task, tasks, self.plan.parts[part], *arrays)


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


def tasks_of(phase: Phase, plan: RowPlan) -> int:
    """Into how many tasks a phase is split; several for a part, where that is free."""
    parts = len(plan.parts)
    match phase.kind:
        case "once":
            return 1
        case "rows" if parts > 1:
            return parts * max(1, min(FINER, plan.rows // (parts * LEAST_ROWS)))
        case _:
            return parts


def _work_on(together: Any, job: array[int], held: Any, worker: int) -> None:
    """What a worker does; it keeps alive what others may still be at, if its own caller is gone."""
    place = job.buffer_info()[0]
    together(place, worker)
    while job[RELAY_DONE] < job[RELAY_TOTAL]:
        time.sleep(NAP)
        together(place, worker)
