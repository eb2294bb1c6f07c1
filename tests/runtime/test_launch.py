"""Phases that several workers run: every task once, and none before what it waits for."""

from __future__ import annotations

import ctypes
import importlib.util
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celldsl.jit.object_cache import phase_addresses
from celldsl.runtime.description import Phase
from celldsl.runtime.row_plan import plan_rows
from celldsl.runtime.threads import launch as schedule_file
from celldsl.runtime.threads import worker_pool as crew_file
from celldsl.runtime.threads.launch import CompiledPhases, LaunchPlan
from celldsl.runtime.threads.task_graph import SLICE_WORK
from celldsl.runtime.threads.worker_pool import PhaseError, work_on

MODULE = """\
from celldsl.jit.symbols import pointer, real
from celldsl.jit.functions import routine

@routine
def count(part, parts, share, shares, rows, dims, hyper, a, b, scratch):
    total = rows[2]
    for i in range(total * share // shares, total * (share + 1) // shares):
        a[i] += real(a, 1.0)
    scratch[part] = real(a, 1.0)

@routine
def turn(part, parts, share, shares, rows, dims, hyper, a, b, scratch):
    total = rows[2]
    for i in range(total * part // parts, total * (part + 1) // parts):
        b[i] += a[total - 1 - i] + real(a, 2.0)

@routine
def double(part, parts, share, shares, rows, dims, hyper, a, b, scratch):
    total = rows[2]
    for i in range(total * share // shares, total * (share + 1) // shares):
        a[i] = a[i] + b[i]
"""


@pytest.fixture(scope="module")
def routines(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return made_module(tmp_path_factory.mktemp("relay") / "relayed.py", MODULE)


def made_module(path: Path, text: str) -> Any:
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def course_of(routines: Any, parts: int) -> LaunchPlan:
    phases = (
        Phase("rows", routines.count),
        Phase("parts", routines.turn),
        Phase("rows", routines.double),
    )
    codes = phase_addresses([phase.run for phase in phases], "float64")
    return LaunchPlan(CompiledPhases(phases, codes), plan_rows(40, 25, parts, False, True))


def run(launch_plan: LaunchPlan) -> Any:
    rows = launch_plan.plan.rows
    a, b, scratch = np.zeros(rows), np.zeros(rows), np.zeros(len(launch_plan.plan.parts))
    launch_plan.run([np.zeros(1, np.int64), np.zeros(1), a, b, scratch])
    return a, b


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_every_task_runs_once_and_in_order(routines: Any, parts: int) -> None:
    launch_plan = course_of(routines, parts)
    for _ in range(300):
        a, b = run(launch_plan)
        assert (b == 3).all()
        assert (a == 4).all()


def test_several_callers_share_a_course(routines: Any) -> None:
    launch_plan = course_of(routines, 3)
    wrong: list[Any] = []

    def call() -> None:
        for _ in range(100):
            a, b = run(launch_plan)
            if not ((a == 4).all() and (b == 3).all()):
                wrong.append(a)

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_the_caller_does_everything_where_nobody_comes(
    routines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew_file, "get_threads", lambda: 1)
    a, b = run(course_of(routines, 4))
    assert (a == 4).all() and (b == 3).all()


def test_who_comes_late_finds_nothing_to_do(routines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(
        schedule_file, "run_together", lambda job, held, pace: kept.append((job, held))
    )
    a, b = run(course_of(routines, 4))
    ((job, _),) = kept
    for worker in range(4):
        work_on(job, worker)
        assert (a == 4).all() and (b == 3).all()


STEPS = """\
from celldsl.jit.symbols import pointer, real
from celldsl.jit.functions import routine

@routine
def fill_in(part, parts, share, shares, rows, dims, hyper, a, b, c):
    total = rows[2]
    for i in range(total * share // shares, total * (share + 1) // shares):
        a[i] = real(a, i)

@routine
def walk(part, parts, share, shares, rows, dims, hyper, a, b, c):
    steps = rows[0]
    for t in range(steps * share // shares, steps * (share + 1) // shares):
        at = 12 + 5 * t
        for r in range(rows[at + 1]):
            before = real(a, 0.0)
            if t > 0:
                before = b[rows[at - 5] + r]
            b[rows[at] + r] = before + a[rows[at] + r]

@routine
def read_out(part, parts, share, shares, rows, dims, hyper, a, b, c):
    total = rows[2]
    for i in range(total * share // shares, total * (share + 1) // shares):
        c[i] = real(a, 2.0) * b[i]
"""


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_shares_of_time_meet_their_rows(
    tmp_path_factory: pytest.TempPathFactory, parts: int, reverse: bool
) -> None:
    routines = made_module(tmp_path_factory.mktemp("walk") / "walked.py", STEPS)
    phases = (
        Phase("rows", routines.fill_in), Phase("steps", routines.walk),
        Phase("rows", routines.read_out),
    )  # fmt: skip
    steps, batch = 90, 13
    plan = plan_rows(steps, batch, parts, True, True, reverse)
    launch_plan = LaunchPlan(
        CompiledPhases(phases, phase_addresses([p.run for p in phases], "float64")), plan
    )
    rows = np.arange(steps * batch, dtype=float).reshape(steps, batch)
    ahead = rows[::-1] if reverse else rows
    wanted = 2 * np.cumsum(ahead, axis=0)
    for _ in range(200):
        a, b, c = (np.full(rows.size, np.nan) for _ in range(3))
        launch_plan.run([np.zeros(1, np.int64), np.zeros(1), a, b, c])
        found = c.reshape(rows.shape)
        np.testing.assert_array_equal(found[::-1] if reverse else found, wanted)


LONG = """\
from celldsl.jit.symbols import pointer, real
from celldsl.jit.functions import routine

@routine
def turn_long(part, parts, share, shares, rows, dims, hyper, a):
    steps, first, count = rows[0], rows[4], rows[5]
    for t in range(steps * share // shares, steps * (share + 1) // shares):
        for b in range(first, first + count):
            one = pointer(a, rows[1] * t + b, -1)
            for i in range(hyper[0]):
                one[0] = one[0] * one[0] + real(a, 0.25)
"""


@pytest.mark.parametrize("parts", [1, 2])
def test_a_signal_ends_a_long_pass(
    tmp_path_factory: pytest.TempPathFactory, after_a_moment: Any, parts: int
) -> None:
    routines = made_module(tmp_path_factory.mktemp("long") / "long.py", LONG)
    phases = [Phase("steps", routines.turn_long)]
    steps = 2000
    compiled = CompiledPhases(
        phases, phase_addresses([routines.turn_long], "float64"), SLICE_WORK // 2
    )
    launch_plan = LaunchPlan(compiled, plan_rows(steps, 2, parts, False, True))
    a = np.zeros((steps, 2))

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    after_a_moment(interrupt, 0.1)
    # A second or more, if nobody stops it.
    with pytest.raises(KeyboardInterrupt):
        launch_plan.run([np.zeros(1, np.int64), np.array([200_000.0]), a])
    done = (a != 0).all(axis=1)
    assert done.any() and not done.all()
    short = np.zeros((steps, 2))
    launch_plan.run([np.zeros(1, np.int64), np.ones(1), short])
    assert (short == 0.25).all()


FAILING = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_a_phase_that_fails_is_told_to_the_caller(parts: int) -> None:
    done: list[int] = []
    fail = FAILING(lambda own, shared: 7)
    go_on = FAILING(lambda own, shared: done.append(1) or 0)
    codes = [ctypes.cast(code, ctypes.c_void_p).value or 0 for code in (fail, go_on)]
    phases = [Phase("parts", print), Phase("parts", print)]
    launch_plan = LaunchPlan(CompiledPhases(phases, codes), plan_rows(4, 6, parts, False, True))
    for _ in range(20):
        with pytest.raises(PhaseError, match="7"):
            launch_plan.run([])
    assert not done
