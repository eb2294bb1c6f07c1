"""All phases of a pass in one call.  In: phases, a RowPlan, arrays.  Out: the arrays, written.

    launch = CompiledPhases(description.forward, phase_addresses(phases, "float32"))
    launch plan = LaunchPlan(launch, plan)
    launch plan.run([dims, hyper, parameters, …], buffers)

Arrays go by the place of their object, which Python knows at once; to ask an array for the address
of its numbers takes longer than to copy a state.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.description import Phase
from celldsl.runtime.row_plan import RowPlan
from celldsl.runtime.threads.job_functions import job_functions
from celldsl.runtime.threads.task_abi import (
    GRAPH_BLOCKS,
    GRAPH_FIRST,
    GRAPH_FIRST_GROUP,
    GRAPH_FREE,
    GRAPH_GROUPS,
    GRAPH_HEADER,
    GRAPH_NOBODY,
    GRAPH_ROWS,
    GRAPH_SHARED,
    GRAPH_TASKS,
    GRAPH_WORD,
    GRAPH_WORKERS,
)
from celldsl.runtime.threads.task_graph import tasks_of
from celldsl.runtime.threads.worker_pool import run_together


def places_of(arrays: Iterable[Values]) -> array[int]:
    """Where each array's object is: phases read there where its numbers are."""
    return array("q", map(id, arrays))


class CompiledPhases:
    """The phases of one direction.  Phases written by hand run one after the other."""

    def __init__(self, phases: Sequence[Phase], codes: Sequence[int] | None) -> None:
        self.phases = phases
        self.codes = codes
        self.alone = job_functions().alone

    def cut(self, start: int | None, stop: int | None) -> CompiledPhases:
        """Some of the phases."""
        own = slice(start, stop)
        return CompiledPhases(self.phases[own], None if self.codes is None else self.codes[own])


class LaunchPlan:
    """A job without its arrays.  May be run any number of times, by several callers at once."""

    __slots__ = ("compiled", "graph", "plan", "words")

    def __init__(self, compiled: CompiledPhases, plan: RowPlan) -> None:
        self.compiled = compiled
        self.plan = plan
        self.graph = tasks_of(compiled.phases, plan)
        self.words = self._layout(compiled.codes or [0] * len(compiled.phases))

    def _layout(self, codes: Sequence[int]) -> array[int]:
        rows, (tasks, priority_groups) = (
            places_of(self.plan.parts),
            (self.graph.tasks, self.graph.priority_groups),
        )
        words = [0] * GRAPH_HEADER
        words[GRAPH_TASKS], words[GRAPH_GROUPS] = len(tasks), len(priority_groups)
        words[GRAPH_WORKERS] = len(rows)
        words[GRAPH_FIRST_GROUP] = len(words)
        for group in priority_groups:
            words += [group.start, len(group)]
        words[GRAPH_ROWS] = len(words)
        words += rows
        words[GRAPH_BLOCKS] = len(words)
        words += [0, len(rows), 0, 1, rows[0]] * len(rows)
        words[GRAPH_FIRST] = len(words)
        for task in tasks:
            part = GRAPH_NOBODY if task.part is None else task.part
            after = GRAPH_NOBODY if task.after is None else task.after
            words += [GRAPH_FREE, codes[task.phase], part, task.share, task.shares]
            words += [task.needs.start, task.needs.stop, after]
        return array("q", words)

    def run(self, arrays: Sequence[Values], held: Any = None) -> None:
        """Runs the phases over arrays; `held` is what must stay alive meanwhile."""
        if self.compiled.codes is None:
            self._run_by_hand(arrays)
            return
        shared = places_of(arrays)
        job = self.job(shared)
        if job[GRAPH_WORKERS] == 1:
            self.compiled.alone(job.buffer_info()[0])
        else:
            run_together(job, (self, shared, arrays, held))

    def job(self, shared: array[int]) -> array[int]:
        """The words of a job over the arrays at these places."""
        job = self.words[:]
        job[GRAPH_SHARED] = shared.buffer_info()[0]
        return job

    def _run_by_hand(self, arrays: Sequence[Values]) -> None:
        rows = self.plan.parts
        arrays = [each.reshape(-1) for each in arrays]
        for task in self.graph.tasks:
            part = task.part or 0
            run = self.compiled.phases[task.phase].run
            run(part, len(rows), task.share, task.shares, rows[part], *arrays)


class PreparedCall:
    """A launch plan for one worker and one caller at a time, over arrays of which the last change.

    `address` is that of the job, `code` that of what runs it, and `changing` that of the place of
    the first array that changes.  `held` stays alive as long as the job.
    """

    __slots__ = (
        "_alone",
        "_arrays",
        "_first",
        "_held",
        "_job",
        "_last",
        "_launch_plan",
        "_places",
        "address",
        "changing",
        "code",
    )  # fmt: skip

    def __init__(
        self, launch_plan: LaunchPlan, first: Sequence[Values], changing: int, held: Any
    ) -> None:
        self._launch_plan = launch_plan
        self._held = held
        self._arrays = tuple(first)
        self._first = len(first)
        self._places = places_of(first) + array("q", bytes(GRAPH_WORD * changing))
        self._job = launch_plan.job(self._places)
        self.address = self._job.buffer_info()[0]
        self.changing = self._places.buffer_info()[0] + GRAPH_WORD * self._first
        self._alone = launch_plan.compiled.alone
        self.code = ctypes.cast(self._alone, ctypes.c_void_p).value or 0

    def run(self, arrays: Sequence[Values]) -> None:
        """Runs the phases over the first arrays and these."""
        if self._launch_plan.compiled.codes is None:
            self._launch_plan.run((*self._arrays, *arrays))
            return
        self.place(arrays)
        self._alone(self.address)

    def place(self, arrays: Sequence[Values]) -> None:
        """Says which arrays are the last, for code that runs the job itself."""
        self._places[self._first :] = places_of(arrays)
        self._last = arrays

    def run_again(self) -> None:
        """The same once more, and nothing else."""
        self._alone(self.address)
