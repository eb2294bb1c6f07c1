"""Threads that help a caller with its job.  In: a job.  Out: everything in it is done.

    run_together(job, held, pace)

A pass that takes long is done slice by slice, and its caller comes back to Python now and then,
which runs the handlers of signals there: what they raise, as Ctrl-C does, ends the pass.  Where a
worker or a phase fails, all leave the job and its caller gets the error.

Jobs release the interpreter's lock, so plain Python threads do.  They are started once, wait on a
queue and end with the process.  One that has helped looks for more to do for a while before it
waits: most passes follow another, and to be woken takes longer than many a pass.  Several callers
may be at it at once: together they use as many threads as one would, and none waits for another.
After a fork the child starts its own.
"""

from __future__ import annotations

import os
import threading
import time
from array import array
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeAlias

import numpy as np

from celldsl.jit.cores import available_cores
from celldsl.runtime.buffers import aligned_array
from celldsl.runtime.threads.job_functions import job_functions
from celldsl.runtime.threads.placement import (
    Placement,
    Watch,
    ask_for_short_turns,
    clock_address,
    yield_address,
)
from celldsl.runtime.threads.task_abi import (
    GRAPH_BLOCK,
    GRAPH_BLOCK_THREAD,
    GRAPH_BLOCKS,
    GRAPH_DONE,
    GRAPH_ENDLESS,
    GRAPH_LEFT,
    GRAPH_STOP,
    GRAPH_TASKS,
    GRAPH_WORD,
    GRAPH_WORKERS,
    MAILBOX_AWAY,
    MAILBOX_CLOCK,
    MAILBOX_LINE,
    MAILBOX_THREAD,
    MAILBOX_YIELD,
)
from celldsl.runtime.threads.thread_count import get_threads

MAILBOXES = 256  # workers after these are woken each time
NAP, LONG_NAP = 1e-4, 1e-3  # seconds, of who finds nothing to do

LEAST_PACE, MOST_PACE = 0.02, 0.08  # seconds between two looks at signals
MAIN_THREAD = threading.main_thread().ident

Job: TypeAlias = "array[int]"
Call: TypeAlias = "list[tuple[Job, object, int]]"  # one, or none when its caller has left


class WorkerPool:
    """Daemon threads that take jobs from mailboxes and from a queue."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[Call] = SimpleQueue()
        self.started = 0
        self.busy = 0  # callers, and those who joined them
        self.helping = 0  # those who joined them
        self.lock = threading.Lock()
        mailboxes = aligned_array(MAILBOXES * MAILBOX_LINE, np.dtype(np.int64))
        mailboxes[::MAILBOX_LINE] = MAILBOX_AWAY
        mailboxes[MAILBOX_YIELD::MAILBOX_LINE] = yield_address()
        mailboxes[MAILBOX_CLOCK::MAILBOX_LINE] = clock_address()
        self.mailboxes = mailboxes
        self.address = mailboxes.ctypes.data
        self.lingering: dict[int, tuple[Job, object]] = {}
        self.errors: dict[int, BaseException] = {}  # by the jobs' addresses
        self.placement = Placement()

    def acquire(self, wanted: int, threads: int, taken: list[int]) -> int:
        """How many others may join a caller, of `threads` for all callers together.

        It stands in `taken` once it counts, so that a signal cannot come in between.
        """
        with self.lock:
            helpers = max(0, min(wanted, threads - self.busy - 1))
            while self.started < self.helping + helpers:
                if not self._start():
                    helpers = max(0, self.started - self.helping)
            self.helping += helpers
            self.busy += 1 + helpers
            taken.append(helpers)
        return helpers

    def _start(self) -> bool:
        """Starts one more, if the system lets it."""
        worker = threading.Thread(target=serve, args=(self, self.started), daemon=True)
        try:
            worker.start()
        except RuntimeError:  # no more threads, or no memory for their stacks
            return False
        thread = worker.native_id or 0
        self.placement.add(thread)
        if self.started < MAILBOXES:
            self.mailboxes[MAILBOX_LINE * self.started + MAILBOX_THREAD] = thread
        self.started += 1
        return True

    def release(self, helpers: int) -> None:
        with self.lock:
            self.helping -= helpers
            self.busy -= 1 + helpers

    def waiting(self) -> int:
        """About how many threads wait on the queue.  Others would find a job there late."""
        looks = self.mailboxes[: MAILBOX_LINE * self.with_mailbox : MAILBOX_LINE]
        return self.started - self.with_mailbox + int(np.count_nonzero(looks == MAILBOX_AWAY))

    def offer(self, job: Job, wanted: int) -> int:
        """Gives a job to workers 1 … of it, of those who look at their mailboxes; to how many."""
        found: int = job_functions().offer(
            self.address, self.with_mailbox, address_of_job(job), wanted
        )
        return found

    def leave(self, job: Job, held: object) -> None:
        """Sees that nobody finds the job any more; whoever is still at it keeps it alive."""
        # When all is done they look at the job alone.
        left = job[GRAPH_DONE] < job[GRAPH_TASKS]
        if left:
            stop_job(job, GRAPH_LEFT)
        self.lingering[id(job)] = job, held if left else None
        self.tidy()

    def tidy(self) -> None:
        """Forgets the jobs that the last worker has left by now."""
        withdraw = job_functions().withdraw
        for key, (job, _) in self.lingering.copy().items():
            if not withdraw(self.address, self.with_mailbox, address_of_job(job)):
                self.lingering.pop(key, None)

    @property
    def with_mailbox(self) -> int:
        return min(self.started, MAILBOXES)


def address_of_job(job: Job) -> int:
    return job.buffer_info()[0]


class PhaseError(RuntimeError):
    """A phase of a pass returned a number other than 0.  A defect, and no mistake of who called."""


class Pace:
    """How many slices are done between two looks at signals: as long as people do not notice."""

    __slots__ = ("slices",)

    def __init__(self) -> None:
        self.slices = 1

    def tell(self, slices: int, seconds: float) -> None:
        """So many slices took so long."""
        if seconds < LEAST_PACE:
            self.slices = 2 * slices
        elif seconds > MOST_PACE:
            self.slices = max(1, slices // 2)


def stop_job(job: Job, why: int) -> None:
    """Nobody begins another slice."""
    job[GRAPH_STOP] = job[GRAPH_STOP] or why


def goes_on(job: Job) -> bool:
    return job[GRAPH_DONE] < job[GRAPH_TASKS] and not job[GRAPH_STOP]


def raise_failure(job: Job) -> None:
    if job[GRAPH_STOP]:
        error = POOL.pool.errors.pop(address_of_job(job), None)
        raise error or PhaseError(f"a phase of a pass failed: {job[GRAPH_STOP]}")


def run_alone(job: Job, pace: Pace | None) -> None:
    """Runs a job that is for one worker."""
    some, address = job_functions().some, address_of_job(job)
    while looked_at(pace, some, address):
        pass
    raise_failure(job)


def looked_at(pace: Pace | None, run: Callable[..., int], *arguments: object) -> int:
    """Runs with the budget of the pace.  Only the main thread has signals to look at."""
    if pace is None or threading.get_ident() != MAIN_THREAD:
        return run(*arguments, GRAPH_ENDLESS)
    slices, start = pace.slices, time.perf_counter()
    more = run(*arguments, slices)
    if more:
        pace.tell(slices, time.perf_counter() - start)
    return more


def work_on(job: Job, worker: int, pace: Pace | None = None) -> None:
    """What a worker does until everything is done, or somebody stopped it."""
    together = job_functions().together
    address = address_of_job(job)
    more = looked_at(pace, together, address, worker)
    watch = Watch(POOL.pool.placement, job) if worker == 0 else None
    nap = NAP
    while goes_on(job):
        if more:
            nap = NAP
        elif watch is None or not watch.helped():
            time.sleep(nap)
            nap = longer(nap) if watch is None else NAP
        more = looked_at(pace, together, address, worker)


def longer(nap: float) -> float:
    """The next nap of a worker who still finds nothing: steps of a sequence alone take long."""
    return min(2 * nap, LONG_NAP)


def serve(pool: WorkerPool, number: int) -> None:
    """What a thread does for ever."""
    mailbox = pool.address + GRAPH_WORD * MAILBOX_LINE * number
    stand_by = job_functions().stand_by
    # More threads than cores would take them from those who have something to do.
    looks = number < min(MAILBOXES, available_cores() - 1)
    thread = threading.get_native_id()
    ask_for_short_turns()
    while True:
        call = pool.queue.get()
        try:
            job, held, worker = call.pop()
        except IndexError:  # its caller has done everything
            continue
        try:
            job[job[GRAPH_BLOCKS] + GRAPH_BLOCK * worker + GRAPH_BLOCK_THREAD] = thread
            work_on(job, worker)
        except BaseException as error:  # its caller gets it
            if not job[GRAPH_STOP]:
                pool.errors[address_of_job(job)] = error
                stop_job(job, GRAPH_LEFT)
            del error
        del job, held
        nap = NAP
        while looks and stand_by(mailbox):
            time.sleep(nap)
            nap = longer(nap)


class PoolOfProcess:
    """The threads of this process."""

    def __init__(self) -> None:
        self.pool = WorkerPool()

    def renew(self) -> None:
        # The threads stay with the parent process, and its locks may be held.
        self.pool = WorkerPool()


POOL = PoolOfProcess()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL.renew)


def run_together(job: Job, held: object, pace: Pace | None = None) -> None:
    """Runs a job; `held` is what must stay alive meanwhile.  Raises what a worker raised.

    Others may be late, or come when everything is done, and cores that other callers use at the
    moment are left to them.
    """
    pool = POOL.pool
    calls: list[Call] = []
    taken: list[int] = []
    try:
        helpers = pool.acquire(job[GRAPH_WORKERS] - 1, get_threads(), taken)
        if helpers:
            pool.placement.keep_away(helpers)
        offered = pool.offer(job, helpers) if helpers else 0
        if offered < helpers:
            last = min(helpers, offered + pool.waiting())
            calls += ([(job, held, worker)] for worker in range(1 + offered, 1 + last))
            for call in calls:
                pool.queue.put(call)
        work_on(job, 0, pace)
        raise_failure(job)
    finally:
        try:
            pool.leave(job, held)
        finally:
            for helpers in taken:
                pool.release(helpers)
            for call in calls:
                call.clear()
