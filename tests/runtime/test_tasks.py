"""What waits for what in a pass."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from celldsl.runtime.description import Phase
from celldsl.runtime.row_plan import (
    HEADER,
    WORDS,
    RowPlan,
    pack_lengths,
    plan_packed,
    plan_rows,
)
from celldsl.runtime.threads.task_graph import TIME_SHARES, Task, tasks_of

Kind = Literal["once", "rows", "parts", "steps"]


def nothing(*_: Any) -> None:
    raise AssertionError


def phase(kind: Kind, waits: bool = True, reverse: bool = False) -> Phase:
    return Phase(kind, nothing, waits, reverse)


def full(steps: int = 40, batch: int = 25, parts: int = 2, reverse: bool = False) -> RowPlan:
    return plan_rows(steps, batch, parts, False, True, reverse)


def packed(parts: int = 2) -> RowPlan:
    lengths = np.random.default_rng(0).integers(0, 50, 30)
    return plan_packed(pack_lengths(lengths, 50, parts, False), 0, 50, False, True)


def few(count: int, parts: int) -> RowPlan:
    lengths = np.zeros(8, np.int64)
    lengths[:count] = 1
    return plan_packed(pack_lengths(lengths, 3, parts, False), 0, 3, False, True)


def numbers(kind: Kind, plan: RowPlan) -> int:
    return len(tasks_of([phase(kind)], plan).tasks)


def test_rows_are_split_finer_where_there_are_many() -> None:
    assert numbers("rows", full(parts=1)) == 1
    assert numbers("rows", full(steps=1)) == 2
    assert numbers("rows", full()) == 10
    assert numbers("rows", full(steps=400)) == 16
    assert numbers("parts", full()) == 2
    assert numbers("steps", full()) == 2
    assert numbers("once", full()) == 1


def test_a_phase_that_does_not_wait_needs_what_the_one_before_needs() -> None:
    phases = [phase("once"), phase("parts"), phase("rows", waits=False), phase("once")]
    graph = tasks_of(phases, full())
    assert [task.needs for task in graph.tasks[:4]] == [range(0), *[range(1)] * 3]
    assert graph.tasks[-1].needs == range(len(graph.tasks) - 1)


def every_pass() -> list[list[Phase]]:
    ahead = [phase("once"), phase("rows"), phase("steps"), phase("rows"), phase("once")]
    back = [
        phase("once"), phase("rows"), phase("steps", reverse=True), phase("parts"),
        phase("rows", waits=False), phase("parts"), phase("once"),
    ]  # fmt: skip
    odd = [phase("rows"), phase("steps"), phase("parts", waits=False), phase("once")]
    return [ahead, back, ahead[1:3], back[2:4], [phase("steps")], odd]


def every_plan() -> list[RowPlan]:
    plans = [full(parts=parts, reverse=back) for parts in (1, 2, 5) for back in (False, True)]
    return [
        *plans,
        packed(),
        packed(3),
        full(1),
        full(3, 100),
        full(1000, 2),
        full(7, 5, 5),
        *(few(n, p) for n in range(4) for p in (2, 3, 8)),
    ]


@pytest.mark.parametrize("phases", every_pass())
@pytest.mark.parametrize("plan", every_plan())
def test_the_order_of_tasks_is_one_in_which_they_can_be_done(
    phases: list[Phase], plan: RowPlan
) -> None:
    graph = tasks_of(phases, plan)
    for number, task in enumerate(graph.tasks):
        assert all(0 <= needed < number for needed in task.needs)
        assert task.after is None or 0 <= task.after < number
    found = [number for group in graph.priority_groups for number in group]
    assert sorted(found) == list(range(len(graph.tasks)))


@pytest.mark.parametrize("phases", every_pass())
@pytest.mark.parametrize("plan", every_plan())
def test_everything_a_share_reads_is_there(phases: list[Phase], plan: RowPlan) -> None:
    """Row by row: all earlier phases have written it, among them all earlier steps."""
    graph = tasks_of(phases, plan)
    behind = _behind(graph.tasks)
    for number, task in enumerate(graph.tasks):
        own = _rows_of(phases[task.phase], task, plan)
        for other, earlier in enumerate(graph.tasks[:number]):
            last = _last_before(phases, task.phase)
            if earlier.phase > last:
                continue
            joined = _row_by_row(phases, earlier.phase, task.phase)
            shared = bool(own & _rows_of(phases[earlier.phase], earlier, plan))
            assert other in behind[number] or (joined and not shared)


def _last_before(phases: list[Phase], number: int) -> int:
    while not phases[number].waits:
        number -= 1
    return number - 1


def _row_by_row(phases: list[Phase], first: int, last: int) -> bool:
    """Whether all phases from one to the other that wait for each other work on rows."""
    chain = [last]
    while chain[-1] > first:
        chain.append(_last_before(phases, chain[-1]))
    return all(phases[number].kind in {"rows", "steps"} for number in chain)


def _behind(tasks: list[Task]) -> list[set[int]]:
    """All that each task waits for, also through others."""
    found: list[set[int]] = []
    for task in tasks:
        direct = {*task.needs, *([] if task.after is None else [task.after])}
        found.append(direct.union(*(found[number] for number in direct)))
    return found


def _rows_of(phase: Phase, task: Task, plan: RowPlan) -> set[int]:
    if phase.kind != "steps":
        stop = task.share + 1
        return set(range(plan.rows * task.share // task.shares, plan.rows * stop // task.shares))
    assert task.part is not None
    own, found = plan.parts[task.part], set()
    for i in range(
        plan.steps * task.share // task.shares, plan.steps * (task.share + 1) // task.shares
    ):
        step = plan.steps - 1 - i if phase.reverse else i
        row, active = own[HEADER + WORDS * step : HEADER + WORDS * step + 2]
        found |= set(range(row, row + active))
    return found


def test_time_is_cut_where_rows_come_before_or_after() -> None:
    graph = tasks_of([phase("once"), phase("rows"), phase("steps")], full(200))
    steps = [task for task in graph.tasks if task.phase == 2]
    assert len(steps) == 2 * TIME_SHARES
    assert max(len(task.needs) for task in steps) <= 3
    assert numbers("steps", full(200)) == 2
    alone = tasks_of([phase("rows"), phase("steps")], full(200, parts=1))
    assert [task.needs for task in alone.tasks] == [range(0), range(1)]


def test_some_rows_are_left_for_who_is_ahead() -> None:
    graph = tasks_of([phase("once"), phase("rows"), phase("steps")], full(200))
    kinds = [graph.tasks[group.start].phase for group in graph.priority_groups]
    assert kinds[:2] == [0, 1]
    later = kinds.index(1, 2)
    assert set(kinds[2:later]) == {2}
    back = tasks_of([phase("rows"), phase("steps", reverse=True)], full(200))
    assert back.priority_groups[0].stop == 16
