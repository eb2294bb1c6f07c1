"""Phases that several workers run: every task once, and none before what it waits for."""

from __future__ import annotations

import importlib.util
import threading
from typing import Any

import numpy as np
import pytest

from celldsl.runtime.description import Phase
from celldsl.runtime.machine.addresses import phase_addresses
from celldsl.runtime.running import relay as relay_file
from celldsl.runtime.running.relay import RELAY_HEADER, RELAY_PHASE, Course, Relay, tasks_of
from celldsl.runtime.running.rows import plan_rows

MODULE = """\
from celldsl.runtime.code import lane, real
from celldsl.runtime.kernel import stage

@stage
def count(part, parts, share, shares, rows, dims, hyper, a, b, scratch):
    total = rows[2]
    for i in range(total * share // shares, total * (share + 1) // shares):
        a[i] += real(a, 1.0)
    scratch[part] = real(a, 1.0)

@stage
def turn(part, parts, share, shares, rows, dims, hyper, a, b, scratch):
    total = rows[2]
    for i in range(total * part // parts, total * (part + 1) // parts):
        b[i] += a[total - 1 - i] + real(a, 2.0)

@stage
def double(part, parts, share, shares, rows, dims, hyper, a, b, scratch):
    total = rows[2]
    for i in range(total * share // shares, total * (share + 1) // shares):
        a[i] = a[i] + b[i]
"""


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("relay") / "relayed.py"
    path.write_text(MODULE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("relayed", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def course_of(stages: Any, parts: int) -> Course:
    phases = (
        Phase("rows", stages.count),
        Phase("parts", stages.turn),
        Phase("rows", stages.double),
    )
    codes = phase_addresses([phase.run for phase in phases], "float64")
    return Course(Relay(phases, codes), plan_rows(40, 25, parts, False, True))


def run(course: Course) -> Any:
    rows = course.plan.rows
    a, b, scratch = np.zeros(rows), np.zeros(rows), np.zeros(len(course.plan.parts))
    course.run([np.zeros(1, np.int64), np.zeros(1), a, b, scratch])
    return a, b


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_every_task_runs_once_and_in_order(stages: Any, parts: int) -> None:
    course = course_of(stages, parts)
    for _ in range(300):
        a, b = run(course)
        assert (b == 3).all()
        assert (a == 4).all()


def test_several_callers_share_a_course(stages: Any) -> None:
    course = course_of(stages, 3)
    wrong: list[Any] = []

    def call() -> None:
        for _ in range(100):
            a, b = run(course)
            if not ((a == 4).all() and (b == 3).all()):
                wrong.append(a)

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_the_caller_does_everything_where_nobody_comes(
    stages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_file, "share_work", lambda work, workers: work(0))
    a, b = run(course_of(stages, 4))
    assert (a == 4).all() and (b == 3).all()


def test_who_comes_late_finds_nothing_to_do(stages: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    late: list[Any] = []
    monkeypatch.setattr(
        relay_file, "share_work", lambda work, workers: (work(0), late.append(work))
    )
    a, b = run(course_of(stages, 4))
    late[0](1)
    assert (a == 4).all() and (b == 3).all()


def test_rows_are_split_finer_where_there_are_many(stages: Any) -> None:
    phase = Phase("rows", stages.count)
    assert tasks_of(phase, plan_rows(40, 25, 1, False, True)) == 1
    assert tasks_of(phase, plan_rows(1, 25, 2, False, True)) == 2
    assert tasks_of(phase, plan_rows(40, 25, 2, False, True)) == 8
    assert tasks_of(Phase("parts", stages.turn), plan_rows(40, 25, 2, False, True)) == 2
    assert tasks_of(Phase("once", stages.turn), plan_rows(40, 25, 2, False, True)) == 1


def test_a_phase_that_does_not_wait_needs_what_the_one_before_needs(stages: Any) -> None:
    phases = [Phase("once", stages.count), Phase("parts", stages.turn)]
    phases += [Phase("rows", stages.double, waits=False), Phase("once", stages.count)]
    course = Course(Relay(phases, [0] * 4), plan_rows(40, 25, 2, False, True))
    needs = [course.words[RELAY_HEADER + RELAY_PHASE * i + 3] for i in range(4)]
    assert needs == [0, 1, 1, 11]
