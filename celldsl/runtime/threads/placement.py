"""On which cores workers run.  In: their threads, a job.  Out: workers moved; never the caller.

    placement.keep_away(1)              # one worker stays off the core that the caller is on
    watch = Watch(placement, job)
    watch.helped()                      # a worker that has lost its core goes on with the caller's

Where threads of another library spin on, the system may put a worker on the caller's core, and
each waits for the other; or it puts a worker aside in the middle of a task that the caller needs.
"""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Iterator

from celldsl.runtime.threads.system_threads import NOWHERE, cpu_time, current_core, place
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
