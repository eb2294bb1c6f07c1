"""Runs a cell's kernels.  In: arrays and a RowPlan.  Out: arrays.

    engine = Engine(description, dims, hypers, parameters, constants, params)
    run = engine.forward(plan, inputs, starts)
    run.outputs, run.finals             # (T, B, …) and (B, …)
    result = engine.backward(run, inputs, dy, dstate)

Everything here is contiguous and checked already; shapes are other files' affair.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.buffers import Buffers, PooledBuffer
from celldsl.runtime.description import Array, Description, Phase
from celldsl.runtime.exec.kept_numbers import Numbers, OwnCopies, ParameterGuard, with_masks
from celldsl.runtime.exec.no_memory import no_room, no_room_back, pass_of
from celldsl.runtime.exec.phase_code import (
    EVERYTHING,
    Wanted,
    begin_compiling,
    compiled_phases,
    leading_once,
)
from celldsl.runtime.exec.row_copies import clear_rows
from celldsl.runtime.row_plan import RowPlan
from celldsl.runtime.threads.launch import CompiledPhases, LaunchPlan

KEPT_PLANS = 16
FORWARD, FORWARD_CACHED = range(2)


@dataclass(slots=True)
class ForwardRun:
    """What a forward pass leaves: results, and what the backward pass reads."""

    sizes: PlanSizes
    plan: RowPlan
    outputs: list[Values]
    finals: list[Values]
    tape: PooledBuffer
    fixed: PooledBuffer
    numbers: Numbers


@dataclass(slots=True)
class BackwardRun:
    parameters: Values
    inputs: list[Values]
    starts: list[Values]


class PlanSizes:
    """What passes over the same rows share: sizes of arrays, and the order of phases.

    Rows are (T, B), or (R,) where they are packed and no index finds them.

    FORWARD_CACHED is the forward pass without the leading phases that depend on parameters alone.
    `base` are the sizes of a plan with fewer states, and the same tasks.
    """

    def __init__(self, engine: Engine, plan: RowPlan, base: PlanSizes | None = None) -> None:
        self.plan = plan
        lengths = engine.description.lengths
        sizes = (plan.rows, plan.batch, plan.states, plan.kept, len(plan.parts))
        names = ("_R", "_B", "_S", "_K", "_parts")
        given = self.extents = {**engine.dims, **dict(zip(names, sizes, strict=True))}
        self.tape = int(lengths.tape(**given))
        self.forward_work = int(lengths.forward_work(**given))
        self.backward_work = int(lengths.backward_work(**given))
        if base is not None:
            self._share(base)
            return
        self._launch_plans: dict[int | Wanted, LaunchPlan] = {}
        self._wider: dict[int, PlanSizes] = {}
        lead = plan.lead or ((plan.rows,) if plan.packed else (plan.steps, plan.batch))
        self.outputs = [lead + shape for shape in engine.output_shapes]
        self.output_count = len(self.outputs)
        # Gradients; there are none of integers and truth values.
        leads = [(plan.batch,) if each.per == "sequence" else lead for each in engine.inputs]
        shapes = zip(engine.inputs, leads, engine.input_shapes, strict=True)
        self.inputs = [own + shape if e.kind == "real" else (0,) for e, own, shape in shapes]
        self.states = [(plan.batch, *shape) for shape in engine.state_shapes]
        self.results = self.outputs + self.states
        self.gradients = self.inputs + self.states
        self.zeros = [np.zeros(shape, engine.dtype) for shape in self.states]

    def _share(self, base: PlanSizes) -> None:
        self._launch_plans = base._launch_plans
        self.outputs, self.output_count = base.outputs, base.output_count
        self.inputs, self.states, self.zeros = base.inputs, base.states, base.zeros
        self.results, self.gradients = base.results, base.gradients

    def with_states(self, engine: Engine, states: int) -> PlanSizes:
        """The sizes of a plan that differs in the number of states alone."""
        if states == self.plan.states:
            return self
        found = self._wider.get(states)
        if found is None:
            if len(self._wider) >= KEPT_PLANS:
                self._wider = {}
            plan = replace(self.plan, states=states)
            found = self._wider[states] = PlanSizes(engine, plan, self)
        return found

    def launch_plan(self, key: int | Wanted, phases: CompiledPhases) -> LaunchPlan:
        """That of the phases with this key, made when it is first asked for: not all are."""
        found = self._launch_plans.get(key)
        if found is None:
            found = self._launch_plans[key] = LaunchPlan(phases, self.plan)
        return found


class Engine:
    """One built cell's kernels with their sizes.  Safe to use from several threads."""

    def __init__(
        self,
        description: Description,
        dims: Mapping[str, int],
        hypers: Sequence[float],
        parameters: Values,
        constants: Values,
        params: Parameters,
        made_by: str = "llvm",
        guard: ParameterGuard | None = None,
    ) -> None:
        self.description = description
        self.made_by = made_by
        self.dims = dict(dims)
        self.dtype = parameters.dtype
        begin_compiling(description.forward, self.dtype, made_by)
        if description.prepare is not None and made_by == "llvm":
            description.prepare(self.dtype)
        self.once = len(leading_once(description.forward))
        self.inputs = description.inputs
        shapes = [self._shapes(a) for a in (description.inputs, description.outputs)]
        self.input_shapes, self.output_shapes = shapes
        self.state_shapes = self._shapes(description.states)
        self.row_flops = parameters.size + sum(map(math.prod, self.state_shapes))
        self.ahead = self._compiled(description.forward)
        self.ahead_again = self.ahead.cut(self.once, None)
        self.dim_array = np.array(list(dims.values()), dtype=np.int64)
        self.parameters = parameters
        self.numbers = self.numbers_of(hypers, constants)
        self.params = params
        self.buffers = Buffers(self.dtype)
        self.own_copies = partial(OwnCopies, self.buffers)
        self.guard = ParameterGuard(parameters, self.buffers) if guard is None else guard
        params.before_access = self.guard.before_access
        # Forward and backward phases may each keep their own; one array is long enough for either.
        lengths = description.lengths
        self.fixed_length = max(lengths.fixed(**dims), lengths.backward_fixed(**dims))
        self._plans: dict[int, PlanSizes] = {}
        self._back: CompiledPhases | None = None
        self._back_to: dict[Wanted, CompiledPhases] = {}
        self._derived: tuple[int, Numbers, PooledBuffer] | None = None
        self.no_starts = [np.empty(0, self.dtype) for _ in description.states]

    @property
    def back(self) -> CompiledPhases:
        """The backward phases.  They are compiled when they are first asked for."""
        # No `cached_property`: up to Python 3.11 a fork would leave its lock taken in the child.
        if self._back is None:
            self._back = self._compiled(self.description.backward, "back_")
        return self._back

    def back_to(self, wanted: Wanted) -> CompiledPhases:
        """Those that somebody needs."""
        if wanted is EVERYTHING:
            return self.back
        found = self._back_to.get(wanted)
        if found is None:
            found = self._back_to[wanted] = self.back.without(wanted.left_out)
        return found

    def _compiled(self, phases: Sequence[Phase], label: str = "") -> CompiledPhases:
        described, work = self.description, self.row_flops
        return compiled_phases(described, phases, self.dims, self.dtype, work, self.made_by, label)

    def _shapes(self, arrays: Sequence[Array]) -> list[tuple[int, ...]]:
        return [tuple(map(int, a.shape(**self.dims))) for a in arrays]

    def no_inputs(self) -> list[Values]:
        """Those of no steps of one sequence; zeros where they last a sequence."""
        return [
            np.zeros((1, *shape) if each.per == "sequence" else (0, 1, *shape), self.dtype)
            for each, shape in zip(self.inputs, self.input_shapes, strict=True)
        ]

    def flop_estimate(self, rows: int) -> int:
        """About how many multiplications a pass over `rows` rows takes."""
        return rows * self.row_flops

    def change_numbers(self, hypers: Sequence[float], constants: Values) -> None:
        """Other numbers from now on, and nothing that was derived from those before."""
        self.numbers = self.numbers_of(hypers, constants)
        self._derived = None
        self.params.touch()

    def training_numbers(self, key: int) -> Numbers:
        """The numbers for a pass that draws masks."""
        return with_masks(self.numbers, key)

    def numbers_of(
        self, hypers: Sequence[float], constants: Values, parameters: Values | None = None
    ) -> Numbers:
        """The numbers of passes without masks, over the engine's own parameters or others."""
        hyper = np.array([*hypers, 0.0, 0.0], dtype=np.float64)
        own = self.parameters if parameters is None else parameters
        return Numbers(hyper, constants, (self.dim_array, hyper, own, constants))

    def sizes_of(self, plan: RowPlan) -> PlanSizes:
        if plan.base is not None:  # another one in every batch
            return self.sizes_of(plan.base).with_states(self, plan.states)
        # As long as it is here nothing else has its number.
        found = self._plans.get(id(plan))
        if found is None:
            if len(self._plans) >= KEPT_PLANS:
                self._plans = {}
            found = self._plans[id(plan)] = PlanSizes(self, plan)
        return found

    def forward(
        self,
        plan: RowPlan,
        inputs: Sequence[Values],
        starts: Sequence[Values],
        numbers: Numbers | None = None,
        fixed: PooledBuffer | None = None,
        copies: OwnCopies | None = None,
    ) -> ForwardRun:
        """Runs the forward phases; with `fixed` from an earlier run, without the leading ones.

        `numbers` come from `training_numbers`, where masks are to be drawn.  `copies` of inputs are
        made on the way.  Raises MemoryError, which says what the pass would take.
        """
        numbers = self.numbers if numbers is None else numbers
        sizes, take, dtype = self.sizes_of(plan), self.buffers.take, self.dtype
        if fixed is None:
            launch_plan = sizes.launch_plan(FORWARD, self.ahead)
        else:
            launch_plan = sizes.launch_plan(FORWARD_CACHED, self.ahead_again)
        try:
            fixed = take(self.fixed_length) if fixed is None else fixed
            tape, work = take(sizes.tape), take(sizes.forward_work)
            results = [np.empty(shape, dtype) for shape in sizes.results]
        except MemoryError as error:
            raise no_room(self, pass_of(plan), advice=False) from error
        outputs, finals = results[: sizes.output_count], results[sizes.output_count :]
        _clear_gaps(plan, outputs)
        scratch = fixed.array, tape.array, work.array
        arrays = (*numbers.arrays, *scratch, *inputs, *outputs, *starts, *finals)
        if copies is not None and launch_plan.copying is None:
            copies.make()
        rows = copies.rows if copies is not None else ()
        launch_plan.run(arrays, (fixed, tape, work), plan.own_parts, rows)
        return ForwardRun(sizes, plan, outputs, finals, tape, fixed, numbers)

    def infer(
        self, plan: RowPlan, inputs: Sequence[Values], starts: Sequence[Values]
    ) -> ForwardRun:
        """A forward pass that nobody goes back through.

        What depends on parameters alone is kept for the next, as long as no parameter changes and
        nobody holds a view of one.
        """
        version, numbers, known = self.params.version, self.numbers, self._derived
        if known is not None and known[0] == version and known[1] is numbers:
            return self.forward(plan, inputs, starts, numbers, known[2])
        run = self.forward(plan, inputs, starts, numbers)
        self._derived = None if version is None else (version, numbers, run.fixed)
        return run

    def backward(
        self,
        run: ForwardRun,
        inputs: Sequence[Values],
        output_cotangents: Sequence[Values],
        final_cotangents: Sequence[Values | None],
        memory: Values | None = None,
        wanted: Wanted = EVERYTHING,
    ) -> BackwardRun:
        """Runs the backward phases over what `run` has kept; None stands for zeros.

        The run may be that of another engine whose forward phases are the same.  The gradients of
        parameters are put into `memory`, which is as long, or into a new array.  Arrays of what is
        not wanted come back with any numbers.

        Raises MemoryError, as `forward` does.
        """
        sizes, dtype = self.sizes_of(run.plan), self.dtype
        try:
            fits = run.fixed.array.size >= self.fixed_length
            fixed = run.fixed if fits else self.buffers.take(self.fixed_length)
            work = self.buffers.take(sizes.backward_work)
            if memory is None:
                memory = np.empty(self.parameters.size, dtype)
            found = [np.empty(shape, dtype) for shape in sizes.gradients]
        except MemoryError as error:
            raise no_room_back(self, pass_of(run.plan), advice=False) from error
        parameters = memory[: self.parameters.size]
        parameters[:] = 0
        of_inputs, of_starts = found[: len(inputs)], found[len(inputs) :]
        if wanted.inputs:
            kinds = zip(self.inputs, of_inputs, strict=True)
            _clear_gaps(run.plan, [a for e, a in kinds if e.kind == "real" and e.per == "step"])
        ends = [
            zeros if given is None else given
            for given, zeros in zip(final_cotangents, sizes.zeros, strict=True)
        ]
        scratch = fixed.array, run.tape.array, work.array
        cotangents = (*output_cotangents, *of_inputs, *ends, *of_starts)
        arrays = (*run.numbers.arrays, *scratch, parameters, *inputs, *cotangents)
        sizes.launch_plan(wanted, self.back_to(wanted)).run(
            arrays, (fixed, run.tape, work), run.plan.own_parts
        )
        return BackwardRun(parameters, of_inputs, of_starts)


def _clear_gaps(plan: RowPlan, arrays: Sequence[Values]) -> None:
    """Zeros past the ends of sequences, in arrays (T, B, …) whose other rows a pass writes."""
    if plan.gaps is not None:
        for array in arrays:
            clear_rows(array.reshape(-1, *array.shape[2:]), plan.gaps)
