"""On which cores workers run.  In: their threads, a job.  Out: workers moved; never the caller.

    placement.keep_away(1)              # one worker stays off the core that the caller is on
    watch = Watch(placement, job)
    watch.helped()                      # a worker that has lost its core goes on with the caller's
    current_core()                      # 1; NOWHERE where the system does not say
    cpu_time(thread)                    # seconds, which stand still while somebody has its core

Where threads of another library spin on, the system may put a worker on the caller's core, and
each waits for the other; or it puts a worker aside in the middle of a task that the caller needs.
Linux alone says all that this takes.  Elsewhere, and with CELLDSL_PLACEMENT=0, threads are left to
the system.
"""

from __future__ import annotations

import ctypes
import os
import time
from array import array
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any

from celldsl.runtime.threads.task_abi import (
    GRAPH_BLOCK,
    GRAPH_BLOCK_HELD,
    GRAPH_BLOCK_TASK,
    GRAPH_BLOCK_THREAD,
    GRAPH_BLOCKS,
    GRAPH_STOP,
    GRAPH_WORKERS,
)

NAP = 5e-5  # seconds
LOOKS = 10  # of about 40 microseconds, before a caller naps


class Placement:
    """The core that each worker stays off."""

    def __init__(self) -> None:
        self.away: dict[int, int] = {}  # by the system's numbers of threads

    def add(self, thread: int) -> None:
        self.away[thread] = NOWHERE

    def keep_away(self, helpers: int) -> None:
        """Workers run on the others of the cores that this thread may use, if those are enough."""
        core = current_core()
        if core == NOWHERE:
            return
        for thread, away in self.away.items():
            if away != core:
                self.away[thread] = core
                others = os.sched_getaffinity(0) - {core}
                if len(others) >= helpers:
                    place(thread, others)

    def finish_here(self, job: array[int], own: int) -> None:
        """Lets a worker end its task on the caller's core, while the caller naps."""
        task, thread = job[own + GRAPH_BLOCK_TASK], job[own + GRAPH_BLOCK_THREAD]
        before = os.sched_getaffinity(thread)
        job[own + GRAPH_BLOCK_HELD] = 1
        try:
            if task and place(thread, {current_core()}):
                while job[own + GRAPH_BLOCK_TASK] == task and not job[GRAPH_STOP]:
                    time.sleep(NAP)
        finally:
            place(thread, before)
            job[own + GRAPH_BLOCK_HELD] = 0


class Watch:
    """Looks whether workers go on with their tasks, for a caller who finds nothing to do."""

    def __init__(self, placement: Placement, job: array[int]) -> None:
        self.placement = placement
        self.job = job
        self.seen: dict[int, tuple[int, float]] = {}
        self.looks = 0

    def helped(self) -> bool:
        """Whether to look for a task again at once."""
        before, self.seen = self.seen, dict(self._at_work())
        stuck = [own for own, state in self.seen.items() if before.get(own) == state]
        for own in stuck:
            self.placement.finish_here(self.job, own)
        self.looks = 0 if stuck else self.looks + 1
        return bool(self.seen) and self.looks < LOOKS

    def _at_work(self) -> Iterator[tuple[int, tuple[int, float]]]:
        """Workers with tasks: where their words are, the task and the time that they have had."""
        job = self.job
        if current_core() == NOWHERE:
            return
        for worker in range(1, job[GRAPH_WORKERS]):
            own = job[GRAPH_BLOCKS] + GRAPH_BLOCK * worker
            task, thread = job[own + GRAPH_BLOCK_TASK], job[own + GRAPH_BLOCK_THREAD]
            taken = cpu_time(thread) if task and thread else None
            if taken is not None:
                yield own, (task, taken)


VARIABLE = "CELLDSL_PLACEMENT"
NOWHERE = -1
FUNCTIONS = "sched_getcpu", "sched_yield", "clock_gettime", "syscall"
SET_ATTRIBUTES = {"x86_64": 314, "aarch64": 274}  # the number of `sched_setattr`, by machines
SHORT_TURN = 100_000  # nanoseconds, the least that Linux knows
OF_THREAD, OF_CPU = 4, 2  # bits of the number of a clock


@cache
def _library() -> Any:
    """The C library, if it has all that we need, or None."""
    if os.environ.get(VARIABLE, "").strip() == "0" or not hasattr(os, "sched_setaffinity"):
        return None
    try:
        found = ctypes.CDLL(None)
    except OSError:
        return None
    there = all(hasattr(found, name) for name in FUNCTIONS)
    return found if there and found.sched_getcpu() >= 0 else None


def _address(name: str) -> int:
    library = _library()
    if library is None:
        return 0
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0


def yield_address() -> int:
    """The code by which a thread lets others have its core, or 0."""
    return _address("sched_yield")


def clock_address() -> int:
    """The code of `clock_gettime`, or 0."""
    return _address("clock_gettime")


def current_core() -> int:
    """The core that this thread is on, or NOWHERE."""
    library = _library()
    return NOWHERE if library is None else int(library.sched_getcpu())


def place(thread: int, cores: Collection[int]) -> bool:
    """Whether the system has a thread run on these cores from now on."""
    try:
        os.sched_setaffinity(thread, cores)
    except (OSError, ValueError):  # not allowed, or no core is left
        return False
    return True


def cpu_time(thread: int) -> float | None:
    """For how many seconds a thread of this process has had a core; None where it has ended."""
    try:
        return time.clock_gettime(~thread << 3 | OF_THREAD | OF_CPU)
    except OSError:
        return None


class _SchedulingAttributes(ctypes.Structure):
    """`struct sched_attr` of Linux."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def ask_for_short_turns() -> None:
    """This thread shares a core in short turns, and so gets one soon when it wakes.

    Its share stays the same.  Linux 6.12 and later do so; others do as before.
    """
    library = _library()
    call = None if library is None else SET_ATTRIBUTES.get(os.uname().machine)
    if call is None or not _is_ordinary():
        return
    own = _SchedulingAttributes(nice=os.getpriority(os.PRIO_PROCESS, 0), runtime=SHORT_TURN)
    own.size = ctypes.sizeof(own)
    library.syscall(call, 0, ctypes.byref(own), 0)


def _is_ordinary() -> bool:
    """Whether this thread is scheduled as most are."""
    try:
        return os.sched_getscheduler(0) == os.SCHED_OTHER
    except OSError:  # this C library does not ask
        return False
