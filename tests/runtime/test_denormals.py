"""Denormal numbers are zero in kernels, and what they are outside of them."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.description import Phase
from celldsl.runtime.row_plan import plan_rows
from celldsl.runtime.threads import worker_pool
from celldsl.runtime.threads.instructions import _ARM, _X86, _processor
from celldsl.runtime.threads.launch import CompiledPhases, LaunchPlan
from celldsl.runtime.threads.worker_pool import PhaseError

LEAK = """\
cell Leak[H]:
    input x: [H]
    state h: [H]

    h' = 0.5 * h + 0.5 * x

    output h'
"""
TINY = 1e-310  # denormal in float64, as is its half
SCRIPT = f"""
import numpy as np, celldsl
cell = celldsl.compile_source({LEAK!r})(H=3, dtype="float64")
y, state = cell(np.full((1, 2, 3), {TINY}))
print(bool(y.any()), bool(cell.step(np.full((2, 3), {TINY}))[0].any()))
"""

known = pytest.mark.skipif(_processor() not in _X86 + _ARM, reason="this processor's mode is kept")


def half_of_a_denormal() -> float:
    return float((np.full(8, TINY) * 0.5)[0])


@known
@pytest.mark.parametrize("threads", [1, 3])
def test_kernels_take_them_for_zero_and_numpy_keeps_them(
    threads: int, small_work_shared: None
) -> None:
    celldsl.set_threads(threads)
    cell = celldsl.compile_source(LEAK)(H=3, dtype="float64")
    for batch in (1, 8):
        y, state, tape = cell.forward(np.full((6, batch, 3), TINY))
        assert not y.any()
        assert not state.h.any()
        assert half_of_a_denormal() > 0
        assert not cell.backward(tape, np.full(y.shape, TINY)).inputs["x"].any()
        assert half_of_a_denormal() > 0
        assert not cell.step(np.full((batch, 3), TINY))[0].any()
        assert half_of_a_denormal() > 0


@known
@pytest.mark.parametrize(("setting", "kept"), [("0", "True True"), ("1", "False False")])
def test_the_environment_keeps_them(setting: str, kept: str, tmp_path: Path) -> None:
    root = str(Path(celldsl.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": root, "CELLDSL_FLUSH_DENORMALS": setting},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == kept


@known
def test_the_mode_comes_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = celldsl.compile_source(LEAK)(H=3, dtype="float64")
    with pytest.raises(ValueError, match="x"):
        cell(np.zeros((2, 2, 4)))
    assert half_of_a_denormal() > 0


ROOT = """\
cell Root[H]:
    input x: [H]
    state h: [H]

    r  = sqrt(x)
    h' = 0.5 * h + tanh(r)

    output h'
"""
FAILING = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)


def fail_after_a_moment(_own: int, _shared: int) -> int:
    """7 where the mode was set; late enough for others to join in."""
    number = 7 if half_of_a_denormal() == 0 else 8
    time.sleep(0.005)
    return number


@pytest.fixture
def modes(monkeypatch: pytest.MonkeyPatch, small_work_shared: None) -> dict[int, list[float]]:
    """What each thread makes of a denormal number whenever it comes out of compiled code."""
    celldsl.set_threads(3)
    monkeypatch.setattr(worker_pool.POOL, "pool", worker_pool.WorkerPool())
    # Help comes by way of Python alone, where it can be asked.
    monkeypatch.setattr(worker_pool.WorkerPool, "offer", lambda *_: 0)
    found: dict[int, list[float]] = {}
    functions = worker_pool.job_functions()

    def watched(*given: int) -> int:
        more: int = functions.together(*given)
        found.setdefault(threading.get_ident(), []).append(half_of_a_denormal())
        return more

    made = dataclasses.replace(functions, together=watched)
    monkeypatch.setattr(worker_pool, "job_functions", lambda: made)
    return found


def threads_came(modes: dict[int, list[float]], run: Callable[[], object]) -> None:
    """Runs until three threads have joined in; they are free to come late, and new ones come after
    a signal."""
    for _ in range(200):
        run()
        if len(modes) >= 3:
            break
    assert len(modes) >= 3


@known
@pytest.mark.parametrize("end", ["well", "not finite", "failed", "signal"])
def test_every_thread_has_its_mode_back(
    end: str, modes: dict[int, list[float]], after_a_moment: Any
) -> None:
    cell = celldsl.compile_source(ROOT)(H=16, dtype="float64")
    x = np.full((300, 9, 16), TINY)

    came: list[int] = []

    def interrupt(*_: Any) -> None:
        came.append(1)
        raise KeyboardInterrupt

    def run() -> None:
        match end:
            case "well":
                cell.backward(cell.forward(x)[2])
            case "not finite":
                with pytest.raises(celldsl.NonFiniteError):
                    cell.forward(x - 1, check_numerics=True)
            case "failed":
                fail = FAILING(fail_after_a_moment)
                code = ctypes.cast(fail, ctypes.c_void_p).value or 0
                compiled = CompiledPhases([Phase("parts", print)], [code])
                with pytest.raises(PhaseError, match="7"):  # the mode was set in it
                    LaunchPlan(compiled, plan_rows(4, 6, 3, False, True)).run([])
            case "signal":
                came.clear()
                with pytest.raises(KeyboardInterrupt):
                    after_a_moment(interrupt, 0.003)
                    while not came:
                        cell(x)
                    # Python drops what a signal raises while an object is freed.
                    raise KeyboardInterrupt

    threads_came(modes, run)
    assert (worker_pool.POOL.pool.busy, worker_pool.POOL.pool.helping) == (0, 0)
    assert half_of_a_denormal() > 0
    assert all(half > 0 for halves in modes.values() for half in halves)


@known
def test_other_threads_keep_their_mode_while_kernels_run(small_work_shared: None) -> None:
    celldsl.set_threads(3)
    cell = celldsl.compile_source(ROOT)(H=16, dtype="float64")
    x = np.full((2000, 9, 16), TINY)
    cell(x)
    begun, over = threading.Event(), threading.Event()
    seen: list[float] = []

    def other() -> None:
        while not over.is_set():
            seen.append(half_of_a_denormal())
            begun.set()

    thread = threading.Thread(target=other)
    thread.start()
    try:
        begun.wait(60)
        for _ in range(5):
            assert not cell(np.full((3, 9, 16), -TINY))[0].any()
            cell(x)
    finally:
        over.set()
        thread.join(60)
    assert seen and all(half > 0 for half in seen)


def test_normal_numbers_are_what_they_were() -> None:
    cell = celldsl.compile_source(LEAK)(H=3, dtype="float64")
    x = np.random.default_rng(0).normal(size=(20, 4, 3)) * 1e-300
    y, _ = cell(x)
    want = np.zeros((4, 3))
    for t in range(20):
        want = 0.5 * want + 0.5 * x[t]
        np.testing.assert_array_equal(y[t], want)
