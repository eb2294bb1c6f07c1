"""What there is to do in a pass, and what waits for what.  In: phases, a RowPlan.  Out: tasks.

    graph = tasks_of(phases, plan)
    graph.tasks[3]           # Task(phase=1, part=None, share=2, shares=8, needs=range(0, 1))
    graph.priority_groups   # ranges of tasks, in the order in which workers look for something

The time loop is cut into shares too.  One may begin when the rows that it reads are there, and work
on rows when their steps are done: whoever is ahead does what others will need soon, where it would
have to wait for the end of a phase.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from celldsl.runtime.description import Phase
from celldsl.runtime.row_plan import HEADER, WORDS, RowPlan

FINER = 8  # shares of a part where rows may be split at will
LEAST_ROWS = 96  # of such a share
TIME_SHARES = 8  # of the time loop
SLICE_WORK = 10**8  # multiplications of a slice: about 10 milliseconds
EARLY = 3, 4  # of the rows that steps read are made before the first step


class Task(NamedTuple):
    """A share of a phase, for a part or (None) for the part of whoever does it.

    It waits for the tasks whose numbers are in `needs`, and for the task `after`.
    """

    phase: int
    part: int | None
    share: int
    shares: int
    needs: range
    after: int | None = None


@dataclass(frozen=True, slots=True)
class TaskGraph:
    """Tasks in an order in which one worker could do them."""

    tasks: list[Task]
    priority_groups: list[range]


@dataclass(slots=True)
class _PhaseTasks:
    """A phase's place in the list.  `borders` are the rows at which its shares begin and end.

    `before` is the last phase that must have ended; where it works on rows or steps and this one
    on the other, only the shares with the same rows: where these do not vary.
    """

    phase: Phase
    before: _PhaseTasks | None
    borders: list[tuple[int, int]]
    rows_vary: bool
    tasks: range = field(default_factory=lambda: range(0))

    @property
    def joins(self) -> bool:
        if self.rows_vary:
            return False
        kinds = {self.phase.kind, self.before.phase.kind if self.before else ""}
        return kinds == {"rows", "steps"}

    @property
    def reads_rows(self) -> bool:
        return self.joins and self.phase.kind == "steps"


def tasks_of(phases: Sequence[Phase], plan: RowPlan, rows_vary: bool = False) -> TaskGraph:
    """Where `rows_vary` the same tasks are for other rows too, of which there are fewer."""
    tasks: list[Task] = []
    phases_tasks = _phase_tasks(phases, plan, rows_vary)
    for number, current in enumerate(phases_tasks):
        start = len(tasks)
        for share in range(len(current.borders)):
            tasks += _tasks_of_share(number, current, share, start, plan)
        current.tasks = range(start, len(tasks))
    return TaskGraph(tasks, [group for group in _priority_groups(phases_tasks, tasks) if group])


def slices_of(phases: Sequence[Phase], graph: TaskGraph, plan: RowPlan, row_work: int) -> list[int]:
    """In how many slices the tasks of each phase are done, between which a signal can stop it.

    A row takes about `row_work` multiplications.
    """
    found = [1] * len(phases)
    for task in graph.tasks:
        phase = phases[task.phase]
        shares = task.shares * (1 if phase.kind == "rows" else len(plan.parts))
        limits = {"steps": plan.steps, "rows": plan.rows // LEAST_ROWS}
        if phase.sliced:
            limits["parts"] = plan.rows
        limit = limits.get(phase.kind, 1)
        slices = plan.rows * row_work // (SLICE_WORK * shares)
        found[task.phase] = max(1, min(slices, limit // task.shares))
    return found


def _phase_tasks(phases: Sequence[Phase], plan: RowPlan, rows_vary: bool) -> list[_PhaseTasks]:
    found: list[_PhaseTasks] = []
    for phase in phases:
        before = None
        if found:
            before = found[-1] if phase.waits else found[-1].before
        found.append(_PhaseTasks(phase, before, [], rows_vary))
    joined = [s for s in found if s.joins]
    cut = {id(s) for s in joined} | {id(s.before) for s in joined}
    for current in found:
        current.borders = _borders(current.phase, id(current) in cut, plan)
    return found


def _borders(phase: Phase, cut: bool, plan: RowPlan) -> list[tuple[int, int]]:
    parts, rows = len(plan.parts), plan.rows
    match phase.kind:
        case "rows" if parts > 1:
            shares = parts * max(1, min(FINER, rows // (parts * LEAST_ROWS)))
            return [(rows * i // shares, rows * (i + 1) // shares) for i in range(shares)]
        case "steps" if parts > 1 and cut:
            return _borders_in_time(plan, max(1, min(TIME_SHARES, plan.steps)), phase.reverse)
    return [(0, rows)]


def _borders_in_time(plan: RowPlan, shares: int, reverse: bool) -> list[tuple[int, int]]:
    """The rows of all parts in each share of the steps, in the order in which they are done."""
    if not plan.steps:
        return [(0, plan.rows)] * shares
    table = np.stack([part[HEADER : HEADER + WORDS * plan.steps] for part in plan.parts])
    first, active = table[:, 0::WORDS], table[:, 1::WORDS]
    starts = [plan.steps * i // shares for i in range(shares)]
    if reverse:
        starts = [plan.steps - plan.steps * (i + 1) // shares for i in reversed(range(shares))]
    low = np.minimum.reduceat(first.min(axis=0), starts).tolist()
    high = np.maximum.reduceat((first + active).max(axis=0), starts).tolist()
    found = list(zip(low, high, strict=True))
    return found[::-1] if reverse else found


def _tasks_of_share(
    number: int, current: _PhaseTasks, share: int, start: int, plan: RowPlan
) -> Iterator[Task]:
    parts, shares = len(plan.parts), len(current.borders)
    needs = _needs(current, share, parts)
    match current.phase.kind:
        case "rows":
            yield Task(number, None, share, shares, needs)
        case "once":
            yield Task(number, 0, 0, 1, needs)
        case "parts":
            for part in range(parts):
                sliced = current.phase.sliced
                yield Task(number, part, *((0, 1) if sliced else (part, parts)), needs)
        case "steps":
            for part in range(parts):
                # A part's steps follow each other; others may be ahead or behind.
                after = start + (share - 1) * parts + part if share else None
                yield Task(number, part, share, shares, needs, after)


def _needs(current: _PhaseTasks, share: int, parts: int) -> range:
    before = current.before
    if before is None:
        return range(0)
    low, high = current.borders[share]
    met = [i for i, (a, b) in enumerate(before.borders) if a < high and b > low]
    if not current.joins or not met:
        return range(before.tasks.stop)
    first = before.tasks.start
    if current.reads_rows:
        return range(first + met[0], first + met[-1] + 1)
    # Shares of time follow each other: where the last is done, all are.
    return range(first + met[-1] * parts, first + (met[-1] + 1) * parts)


def _priority_groups(phases_tasks: Sequence[_PhaseTasks], tasks: Sequence[Task]) -> Iterator[range]:
    """Phase by phase, but rows together with the steps that read them."""
    with_steps = {id(s.before) for s in phases_tasks if s.reads_rows}
    for current in phases_tasks:
        if current.reads_rows:
            yield from _rows_and_steps(current, tasks)
        elif id(current) not in with_steps:
            yield current.tasks


def _rows_and_steps(current: _PhaseTasks, tasks: Sequence[Task]) -> Iterator[range]:
    """Most of the rows at once, others when a step needs them: they are for who is ahead then."""
    assert current.before is not None
    shares = len(current.borders)
    parts = len(current.tasks) // shares
    rows = current.before.tasks
    early = len(rows) * EARLY[0] // EARLY[1]
    mirrored = tasks[current.tasks.start].needs.start > rows.start
    yield rows[-early:] if mirrored else rows[:early]
    later = rows[:-early] if mirrored else rows[early:]
    given = False
    for share in range(shares):
        own = current.tasks[share * parts : (share + 1) * parts]
        needs = tasks[own.start].needs
        if not given and needs.start < later.stop and needs.stop > later.start:
            given = True
            yield later
        yield own
    if not given:  # shares without a row
        yield later
