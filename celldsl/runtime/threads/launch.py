"""All phases of a pass in one call.  In: phases, a RowPlan, arrays.  Out: the arrays, written.

    compiled = CompiledPhases(description.forward, phase_addresses(phases, "float32"))
    launch_plan = LaunchPlan(compiled, plan)
    launch_plan.run([dims, hyper, parameters, …], buffers)

Phases take the addresses of the numbers of arrays, which are contiguous.
"""

from __future__ import annotations

import ctypes
import os
from array import array
from collections.abc import Collection, Sequence
from typing import Any

from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.cpython.abi import (
    Words,
    address_of,
    array_words,
    asked_addresses,
    fast_path,
    objects_among,
)
from celldsl.runtime.description import Phase
from celldsl.runtime.row_plan import RowPlan
from celldsl.runtime.threads.checked_run import CheckedRun, run_checked
from celldsl.runtime.threads.job_functions import job_functions
from celldsl.runtime.threads.placement import yield_address
from celldsl.runtime.threads.task_abi import (
    GRAPH_BLOCK,
    GRAPH_BLOCK_ROWS,
    GRAPH_BLOCKS,
    GRAPH_COPIES,
    GRAPH_COPYING,
    GRAPH_ENTRY,
    GRAPH_FIRST,
    GRAPH_FIRST_GROUP,
    GRAPH_FLUSH,
    GRAPH_FREE,
    GRAPH_GROUPS,
    GRAPH_HEADER,
    GRAPH_NOBODY,
    GRAPH_OBJECT,
    GRAPH_OBJECTS,
    GRAPH_PHASE,
    GRAPH_ROWS,
    GRAPH_SHARED,
    GRAPH_STOP,
    GRAPH_TASK,
    GRAPH_TASKS,
    GRAPH_TUPLE,
    GRAPH_WORD,
    GRAPH_WORKERS,
    GRAPH_YIELD,
)
from celldsl.runtime.threads.task_graph import LEAST_ROWS, TaskGraph, slices_of, tasks_of
from celldsl.runtime.threads.worker_pool import (
    Pace,
    raise_failure,
    run_alone,
    run_together,
)

NEAR = 1 << 15  # bytes that are copied and then read
RowCopy = tuple[Values, Values]  # the copy, and what is copied: contiguous, with all rows of a pass


class CompiledPhases:
    """The phases of one direction.  Phases written by hand run one after the other.

    `row_work` is about how many multiplications a row takes in one of them.
    """

    def __init__(
        self,
        phases: Sequence[Phase],
        codes: Sequence[int] | None,
        row_work: int = 0,
        checked: CheckedRun | None = None,
    ) -> None:
        self.phases = phases
        self.codes = codes
        self.row_work = row_work
        self.checked = checked
        self.functions = job_functions()

    def cut(self, start: int | None, stop: int | None) -> CompiledPhases:
        """Some of the phases."""
        own = slice(start, stop)
        codes = None if self.codes is None else self.codes[own]
        return CompiledPhases(self.phases[own], codes, self.row_work, self.checked)

    def without(self, served: Collection[str]) -> CompiledPhases:
        """All phases but those that serve nothing else."""
        kept = [number for number, each in enumerate(self.phases) if each.serves not in served]
        codes = None if self.codes is None else [self.codes[number] for number in kept]
        phases = [self.phases[number] for number in kept]
        return CompiledPhases(phases, codes, self.row_work, self.checked)


class LaunchPlan:
    """A job without its arrays.  May be run any number of times, by several callers at once."""

    __slots__ = ("at_once", "compiled", "copying", "graph", "pace", "plan", "size", "words")

    def __init__(self, compiled: CompiledPhases, plan: RowPlan, rows_vary: bool = False) -> None:
        self.compiled = compiled
        self.plan = plan
        self.graph = tasks_of(compiled.phases, plan, rows_vary)
        slices = slices_of(compiled.phases, self.graph, plan, compiled.row_work)
        codes = compiled.codes or [0] * len(compiled.phases)
        self.words = job_words(self.graph, plan, list(zip(codes, slices, strict=True)))
        # A pass that nobody would wait for is not looked at between its tasks.
        self.pace = None if max(slices, default=1) == 1 else Pace()
        self.at_once = self.pace is None and len(plan.parts) == 1
        self.size = len(self.words)
        self.copying = self._copying()

    def run(
        self,
        arrays: Sequence[Values],
        held: object = None,
        parts: Sequence[Values] | None = None,
        copies: Sequence[RowCopy] = (),
    ) -> None:
        """Runs the phases over arrays; `held` is what must stay alive meanwhile.

        `parts` are other rows than those of the plan, whose tasks are the same.  Before a slice of
        the phase `copying` its rows of `copies` are copied, so that it finds them in its cache.
        Raises PhaseError where a phase failed, and what a signal's handler raises.
        """
        if self.compiled.codes is None:
            self._run_by_hand(arrays, parts or self.plan.parts)
            return
        arrays = tuple(arrays)
        if self.size + len(arrays) > len(self.words):
            # Each run has a copy of the words, and after them where its arrays are.
            self.words = self.words[: self.size] + array("q", bytes(GRAPH_WORD * len(arrays)))
        job = self.words[:]
        address = job.buffer_info()[0]
        job[GRAPH_SHARED] = address + GRAPH_WORD * self.size
        if parts is not None:
            _place_rows(job, parts)
        if fast_path():
            job[GRAPH_TUPLE] = id(arrays)
        else:
            job[self.size :] = asked_addresses(arrays)
        told = self._place_copies(job, copies) if copies else None
        if self.at_once and told is None:
            self.compiled.functions.alone_over(address)
            if job[GRAPH_STOP]:
                raise_failure(job)
            return
        self.compiled.functions.addresses(address)
        if job[GRAPH_WORKERS] == 1:
            run_alone(job, self.pace)
        else:
            run_together(job, (self, arrays, held, parts, copies, told), self.pace)

    def _copying(self) -> tuple[int, int] | None:
        """The word of the phase that sees each row first, and its shares; None where none does."""
        number = _first_over_rows(self.compiled.phases)
        if number is None or self.compiled.codes is None:
            return None
        place, task = next(each for each in enumerate(self.graph.tasks) if each[1].phase == number)
        return self.words[self.words[GRAPH_FIRST] + GRAPH_TASK * place + GRAPH_ENTRY], task.shares

    def _place_copies(self, job: Words, copies: Sequence[RowCopy]) -> Words:
        """Says what is copied, in slices that a near cache holds.  What is to stay alive."""
        assert self.copying is not None
        rows, (entry, shares) = self.plan.rows, self.copying
        told = array("q", [rows, len(copies)])
        for own, given in copies:
            told.extend((address_of(own), address_of(given), given.nbytes // max(1, rows)))
        size = sum(given.nbytes for _, given in copies)
        most = rows // (LEAST_ROWS * shares)
        job[entry + 1] = max(job[entry + 1], min(most, size // (NEAR * shares)))
        job[GRAPH_COPIES], job[GRAPH_COPYING] = told.buffer_info()[0], entry
        return told

    def job(self, shared: Words) -> Words:
        """The words of a job over the arrays at these addresses."""
        job = self.words[:]
        job[GRAPH_SHARED] = shared.buffer_info()[0]
        return job

    def _run_by_hand(self, arrays: Sequence[Values], rows: Sequence[Values]) -> None:
        checked = self.compiled.checked
        given: Sequence[Any] = [each.reshape(-1) for each in arrays]
        if checked is not None:
            given = checked.arrays(arguments_of(self.compiled.phases[0]), self.plan, arrays)
        for task in self.graph.tasks:
            part = task.part or 0
            phase = self.compiled.phases[task.phase]
            where = part, len(rows), task.share, task.shares
            if checked is None:
                phase.run(*where, rows[part], *given)
            else:
                run_checked(phase, where, rows[part], given)


def _first_over_rows(phases: Sequence[Phase]) -> int | None:
    """The number of the phase that sees each row before all others do, where there is one."""
    for number, phase in enumerate(phases):
        if phase.kind == "rows":
            after = phases[number + 1 : number + 2]
            return number if all(each.waits for each in after) else None
        if phase.kind != "once":
            return None
    return None


def _place_rows(job: Words, parts: Sequence[Values]) -> None:
    """Says where the rows of each part are; a single worker begins with those of the first."""
    at = job[GRAPH_ROWS]
    for number, part in enumerate(parts):
        job[at + number] = address_of(part)
    job[job[GRAPH_BLOCKS] + GRAPH_BLOCK_ROWS] = job[at]


def arguments_of(phase: Phase) -> tuple[str, ...]:
    """The names of the arrays that a phase takes."""
    run: Any = phase.run
    code = run.function.__code__
    names: tuple[str, ...] = code.co_varnames[GRAPH_BLOCK_ROWS + 1 : code.co_argcount]
    return names


def job_words(graph: TaskGraph, plan: RowPlan, phases: Sequence[tuple[int, int]]) -> Words:
    """A job over no arrays yet; `phases` are addresses of code and numbers of slices."""
    rows = asked_addresses(plan.parts)
    words = [0] * GRAPH_HEADER
    words[GRAPH_TASKS], words[GRAPH_GROUPS] = len(graph.tasks), len(graph.priority_groups)
    words[GRAPH_WORKERS] = len(rows)
    words[GRAPH_FLUSH] = int(wants_flushing())
    words[GRAPH_YIELD] = yield_address()
    words[GRAPH_FIRST_GROUP] = len(words)
    for group in graph.priority_groups:
        words += [group.start, len(group)]
    words[GRAPH_ROWS] = len(words)
    words += rows
    first_phase = len(words)
    for code, slices in phases:
        words += [code, slices]
    words[GRAPH_BLOCKS] = len(words)
    block = [0, len(rows), 0, 1, rows[0]]
    words += (block + [0] * (GRAPH_BLOCK - len(block))) * len(rows)
    words[GRAPH_FIRST] = len(words)
    for task in graph.tasks:
        part = GRAPH_NOBODY if task.part is None else task.part
        after = GRAPH_NOBODY if task.after is None else task.after
        entry = first_phase + GRAPH_PHASE * task.phase
        words += [GRAPH_FREE, entry, part, task.share, task.shares]
        words += [task.needs.start, task.needs.stop, after]
    return array("q", words)


class PreparedCall:
    """A launch plan for one worker and one caller at a time, over arrays of which the last change.

    `address` is that of the job, `code` that of what runs it, and `changing` that of the place of
    the first array that changes.  `held` stays alive as long as the job.  It runs in one go: it is
    for single steps.
    """

    __slots__ = (
        "_addresses",
        "_arrays",
        "_first",
        "_functions",
        "_held",
        "_job",
        "_last",
        "_launch_plan",
        "address",
        "changing",
        "code",
    )  # fmt: skip

    def __init__(
        self, launch_plan: LaunchPlan, first: Sequence[Values], changing: int, held: object
    ) -> None:
        self._launch_plan = launch_plan
        self._held = held
        self._arrays = tuple(first)
        self._first = len(first)
        self._addresses = asked_addresses(first) + array("q", bytes(GRAPH_WORD * changing))
        self._job = launch_plan.job(self._addresses)
        self._job[GRAPH_OBJECT], self._job[GRAPH_OBJECTS] = self._first, objects_among(changing)
        self.address = self._job.buffer_info()[0]
        self.changing = self._addresses.buffer_info()[0] + GRAPH_WORD * self._first
        self._functions = launch_plan.compiled.functions
        self.code = ctypes.cast(self._functions.alone, ctypes.c_void_p).value or 0

    def run(self, arrays: Sequence[Values]) -> None:
        """Runs the phases over the first arrays and these."""
        if self._launch_plan.compiled.codes is None:
            self._launch_plan.run((*self._arrays, *arrays))
            return
        self._last = arrays
        self._addresses[self._first :] = array_words(arrays)
        self._functions.alone_over(self.address)

    def run_at(self, addresses: Words) -> None:
        """Runs the phases over the first arrays, and numbers at these addresses.

        Raises PhaseError where a phase failed; it is not to be run again then.
        """
        self._addresses[self._first :] = addresses
        self._functions.alone(self.address)
        if self._job[GRAPH_STOP]:
            raise_failure(self._job)

    def place(self, arrays: Sequence[Values]) -> None:
        """Says which arrays are the last, for code that runs the job itself."""
        self._last = arrays
        self._addresses[self._first :] = asked_addresses(arrays)

    def run_again(self) -> None:
        """The same once more, and nothing else."""
        self._functions.alone(self.address)


def wants_flushing() -> bool:
    """What the environment says."""
    return os.environ.get("CELLDSL_FLUSH_DENORMALS", "1") != "0"
