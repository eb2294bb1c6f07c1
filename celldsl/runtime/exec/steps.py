"""One step at a time, quickly.  In: an engine and arrays of one step.  Out: outputs and states.

    steppers = Steppers(engine, signature)
    y, state = steppers.step(x, state, {})

A `Stepper` has the arguments of a step prepared: what is left is to put a few arrays into their
places, and for small steps a function of `direct` does that too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from celldsl.runtime.arrays.signature import Signature, Slot
from celldsl.runtime.arrays.state_structure import Nested
from celldsl.runtime.arrays.validation import Values, check_resets
from celldsl.runtime.cpython.abi import CALL_BUSY, CALL_VERSION, UNKNOWN_VERSION, fast_path
from celldsl.runtime.cpython.fast_calls import (
    CallTable,
    call_table,
    fast_function,
)
from celldsl.runtime.exec.batches import reset_rows
from celldsl.runtime.exec.executor import Engine
from celldsl.runtime.row_plan import plan_rows
from celldsl.runtime.threads.launch import CompiledPhases, LaunchPlan, PreparedCall
from celldsl.runtime.threads.thread_count import SMALL_WORK, parts_for

# A step by compiled code alone: what it gives, or None where it does not fit.
Direct: TypeAlias = "Callable[..., Nested]"


def not_directly(*_: object) -> None:
    """Stands where there is no direct function."""


class Stepper:
    """The calls of one step, with scratch of their own.  For one caller at a time.

    `direct` is a function of (inputs, state) for as long as nobody else uses the stepper.
    """

    def __init__(self, engine: Engine, signature: Signature, batch: int) -> None:
        self.engine = engine
        self.signature = signature
        self.batch = batch
        self.input_shapes = shapes_of(signature.input_slots, batch)
        self.output_shapes = shapes_of(signature.output_slots, batch)
        self.state_shapes = shapes_of(signature.state_slots, batch)
        sizes = engine.sizes_of(plan_rows(1, batch, 1, False, True))
        self._leases = [
            engine.buffers.take(length)
            for length in (engine.fixed_length, sizes.tape, sizes.forward_work)
        ]
        self.numbers = engine.numbers
        self._derive = self._job(engine.ahead.cut(None, engine.once), True)
        self._given = self._job(engine.ahead_again, True)
        self._initial = self._job(engine.ahead_again, False)
        # As whole numbers, for which equal means the same bits.
        whole = np.dtype(f"i{engine.dtype.itemsize}")
        self._parameters = engine.parameters.view(whole)
        self._seen: Values | None = None
        self._version: int | None = None
        self._table = self._table_of(self._given)
        self.direct = function_over("step", self._table)

    def _job(self, compiled: CompiledPhases, given: bool) -> PreparedCall:
        head = (*self.numbers.arrays, *(lease.array for lease in self._leases))
        launch_plan = LaunchPlan(compiled, plan_rows(1, self.batch, 1, False, given))
        slots = (*self.input_shapes, *self.output_shapes, *self.state_shapes * 2)
        # Whoever still has the direct function of a stepper has its scratch too.
        return PreparedCall(launch_plan, head, len(slots), self._leases)

    def _table_of(self, job: PreparedCall) -> CallTable | None:
        """What a direct function that runs the job knows; None where there can be none."""
        engine, signature = self.engine, self.signature
        if (
            len(self.input_shapes) != 1
            or signature.input_slots[0].kind != "real"
            or not (signature.state_structure.flat and signature.output_structure.flat)
            or engine.flop_estimate(self.batch) >= SMALL_WORK
            or engine.ahead_again.codes is None
            or not fast_path()
        ):
            return None
        shapes = (self.input_shapes, self.output_shapes, self.state_shapes)
        several = len(self.output_shapes) > 1
        types = (
            signature.output_structure.type if several else None,
            signature.state_structure.type,
        )
        return call_table(engine.dtype, shapes, types, job, engine.params)

    def derive(self, arrays: Sequence[Values]) -> None:
        """Runs the phases of parameters alone, where a parameter has changed since they were run.

        While somebody holds a view of a parameter to look is the only way to know, and costs less
        than to derive everything again.
        """
        version = self.engine.params.version
        if version is not None and version == self._version:
            return
        if self._seen is None or not (self._seen == self._parameters).all():
            self._seen = self._parameters.copy()
            self._derive.run(arrays)
        self._version = version
        self._tell_version(self._table)

    def _tell_version(self, table: CallTable | None) -> None:
        if table is not None:
            table[CALL_VERSION] = UNKNOWN_VERSION if self._version is None else self._version

    def step(
        self, inputs: Sequence[Values], starts: Sequence[Values] | None
    ) -> tuple[list[Values], list[Values]]:
        """Outputs and next states, which are the caller's own, for arrays that were checked."""
        dtype = self.engine.dtype
        outputs = [np.empty(shape, dtype) for shape in self.output_shapes]
        finals = [np.empty(shape, dtype) for shape in self.state_shapes]
        job = self._given if starts is not None else self._initial
        arrays = (*inputs, *outputs, *(starts or self.engine.no_starts), *finals)
        if self._table is not None:
            self._table[CALL_BUSY] = 1
        self.derive(arrays)
        job.run(arrays)
        if self._table is not None:
            self._table[CALL_BUSY] = 0
        return outputs, finals

    def repeat(self, arrays: Sequence[Values]) -> None:
        """A step from given states, with what was derived before."""
        self._given.run(arrays)

    def again(self) -> None:
        """That step once more: compiled code and nothing else, for who measures it."""
        self._given.run_again()

    def between(self, now: Sequence[Values], after: Sequence[Values]) -> Direct:
        """A function of inputs that gives outputs and goes from states in some arrays to others."""
        job = self._job(self.engine.ahead_again, True)
        table = self._table_of(job)
        self._tell_version(table)
        # Where input and output are comes with each call.
        later = [self.engine.parameters] * (len(self.input_shapes) + len(self.output_shapes))
        job.place((*later, *now, *after))
        return function_over("stream", table)


def function_over(entry: str, table: CallTable | None) -> Direct:
    return not_directly if table is None else fast_function(entry, table)


def shapes_of(slots: Sequence[Slot], batch: int) -> list[tuple[int, ...]]:
    return [(batch, *slot.shape) for slot in slots]


class Steppers:
    """Steppers of one cell that nobody uses at the moment, by batch size.

    `direct` is the function of the stepper that was used last.
    """

    MOST = 8

    def __init__(self, engine: Engine, signature: Signature) -> None:
        self._engine = engine
        self._signature = signature
        self._idle: dict[int, list[Stepper]] = {}
        self.direct: Direct = not_directly

    def step(
        self, inputs: object, state: object, named: Mapping[str, object], resets: object = None
    ) -> tuple[Nested, Nested]:
        """One step with the parameters as they are now: (y, state)."""
        arrays, (batch,) = self._signature.inputs(inputs, named, ("B",))
        starts = self._signature.states("state", state, batch)
        if resets is not None:
            resets = check_resets(resets, (batch,), ("B",))
            starts = reset_rows(self._engine, starts, resets)
        parts = parts_for(batch, self._engine.flop_estimate(batch))
        if parts > 1:
            return self._in_parts(arrays, starts, batch, parts)
        stepper = self._take(batch)
        outputs, finals = stepper.step(arrays, starts)
        if stepper.numbers is self._engine.numbers:
            self._idle.setdefault(batch, []).append(stepper)
            self.direct = stepper.direct
        return self._signature.pack_outputs(outputs), self._signature.state_structure.pack(finals)

    def forget(self) -> None:
        """After other numbers there are: those here have the ones before."""
        self._idle, self.direct = {}, not_directly

    def _take(self, batch: int) -> Stepper:
        try:
            # One operation, and so safe among threads.
            found = self._idle[batch].pop()
        except LookupError:
            found = None
        if found is not None and found.numbers is self._engine.numbers:
            return found
        if len(self._idle) >= self.MOST:
            self._idle = {}
        return Stepper(self._engine, self._signature, batch)

    def _in_parts(
        self, arrays: Sequence[Values], starts: Sequence[Values] | None, batch: int, parts: int
    ) -> tuple[Nested, Nested]:
        """A step of a batch that is large enough to be split over threads."""
        engine, signature = self._engine, self._signature
        plan = plan_rows(1, batch, parts, False, starts is not None, False)
        given = engine.no_starts if starts is None else starts
        run = engine.infer(plan, arrays, given)
        outputs = signature.pack_outputs([array[0] for array in run.outputs])
        return outputs, signature.state_structure.pack(run.finals)
