"""Threads for kernels.  In: a number of threads.  Out: `share_work`, which has others join in.

    set_threads(4)
    share_work(work, 4)             # work(0) here, work(1) … work(3) elsewhere

Kernels release the interpreter's lock, so plain Python threads do.  They are started once, wait on
a queue and end with the process.  Nothing waits for a busy pool, and several callers may be at it
at once.  After a fork the child starts its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

from celldsl.runtime.arguments import check_integer
from celldsl.runtime.errors import ArgumentError

# Fewer multiplications than this (about 50 microseconds) are done before a thread has woken.
SMALL_WORK = 1_000_000


class ThreadPool:
    """Daemon threads that take jobs from a queue."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[tuple[Callable[[int], None], int]] = SimpleQueue()
        self.started = 0
        self.lock = threading.Lock()

    def grow(self, workers: int) -> None:
        with self.lock:
            while self.started < workers:
                self.started += 1
                threading.Thread(target=serve_jobs, args=(self.jobs,), daemon=True).start()


def serve_jobs(jobs: SimpleQueue[tuple[Callable[[int], None], int]]) -> None:
    while True:
        work, worker = jobs.get()
        work(worker)
        del work


def share_work(work: Callable[[int], None], workers: int) -> None:
    """Calls `work(0)` here and `work(1)` … on other threads; returns when the call here has.

    Others may be late, or come when everything is done; `work` must be good for that.
    """
    pool = THREADS.pool
    if pool.started < workers - 1:
        pool.grow(workers - 1)
    for worker in range(1, workers):
        pool.jobs.put((work, worker))
    work(0)


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
