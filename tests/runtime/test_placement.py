"""On which cores workers run: never the caller's, but for a task that the caller waits for."""

from __future__ import annotations

import os
import threading
from array import array
from collections.abc import Collection, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.threads import placement as placement_file
from celldsl.runtime.threads import thread_count as threads
from celldsl.runtime.threads import worker_pool
from celldsl.runtime.threads.job_functions import job_functions
from celldsl.runtime.threads.placement import LOOKS, NOWHERE, Placement, Watch
from celldsl.runtime.threads.task_abi import (
    GRAPH_BLOCK,
    GRAPH_BLOCK_HELD,
    GRAPH_BLOCK_TASK,
    GRAPH_BLOCK_THREAD,
    GRAPH_BLOCKS,
    GRAPH_ENDLESS,
    GRAPH_HEADER,
    GRAPH_STOP,
    GRAPH_TASKS,
    GRAPH_WORKERS,
)
from celldsl.runtime.threads.worker_pool import POOL, WorkerPool, address_of_job

HERE, THERE = 5, 6  # cores
WORKER = 1000  # a thread
NOBODY = 1 << 22  # more than there may be
OWN = GRAPH_HEADER + GRAPH_BLOCK
linux = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads are not placed")


class System:
    """What the system was told."""

    def __init__(self) -> None:
        self.core = HERE
        self.allowed = {HERE, THERE}
        self.placed: list[tuple[int, set[int]]] = []
        self.cpu: float | None = 1.0

    def place(self, thread: int, cores: Collection[int]) -> bool:
        self.placed.append((thread, set(cores)))
        return True


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    made = System()
    monkeypatch.setattr(placement_file, "current_core", lambda: made.core)
    monkeypatch.setattr(placement_file, "place", made.place)
    monkeypatch.setattr(placement_file, "cpu_time", lambda thread: made.cpu)
    # Other threads of this process go on with the system as it is.
    of_system = SimpleNamespace(sched_getaffinity=lambda thread: made.allowed)
    monkeypatch.setattr(placement_file, "os", of_system)
    return made


def placement_of(*workers: int) -> Placement:
    made = Placement()
    for worker in workers:
        made.add(worker)
    return made


def job_at_work(task: int = 77) -> Any:
    """A job whose only worker besides the caller is in the middle of a task."""
    job = array("q", [0] * (GRAPH_HEADER + 2 * GRAPH_BLOCK))
    job[GRAPH_WORKERS], job[GRAPH_TASKS], job[GRAPH_BLOCKS] = 2, 1, GRAPH_HEADER
    job[OWN + GRAPH_BLOCK_TASK], job[OWN + GRAPH_BLOCK_THREAD] = task, WORKER
    return job


def test_workers_stay_off_the_core_of_their_caller(system: System) -> None:
    placement = placement_of(WORKER, WORKER + 1)
    system.allowed = {HERE, THERE, 7}
    placement.keep_away(2)
    assert system.placed == [(WORKER, {THERE, 7}), (WORKER + 1, {THERE, 7})]
    placement.keep_away(2)
    assert len(system.placed) == 2
    system.core = THERE
    placement.keep_away(2)
    assert system.placed[2:] == [(WORKER, {HERE, 7}), (WORKER + 1, {HERE, 7})]


def test_workers_are_left_to_the_system_where_they_are_more_than_other_cores(
    system: System,
) -> None:
    placement_of(WORKER, WORKER + 1).keep_away(2)
    system.allowed = {HERE}
    placement_of(WORKER).keep_away(1)
    system.core, system.allowed = NOWHERE, {HERE, THERE}
    placement_of(WORKER).keep_away(1)
    assert not system.placed


def test_a_worker_that_lost_its_core_ends_its_task_on_the_callers(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, held = job_at_work(), []
    watch = Watch(placement_of(WORKER), job)

    def nap(_: float) -> None:
        held.append(job[OWN + GRAPH_BLOCK_HELD])
        if len(held) == 3:
            job[OWN + GRAPH_BLOCK_TASK] = 0

    monkeypatch.setattr(placement_file, "time", SimpleNamespace(sleep=nap))
    assert watch.helped()
    system.cpu = 2.0  # it goes on
    assert watch.helped()
    assert not system.placed
    assert watch.helped()
    assert system.placed == [(WORKER, {HERE}), (WORKER, {HERE, THERE})]
    assert held == [1, 1, 1]
    assert job[OWN + GRAPH_BLOCK_HELD] == 0


@pytest.mark.parametrize("ends", ["stopped", "signal"])
def test_a_caller_does_not_wait_for_a_task_that_nobody_ends(
    system: System, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    job = job_at_work()

    def nap(_: float) -> None:
        if ends == "signal":
            raise KeyboardInterrupt
        job[GRAPH_STOP] = 3

    monkeypatch.setattr(placement_file, "time", SimpleNamespace(sleep=nap))
    placement = placement_of(WORKER)
    if ends == "signal":
        with pytest.raises(KeyboardInterrupt):
            placement.finish_here(job, OWN)
    else:
        placement.finish_here(job, OWN)
    assert system.placed[-1] == (WORKER, {HERE, THERE})
    assert job[OWN + GRAPH_BLOCK_HELD] == 0


def test_a_caller_naps_where_workers_take_long_or_have_nothing(system: System) -> None:
    job = job_at_work()
    watch = Watch(placement_of(WORKER), job)
    answers = []
    for look in range(LOOKS + 1):
        system.cpu = float(look)
        answers.append(watch.helped())
    assert answers == [True] * (LOOKS - 1) + [False] * 2
    system.cpu = None  # the thread has ended
    assert not watch.helped()
    job[OWN + GRAPH_BLOCK_TASK], system.cpu = 0, 1.0
    assert not watch.helped()
    assert not watch.helped()
    assert not system.placed


def test_a_worker_that_is_held_begins_no_other_task() -> None:
    job = job_at_work(task=0)
    job[OWN + GRAPH_BLOCK_HELD] = 1
    assert job_functions().together(address_of_job(job), 1, GRAPH_ENDLESS) == 0
    assert job[OWN + GRAPH_BLOCK_TASK] == 0


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerPool]:
    monkeypatch.setattr(threads.THREADS, "number", 2)
    monkeypatch.setattr(threads, "SMALL_WORK", 0)
    monkeypatch.setattr(POOL, "pool", WorkerPool())
    yield POOL.pool


def results_of_passes(cell: Any, x: Any, dy: Any) -> list[bytes]:
    y, state, tape = cell.forward(x)
    gradients = cell.backward(tape, dy)
    arrays = [y, state, *gradients.params.values(), *gradients.inputs.values()]
    return [np.asarray(each).tobytes() for each in arrays]


@pytest.fixture(scope="module")
def cell_and_arrays() -> tuple[Any, Any, Any]:
    cell: Any = celldsl.load("gru")(I=13, H=33, dtype="float32", seed=0)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 17, 13)).astype("float32")
    return cell, x, rng.standard_normal((40, 17, 33)).astype("float32")


@linux
def test_results_are_the_same_bits_wherever_workers_run(
    two: WorkerPool, cell_and_arrays: tuple[Any, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = results_of_passes(*cell_and_arrays)
    with monkeypatch.context() as patch:
        patch.setattr(placement_file, "current_core", lambda: NOWHERE)
        assert results_of_passes(*cell_and_arrays) == usual
    # Every worker that is at work counts as one that has lost its core.
    monkeypatch.setattr(placement_file, "cpu_time", lambda thread: 1.0)
    for _ in range(5):
        assert results_of_passes(*cell_and_arrays) == usual


@linux
def test_threads_of_others_and_the_caller_stay_where_they_are(
    two: WorkerPool, cell_and_arrays: tuple[Any, Any, Any]
) -> None:
    leave = threading.Event()
    other = threading.Thread(target=leave.wait, daemon=True)
    other.start()
    before = [os.sched_getaffinity(thread or 0) for thread in (0, other.native_id)]
    results_of_passes(*cell_and_arrays)
    seen = [os.sched_getaffinity(thread or 0) for thread in (0, other.native_id)]
    leave.set()
    assert seen == before
    workers = list(two.placement.away)
    assert len(workers) == two.started == 1
    assert all(os.sched_getaffinity(worker) <= before[0] for worker in workers)


@linux
def test_many_callers_get_their_results_wherever_workers_run(
    two: WorkerPool, cell_and_arrays: tuple[Any, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = results_of_passes(*cell_and_arrays)
    monkeypatch.setattr(placement_file, "cpu_time", lambda thread: 1.0)
    found: list[list[bytes]] = []

    def call() -> None:
        found.extend(results_of_passes(*cell_and_arrays) for _ in range(3))

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert found == [usual] * 9


def test_the_environment_leaves_threads_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(placement_file.VARIABLE, "0")
    monkeypatch.setattr(placement_file, "_library", placement_file._library.__wrapped__)
    assert placement_file.current_core() == NOWHERE
    assert placement_file.yield_address() == placement_file.clock_address() == 0
    placement_file.ask_for_short_turns()


@linux
def test_nothing_is_known_of_a_thread_that_is_not_there() -> None:
    assert placement_file.cpu_time(NOBODY) is None
    assert not placement_file.place(NOBODY, os.sched_getaffinity(0))
    assert not placement_file.place(0, set())
    mine = placement_file.cpu_time(threading.get_native_id())
    assert mine is not None
    assert mine > 0


def test_a_worker_without_a_system_that_places_it_looks_at_its_mailbox(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_pool, "yield_address", lambda: 0)
    monkeypatch.setattr(worker_pool, "clock_address", lambda: 0)
    pool = WorkerPool()
    assert job_functions().stand_by(pool.address) == 0  # after so many looks
