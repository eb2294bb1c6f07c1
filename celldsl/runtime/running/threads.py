"""Threads for kernels.  In: a number of threads.  Out: `share_work`, which has others join in.

    set_threads(4)
    share_work(work, 4)             # work(0) here, work(1) … work(3) elsewhere

Kernels release the interpreter's lock, so plain Python threads do.  They are started once, wait on
a queue and end with the process.  Several callers may be at it at once: together they use as many
threads as one would, and none waits for another.  After a fork the child starts its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

from celldsl.runtime.checks.arguments import check_integer
from celldsl.runtime.errors import ArgumentError

# Fewer multiplications than this (about 50 microseconds) are done before a thread has woken.
SMALL_WORK = 1_000_000


class ThreadPool:
    """Daemon threads that take jobs from a queue."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[tuple[Callable[[int], None], int]] = SimpleQueue()
        self.started = 0
        self.busy = 0  # callers, and those who joined them
        self.lock = threading.Lock()

    def hire(self, wanted: int, threads: int) -> int:
        """How many others may join a caller, of `threads` for all callers together."""
        with self.lock:
            helpers = max(0, min(wanted, threads - self.busy - 1))
            self.busy += 1 + helpers
            while self.started < helpers:
                self.started += 1
                threading.Thread(target=serve_jobs, args=(self.jobs,), daemon=True).start()
        return helpers

    def dismiss(self, helpers: int) -> None:
        with self.lock:
            self.busy -= 1 + helpers


def serve_jobs(jobs: SimpleQueue[tuple[Callable[[int], None], int]]) -> None:
    while True:
        work, worker = jobs.get()
        work(worker)
        del work


def share_work(work: Callable[[int], None], workers: int) -> None:
    """Calls `work(0)` here and `work(1)` … on other threads; returns when the call here has.

    Others may be late, or come when everything is done, and cores that other callers use at the
    moment are left to them: `work` must be good for that.
    """
    pool = THREADS.pool
    helpers = pool.hire(workers - 1, get_threads())
    try:
        for worker in range(1, 1 + helpers):
            pool.jobs.put((work, worker))
        work(0)
    finally:
        pool.dismiss(helpers)


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class ThreadSettings:
    """The number of threads (0: not yet asked for) and the pool of this process."""

    def __init__(self) -> None:
        self.number = 0
        self.pool = ThreadPool()

    def renew_pool(self) -> None:
        # The threads stay with the parent process, and its locks may be held.
        self.pool = ThreadPool()


THREADS = ThreadSettings()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=THREADS.renew_pool)


def set_threads(number: int) -> None:
    """How many threads a call may use, from now on.

    Raises ArgumentError when `number` is not a positive integer.
    """
    THREADS.number = check_integer("threads", number, 1)


def get_threads() -> int:
    """How many threads a call may use: set, or CELLDSL_NUM_THREADS, or the cores there are."""
    if not THREADS.number:
        THREADS.number = threads_by_default()
    return THREADS.number


def threads_by_default() -> int:
    text = os.environ.get("CELLDSL_NUM_THREADS", "").strip()
    if not text:
        return available_cores()
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentError(f"CELLDSL_NUM_THREADS: expected a positive integer, got {text!r}")
    return int(text)


def parts_for(batch: int, work: int) -> int:
    """How many parts to split `batch` sequences into; `work` is in multiplications."""
    if batch < 2 or work < SMALL_WORK:
        return 1
    return min(get_threads(), batch)
