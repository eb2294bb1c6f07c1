"""Threads and the memory they share: numbers, errors, forks, reuse."""

from __future__ import annotations

import gc
import os
import threading

import numpy as np
import pytest

from celldsl.runtime import threads
from celldsl.runtime.buffers import CACHE_LINE, Buffers
from celldsl.runtime.errors import ArgumentError


def test_every_part_runs_once_and_side_by_side() -> None:
    meet = threading.Barrier(3)
    seen: list[int] = []

    def run(part: int) -> None:
        meet.wait(timeout=60)
        seen.append(part)

    threads.run_parts(run, [(0,), (1,), (2,)])
    assert sorted(seen) == [0, 1, 2]


def test_an_error_of_a_part_reaches_the_caller() -> None:
    def run(part: int) -> None:
        if part == 1:
            raise ArithmeticError("part 1")

    for _ in range(20):
        with pytest.raises(ArithmeticError, match="part 1"):
            threads.run_parts(run, [(0,), (1,)])


def test_parts_inside_parts_do_not_wait_for_each_other() -> None:
    seen: list[tuple[int, int]] = []

    def inner(a: int, b: int) -> None:
        seen.append((a, b))

    threads.run_parts(
        lambda a: threads.run_parts(inner, [(a, b) for b in range(4)]), [(a,) for a in range(4)]
    )
    assert sorted(seen) == [(a, b) for a in range(4) for b in range(4)]


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
def test_a_child_process_has_threads_of_its_own() -> None:
    threads.run_parts(lambda part: None, [(0,), (1,)])
    assert threads.THREADS.pool.started > 0
    before = threads.THREADS.pool
    threads.THREADS.renew_pool()
    assert threads.THREADS.pool.started == 0
    threads.run_parts(lambda part: None, [(0,), (1,)])
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
    assert np.shares_memory(small.array, small.array)
