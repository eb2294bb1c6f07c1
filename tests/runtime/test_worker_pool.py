"""Threads that help: who joins, for how many callers, and what stays alive."""

from __future__ import annotations

import os
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from celldsl.runtime.threads import thread_count as threads
from celldsl.runtime.threads import worker_pool as pool_file
from celldsl.runtime.threads.task_abi import (
    GRAPH_BLOCK,
    GRAPH_BLOCKS,
    GRAPH_DONE,
    GRAPH_HEADER,
    GRAPH_TASKS,
    GRAPH_WORKERS,
    MAILBOX_AWAY,
    MAILBOX_FREE,
    MAILBOX_LINE,
)  # fmt: skip
from celldsl.runtime.threads.worker_pool import POOL, WorkerPool, run_together, serve

PATIENCE = 60.0


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerPool]:
    monkeypatch.setattr(threads.THREADS, "number", 3)
    monkeypatch.setattr(POOL, "pool", WorkerPool())
    yield POOL.pool


def job_for(workers: int, tasks: int = 1) -> Any:
    """A job that stands still: its only task waits for itself."""
    job = array("q", [0] * (GRAPH_HEADER + GRAPH_BLOCK * workers))
    job[GRAPH_WORKERS], job[GRAPH_TASKS] = workers, tasks
    job[GRAPH_BLOCKS] = GRAPH_HEADER
    return job


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_caller_gets_its_threads_and_gives_them_back(three: WorkerPool) -> None:
    job = job_for(3)
    caller = threading.Thread(target=run_together, args=(job, None), daemon=True)
    caller.start()
    until(lambda: three.started == 2 and three.busy == 3)
    job[GRAPH_DONE] = 1
    caller.join(PATIENCE)
    assert three.busy == 0


def test_callers_together_use_as_many_threads_as_one(three: WorkerPool) -> None:
    long, short = job_for(3), job_for(3)
    caller = threading.Thread(target=run_together, args=(long, None), daemon=True)
    caller.start()
    until(lambda: three.busy == 3)
    short[GRAPH_DONE] = 1
    run_together(short, None)
    assert three.busy == 3
    long[GRAPH_DONE] = 1
    caller.join(PATIENCE)
    assert three.busy == 0


def test_an_error_gives_threads_back(three: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(job: Any, worker: int, pace: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pool_file, "work_on", stop)
    monkeypatch.setattr(three, "acquire", lambda wanted, threads, taken: 0)
    with pytest.raises(KeyboardInterrupt):
        run_together(job_for(1), None)
    assert three.mailboxes[0] == MAILBOX_AWAY


def test_a_worker_that_looks_at_its_post_is_given_jobs(three: WorkerPool) -> None:
    three.mailboxes[: 2 * MAILBOX_LINE : MAILBOX_LINE] = MAILBOX_FREE
    three.started = 3
    job = job_for(3)
    assert three.offer(job, 1) == 1
    assert three.mailboxes[0] == pool_file.address_of_job(job)
    assert three.mailboxes[MAILBOX_LINE] == MAILBOX_FREE
    assert three.offer(job_for(3), 5) == 1
    three.leave(job, "arrays")
    assert three.mailboxes[0] == MAILBOX_FREE
    assert not three.lingering


def test_a_job_lives_as_long_as_somebody_is_at_it(three: WorkerPool) -> None:
    three.started = 1
    job = job_for(2)
    three.mailboxes[0] = -pool_file.address_of_job(job)
    three.leave(job, "arrays")
    assert three.lingering == {id(job): (job, "arrays")}
    three.tidy()
    assert three.lingering
    job[GRAPH_DONE] = 1
    three.leave(job, "arrays")
    assert three.lingering == {id(job): (job, None)}
    three.mailboxes[0] = MAILBOX_FREE
    three.tidy()
    assert not three.lingering


def test_a_worker_stands_by_and_goes_away(
    three: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_file, "available_cores", lambda: 8)
    done = job_for(2, tasks=0)
    three.started = 1
    worker = threading.Thread(target=serve, args=(three, 0), daemon=True)
    worker.start()
    for _ in range(20):
        three.queue.put([(done, None, 1)])
        until(lambda: three.queue.empty() and three.mailboxes[0] == MAILBOX_AWAY)


def test_who_does_not_wait_on_the_queue_finds_nothing_there(three: WorkerPool) -> None:
    three.mailboxes[0] = MAILBOX_FREE + 12345  # at something else
    three.started = 2
    three.mailboxes[MAILBOX_LINE] = MAILBOX_FREE + 12345
    done = job_for(3)
    done[GRAPH_DONE] = 1
    run_together(done, "arrays")
    assert three.queue.empty()


def test_a_call_that_nobody_took_holds_nothing(three: WorkerPool) -> None:
    three.started = 2
    done = job_for(3)
    done[GRAPH_DONE] = 1
    run_together(done, "arrays")
    assert three.queue.qsize() == 2
    assert three.queue.get() == three.queue.get() == []


def test_an_error_of_a_worker_reaches_the_caller(
    three: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have taken a task: nobody else would ever do that one."""
    usual = pool_file.work_on
    failed = threading.Event()

    def work_on(job: Any, worker: int, pace: Any = None) -> None:
        if worker == 0:
            failed.wait(PATIENCE)
            usual(job, worker, pace)
        else:
            failed.set()
            raise MemoryError("no memory for a thread's stack")

    monkeypatch.setattr(pool_file, "work_on", work_on)
    monkeypatch.setattr(pool_file, "available_cores", lambda: 1)  # no worker looks at its mailbox
    for _ in range(3):
        failed.clear()
        job = job_for(2)
        with pytest.raises(MemoryError, match="no memory"):
            run_together(job, None)
        assert (three.busy, three.helping, three.errors) == (0, 0, {})
        assert three.started == 1


def test_where_no_thread_starts_the_caller_does_everything(
    three: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        assert three.acquire(2, 3, []) == 0
        assert (three.started, three.busy, three.helping) == (0, 1, 0)
        three.release(0)
    assert three.acquire(1, 3, []) == 1
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        assert three.acquire(2, 9, []) == 0  # the one there is helps somebody else
        three.release(0)
        three.release(1)
        assert three.acquire(2, 9, []) == 1
    three.release(1)
    assert (three.started, three.busy, three.helping) == (1, 0, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_process_has_threads_of_its_own(three: WorkerPool) -> None:
    POOL.renew()
    assert POOL.pool is not three
    assert POOL.pool.started == 0
