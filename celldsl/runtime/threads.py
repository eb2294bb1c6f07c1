"""Threads for kernels.  In: a number of threads.  Out: `run_parts`, which runs parts side by side.

    set_threads(4)
    run_parts(phase.run, [(0, …), (1, …)])      # returns when both are done

Kernels release the interpreter's lock, so plain Python threads do.  They are started once, wait on
a queue and end with the process.  The caller takes parts too, so that nothing waits for a busy
pool, and several callers may be at it at once.  After a fork the child starts its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from itertools import count
from queue import SimpleQueue
from typing import Any

from celldsl.runtime.arguments import check_integer
from celldsl.runtime.errors import ArgumentError

# Fewer multiplications than this (about 50 microseconds) are done before a thread has woken.
SMALL_WORK = 1_000_000


class PartsJob:
    """Calls of one function that may run side by side; whoever is free claims the next."""

    def __init__(self, run: Callable[..., None], calls: Sequence[tuple[Any, ...]]) -> None:
        self.run = run
        self.calls = calls
        # Counters of itertools are atomic, and cheaper than a lock.
        self.claim = count().__next__
        self.finish = count(1).__next__
        self.done = threading.Lock()
        self.done.acquire()
        self.error: BaseException | None = None

    def work(self) -> None:
        total = len(self.calls)
        while (index := self.claim()) < total:
            try:
                self.run(*self.calls[index])
            except BaseException as error:
                # Raised again on the caller's thread.
                self.error = error
            if self.finish() == total:
                self.done.release()

    def wait(self) -> None:
        self.done.acquire()
        if self.error is not None:
            raise self.error


class ThreadPool:
    """Daemon threads that take jobs from a queue."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[PartsJob] = SimpleQueue()
        self.started = 0
        self.lock = threading.Lock()

    def grow(self, workers: int) -> None:
        with self.lock:
            while self.started < workers:
                self.started += 1
                threading.Thread(target=serve_jobs, args=(self.jobs,), daemon=True).start()


def serve_jobs(jobs: SimpleQueue[PartsJob]) -> None:
    while True:
        jobs.get().work()


def run_parts(run: Callable[..., None], calls: Sequence[tuple[Any, ...]]) -> None:
    """Calls `run(*arguments)` for each of `calls`, side by side, and returns when all are done."""
    if len(calls) == 1:
        run(*calls[0])
        return
    pool = THREADS.pool
    helpers = len(calls) - 1
    if pool.started < helpers:
        pool.grow(helpers)
    job = PartsJob(run, calls)
    for _ in range(helpers):
        pool.jobs.put(job)
    job.work()
    job.wait()


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
