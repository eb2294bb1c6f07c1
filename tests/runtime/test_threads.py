"""Threads and the memory they share: numbers, errors, forks, reuse."""

from __future__ import annotations

import gc
import os
import threading
from typing import Any

import numpy as np
import pytest

from celldsl.runtime.errors import ArgumentError
from celldsl.runtime.running import threads
from celldsl.runtime.running.buffers import CACHE_LINE, KEPT_ARRAYS, KEPT_LENGTHS, Buffers


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads.THREADS, "number", 3)


def test_every_worker_joins_in(three: None) -> None:
    meet = threading.Barrier(3)
    seen: list[int] = []

    def work(worker: int) -> None:
        meet.wait(timeout=60)
        seen.append(worker)
        meet.wait(timeout=60)

    threads.share_work(work, 3)
    assert sorted(seen) == [0, 1, 2]


def test_callers_together_use_as_many_threads_as_one(three: None) -> None:
    seen: list[tuple[str, int]] = []
    joined, free = threading.Event(), threading.Event()

    def long(worker: int) -> None:
        seen.append(("long", worker))
        if len(seen) == 3:
            joined.set()
        free.wait(60)

    caller = threading.Thread(target=threads.share_work, args=(long, 3))
    caller.start()
    assert joined.wait(60)
    threads.share_work(lambda worker: seen.append(("short", worker)), 3)
    assert sorted(seen) == [("long", 0), ("long", 1), ("long", 2), ("short", 0)]
    free.set()
    caller.join()
    assert threads.THREADS.pool.busy == 0


def test_an_error_gives_threads_back(three: None) -> None:
    def work(worker: int) -> None:
        if worker == 0:
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        threads.share_work(work, 2)
    assert threads.THREADS.pool.busy == 0


def test_the_number_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLDSL_NUM_THREADS", "7")
    assert threads.threads_by_default() == 7
    monkeypatch.setenv("CELLDSL_NUM_THREADS", "many")
    with pytest.raises(ArgumentError, match="CELLDSL_NUM_THREADS: expected a positive integer"):
        threads.threads_by_default()
    monkeypatch.delenv("CELLDSL_NUM_THREADS")
    assert threads.threads_by_default() == threads.available_cores()


def test_the_number_is_checked() -> None:
    with pytest.raises(ArgumentError, match="threads: expected 1 or more, got 0"):
        threads.set_threads(0)
    with pytest.raises(TypeError, match="threads: expected an integer"):
        threads.set_threads(1.5)  # type: ignore[arg-type]


def test_small_work_stays_on_one_thread(parts: int) -> None:
    assert threads.parts_for(10, 1) == parts
    assert threads.parts_for(1, 10**9) == 1
    assert threads.parts_for(2, 10**9) == min(2, parts)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_process_has_threads_of_its_own(three: None) -> None:
    threads.share_work(lambda worker: None, 2)
    assert threads.THREADS.pool.started > 0
    before = threads.THREADS.pool
    threads.THREADS.renew_pool()
    assert threads.THREADS.pool.started == 0
    threads.share_work(lambda worker: None, 2)
    assert threads.THREADS.pool is not before


def test_memory_comes_back_when_its_lease_dies() -> None:
    buffers = Buffers("float32")
    lease = buffers.take(1000)
    place = lease.array.ctypes.data
    assert place % CACHE_LINE == 0
    assert lease.array.shape == (1000,)
    other = buffers.take(1000)
    assert other.array.ctypes.data != place
    del lease
    gc.collect()
    assert buffers.take(900).array.ctypes.data == place


def test_memory_that_is_much_too_long_is_not_used() -> None:
    buffers = Buffers("float64")
    place = buffers.take(100_000).array.ctypes.data
    small = buffers.take(100)
    assert small.array.ctypes.data != place


def test_memory_that_somebody_else_takes_meanwhile_is_not_used() -> None:
    buffers = Buffers("float64")
    short = np.zeros(500)

    class Changing(list[Any]):
        """Somebody gives an array back after each look."""

        def __getitem__(self, at: Any) -> Any:
            found = super().__getitem__(at)
            self.append(short)
            return found

    buffers._free[500] = Changing([np.zeros(1000)])
    assert buffers.take(900).array.size >= 900
    assert any(array is short for array in buffers._free[500])


def test_lengths_that_are_asked_for_once_are_forgotten() -> None:
    buffers = Buffers("float32")
    for length in range(1000, 3000):
        buffers.take(length)
    assert len(buffers._free) <= KEPT_LENGTHS
    for power in range(1, 22):
        buffers.take(4**power % 10**7)
    assert sum(map(len, buffers._free.values())) <= KEPT_ARRAYS + 2
