"""Runs a cell's kernels.  In: flat arrays and a RowPlan.  Out: flat arrays.

    engine = Engine(description, dims, hypers, parameters, constants)
    run = engine.forward(plan, inputs, starts)
    run.outputs, run.finals             # lists of flat arrays
    result = engine.backward(run, inputs, dy, dstate)

Everything here is flat and checked already; shapes are other files' affair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from celldsl.runtime.arguments import Values
from celldsl.runtime.buffers import Buffers, Lease
from celldsl.runtime.description import Array, Description, Phase
from celldsl.runtime.machine_code import Block, Entry, Held, entries
from celldsl.runtime.rows import RowPlan
from celldsl.runtime.threads import run_parts

KEPT_LENGTHS = 64


@dataclass(slots=True)
class ForwardRun:
    """What a forward pass leaves: results, and what the backward pass reads."""

    plan: RowPlan
    outputs: list[Values]
    finals: list[Values]
    tape: Lease
    fixed: Lease
    hyper: Values


@dataclass(slots=True)
class BackwardRun:
    parameters: Values
    inputs: list[Values]
    starts: list[Values]


class Engine:
    """One built cell's kernels with their sizes.  Safe to use from several threads."""

    def __init__(
        self,
        description: Description,
        dims: Mapping[str, int],
        hypers: Sequence[float],
        parameters: Values,
        constants: Values,
    ) -> None:
        self.description = description
        self.dims = dict(dims)
        self.dtype = parameters.dtype
        if description.prepare is not None:
            description.prepare(self.dtype)
        self.forward_entries, self.backward_entries = entries_of(description, self.dtype)
        self.dim_array = np.array(list(dims.values()), dtype=np.int64)
        # Two more than there are: whether masks are drawn, and the key that they are drawn with.
        self.hyper_array = np.array([*hypers, 0.0, 0.0], dtype=np.float64)
        self.parameters = parameters
        self.constants = constants
        self.buffers = Buffers(self.dtype)
        self.input_sizes = self._sizes(description.inputs)
        self.output_sizes = self._sizes(description.outputs)
        self.state_sizes = self._sizes(description.states)
        # Forward and backward phases may each keep their own; one array is long enough for either.
        lengths = description.lengths
        self.row_flops = parameters.size + sum(self.state_sizes)
        self.fixed_length = max(lengths.fixed(**dims), lengths.backward_fixed(**dims))
        self.once = sum(1 for _ in leading_once(description.forward))
        self._held = [Held(a) for a in (self.dim_array, self.hyper_array, parameters, constants)]
        self._lengths: dict[Any, int] = {}
        self.no_starts = [np.empty(0, self.dtype) for _ in description.states]

    def _sizes(self, arrays: Sequence[Array]) -> list[int]:
        return [int(np.prod(tuple(a.shape(**self.dims)), dtype=np.int64)) for a in arrays]

    def flop_estimate(self, rows: int) -> int:
        """About how many multiplications a pass over `rows` rows takes."""
        return rows * self.row_flops

    def training_hypers(self, key: int) -> Values:
        """The hyperparameters for a pass that draws masks."""
        found: Values = self.hyper_array.copy()
        found[-2:] = 1.0, key
        return found

    def head(self, hyper: Values, tape: Held, fixed: Held, work: Held) -> tuple[Held, ...]:
        """The arguments after `rows`, up to `work`."""
        dims, usual, parameters, constants = self._held
        settings = usual if hyper is self.hyper_array else Held(hyper)
        return dims, settings, parameters, constants, fixed, tape, work

    def length_of(self, which: str, plan: RowPlan) -> int:
        """The length of `tape`, `forward_work` or `backward_work` for a plan."""
        sizes = (plan.rows, plan.batch, plan.states, plan.kept, len(plan.parts))
        found = self._lengths.get((which, sizes))
        if found is None:
            function = getattr(self.description.lengths, which)
            names = ("_R", "_B", "_S", "_K", "_parts")
            found = int(function(**self.dims, **dict(zip(names, sizes, strict=True))))
            if len(self._lengths) > KEPT_LENGTHS:
                self._lengths.clear()
            self._lengths[which, sizes] = found
        return found

    def forward(
        self,
        plan: RowPlan,
        inputs: Sequence[Values],
        starts: Sequence[Values],
        hyper: Values | None = None,
        fixed: Lease | None = None,
    ) -> ForwardRun:
        """Runs the forward phases; with `fixed` from an earlier run, without the leading ones.

        `hyper` comes from `training_hypers`, where masks are to be drawn.
        """
        hyper = self.hyper_array if hyper is None else hyper
        tape = self.buffers.take(self.length_of("tape", plan))
        work = self.buffers.take(self.length_of("forward_work", plan))
        outputs = [np.empty(plan.rows * size, self.dtype) for size in self.output_sizes]
        finals = [np.empty(plan.batch * size, self.dtype) for size in self.state_sizes]
        done = 0 if fixed is None else self.once
        if fixed is None:
            fixed = self.buffers.take(self.fixed_length)
        head = self.head(hyper, tape, fixed, work)
        phases, entries = self.description.forward[done:], self.forward_entries[done:]
        arrays = map(Held, (*inputs, *outputs, *starts, *finals))
        run_phases(phases, entries, plan, (*head, *arrays))
        return ForwardRun(plan, outputs, finals, tape, fixed, hyper)

    def backward(
        self,
        run: ForwardRun,
        inputs: Sequence[Values],
        output_cotangents: Sequence[Values],
        final_cotangents: Sequence[Values],
    ) -> BackwardRun:
        """Runs the backward phases over what `run` has kept."""
        plan = run.plan
        work = self.buffers.take(self.length_of("backward_work", plan))
        found = BackwardRun(
            np.zeros(self.parameters.size, self.dtype),
            [np.empty(plan.rows * size, self.dtype) for size in self.input_sizes],
            [np.empty(plan.batch * size, self.dtype) for size in self.state_sizes],
        )
        head = self.head(run.hyper, run.tape, run.fixed, work)
        given = (*inputs, *output_cotangents, *found.inputs, *final_cotangents, *found.starts)
        arrays = map(Held, (found.parameters, *given))
        run_phases(self.description.backward, self.backward_entries, plan, (*head, *arrays))
        return found


def entries_of(description: Description, dtype: Any) -> tuple[list[Entry], list[Entry]]:
    """The functions that run the forward and the backward phases, from one object."""
    found = entries([p.run for p in (*description.forward, *description.backward)], dtype)
    count = len(description.forward)
    return found[:count], found[count:]


def leading_once(phases: Sequence[Phase]) -> list[Phase]:
    """The phases at the beginning that depend on parameters alone."""
    found = []
    for phase in phases:
        if phase.kind != "once":
            break
        found.append(phase)
    return found


def run_phases(
    phases: Sequence[Phase], entries: Sequence[Entry], plan: RowPlan, held: Sequence[Held]
) -> None:
    """Runs phases in order, the parts of each side by side."""
    parts = len(plan.parts)
    blocks = [Block(part, parts, (rows, *held)) for part, rows in enumerate(plan.held)]
    calls = [(block,) for block in blocks]
    for phase, entry in zip(phases, entries, strict=True):
        if parts == 1 or phase.kind == "once":
            entry(blocks[0])
        else:
            run_parts(entry, calls)
