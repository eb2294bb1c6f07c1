"""Threads and the memory they share: numbers, errors, forks, reuse."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.jit.cores import available_cores
from celldsl.runtime.buffers import CACHE_LINE, KEPT_ARRAYS, KEPT_LENGTHS, Buffers
from celldsl.runtime.errors import ArgumentError
from celldsl.runtime.threads import thread_count as threads


def test_the_number_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLDSL_NUM_THREADS", "7")
    assert threads.threads_by_default() == 7
    monkeypatch.setenv("CELLDSL_NUM_THREADS", "many")
    with pytest.raises(ArgumentError, match="CELLDSL_NUM_THREADS: expected a positive integer"):
        threads.threads_by_default()
    monkeypatch.delenv("CELLDSL_NUM_THREADS")
    assert threads.threads_by_default() == available_cores()


def test_the_number_is_checked() -> None:
    with pytest.raises(ArgumentError, match="threads: expected 1 or more, got 0"):
        threads.set_threads(0)
    with pytest.raises(TypeError, match="threads: expected an integer"):
        threads.set_threads(1.5)  # type: ignore[arg-type]


def test_small_work_stays_on_one_thread(parts: int) -> None:
    assert threads.parts_for(10, 1) == parts
    assert threads.parts_for(1, threads.LONG_WORK - 1) == 1
    assert threads.parts_for(1, threads.LONG_WORK) == parts
    assert threads.parts_for(0, 10**9) == 1
    assert threads.parts_for(2, 10**9) == min(2, parts)


def test_memory_comes_back_when_its_lease_dies() -> None:
    buffers = Buffers("float32")
    buffer = buffers.take(1000)
    place = buffer.array.ctypes.data
    assert place % CACHE_LINE == 0
    assert buffer.array.shape == (1000,)
    other = buffers.take(1000)
    assert other.array.ctypes.data != place
    del buffer
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


@pytest.mark.parametrize("name", ["gru", "indrnn"])
def test_threads_share_what_is_over_all_rows_of_a_sequence_alone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell: Any = celldsl.load(name)(I=5, H=17, dtype="float64", seed=0)
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((301, 1, 5)), rng.standard_normal((301, 1, 17))
    cases: tuple[dict[str, Any], ...] = (
        {}, {"checkpoint": True}, {"lengths": np.array([290])}, {"reverse": True},
    )  # fmt: skip
    for arguments in cases:
        found = []
        for number in (1, 3, 3):
            monkeypatch.setattr(threads.THREADS, "number", number)
            monkeypatch.setattr(threads, "LONG_WORK", 0)
            y, _, tape = cell.forward(x, **arguments)
            gradients = cell.backward(tape, dy)
            found.append([y, gradients.inputs["x"], *gradients.params.values()])
        for alone, shared, again in zip(*found, strict=True):
            np.testing.assert_allclose(shared, alone, rtol=1e-10, atol=1e-11)
            np.testing.assert_array_equal(shared, again)
