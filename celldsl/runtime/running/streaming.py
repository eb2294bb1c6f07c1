"""One step at a time, quickly.  In: an engine and arrays of one step.  Out: outputs and states.

    stream = cell.stream(batch=1)
    y_t = stream(x_t)                       # (1, I) -> (1, H); the stream keeps the state

A `Stepper` has the arguments of a step prepared: what is left is to put a few arrays into their
places.  A stream has one of its own, with the parameters as they are when it is made, and derives
once what depends on them.  It is for one thread; make one for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from celldsl.runtime.building.params import Parameters
from celldsl.runtime.checks.arguments import Values, is_plain
from celldsl.runtime.checks.signature import Signature, Slot
from celldsl.runtime.running.engine import Engine
from celldsl.runtime.running.relay import Course, Relay, StandingJob
from celldsl.runtime.running.rows import plan_rows
from celldsl.runtime.running.threads import parts_for


class Stepper:
    """The calls of one step, with scratch of their own.  For one caller at a time."""

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
        self._derive = self._job(engine.ahead.cut(None, engine.once), True)
        self._given = self._job(engine.ahead_again, True)
        self._initial = self._job(engine.ahead_again, False)
        # As whole numbers, for which equal means the same bits.
        whole = np.dtype(f"i{engine.dtype.itemsize}")
        self._parameters = engine.parameters.view(whole)
        self._seen: Values | None = None
        self._version: int | None = None

    def _job(self, relay: Relay, given: bool) -> StandingJob:
        head = self.engine.head(self.engine.hyper_array, *self._leases)
        return StandingJob(Course(relay, plan_rows(1, self.batch, 1, False, given)), head)

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

    def step(
        self, inputs: Sequence[Values], starts: Sequence[Values] | None
    ) -> tuple[list[Values], list[Values]]:
        """Outputs and next states, which are the caller's own, for arrays that were checked."""
        dtype = self.engine.dtype
        outputs = [np.empty(shape, dtype) for shape in self.output_shapes]
        finals = [np.empty(shape, dtype) for shape in self.state_shapes]
        job = self._given if starts is not None else self._initial
        arrays = (*inputs, *outputs, *(starts or self.engine.no_starts), *finals)
        self.derive(arrays)
        job.run(arrays)
        return outputs, finals

    def repeat(self, arrays: Sequence[Values]) -> None:
        """A step from given states, with what was derived before."""
        self._given.run(arrays)

    def again(self) -> None:
        """That step once more: compiled code and nothing else, for who measures it."""
        self._given.run_again()


def shapes_of(slots: Sequence[Slot], batch: int) -> list[tuple[int, ...]]:
    return [(batch, *slot.shape) for slot in slots]


class Steppers:
    """Steppers of one cell that nobody uses at the moment, by batch size."""

    MOST = 8

    def __init__(self, engine: Engine, signature: Signature) -> None:
        self._engine = engine
        self._signature = signature
        self._idle: dict[int, list[Stepper]] = {}
        self._state_type = signature.state_nest.type if signature.state_nest.flat else None

    def step(self, inputs: Any, state: Any, named: Mapping[str, Any]) -> tuple[Any, Any]:
        """One step with the parameters as they are now: (y, state)."""
        if not named and self._plainly_right(inputs, state):
            arrays, starts, batch = [inputs], state, len(inputs)
        else:
            arrays, (batch,) = self._signature.inputs(inputs, named, ("B",))
            starts = self._signature.states("state", state, batch)
        parts = parts_for(batch, self._engine.flop_estimate(batch))
        if parts > 1:
            return self._in_parts(arrays, starts, batch, parts)
        stepper = self._take(batch)
        outputs, finals = stepper.step(arrays, starts)
        self._idle.setdefault(batch, []).append(stepper)
        return self._signature.pack_outputs(outputs), self._signature.state_nest.pack(finals)

    def _take(self, batch: int) -> Stepper:
        try:
            # One operation, and so safe among threads.
            return self._idle[batch].pop()
        except LookupError:
            if len(self._idle) >= self.MOST:
                self._idle = {}
            return Stepper(self._engine, self._signature, batch)

    def _in_parts(
        self, arrays: Sequence[Values], starts: Sequence[Values] | None, batch: int, parts: int
    ) -> tuple[Any, Any]:
        """A step of a batch that is large enough to be split over threads."""
        engine, signature = self._engine, self._signature
        plan = plan_rows(1, batch, parts, False, starts is not None, False)
        given = engine.no_starts if starts is None else starts
        run = engine.infer(plan, arrays, given)
        outputs = signature.pack_outputs([array[0] for array in run.outputs])
        return outputs, signature.state_nest.pack(run.finals)

    def _plainly_right(self, inputs: Any, state: Any) -> bool:
        """Whether the arrays need no closer look."""
        signature, dtype = self._signature, self._engine.dtype
        slots = signature.input_slots
        if len(slots) != 1 or type(inputs) is not np.ndarray or not inputs.ndim:
            return False
        batch = (len(inputs),)
        if not is_plain(inputs, batch + slots[0].shape, dtype):
            return False
        if state is None:
            return True
        if type(state) is not self._state_type:
            return False
        for array, slot in zip(state, signature.state_slots, strict=True):
            if not is_plain(array, batch + slot.shape, dtype):
                return False
        return True


class Stream:
    """A cell that runs step by step and keeps its state, with fixed parameters."""

    def __init__(self, engine: Engine, signature: Signature, batch: int, state: Any) -> None:
        parameters = engine.parameters.copy()
        own = Engine(
            engine.description,
            engine.dims,
            engine.hyper_array[:-2].tolist(),
            parameters,
            engine.constants,
            Parameters(parameters, (), engine.dims),
        )
        self._signature = signature
        self._batch = batch
        self._stepper = Stepper(own, signature, batch)
        shapes = self._stepper.state_shapes
        # Two sets of states: a step reads one and writes the other.
        self._now, self._next = ([np.zeros(s, own.dtype) for s in shapes] for _ in range(2))
        self._single = len(signature.input_slots) == len(signature.output_slots) == 1
        self._shape, self._dtype = self._stepper.input_shapes[0], own.dtype
        self._output_shape = self._stepper.output_shapes[0]
        self.reset(state)
        nothing = [np.zeros(s, own.dtype) for s in self._stepper.input_shapes]
        self._stepper.step(nothing, self._now)

    def reset(self, state: Any = None) -> None:
        """Goes back to the initial state, or to `state`."""
        given = self._signature.states("state", state, self._batch)
        if given is None:
            engine = self._stepper.engine
            plan = plan_rows(0, self._batch, 1, False, False)
            nothing = [np.empty(0, engine.dtype) for _ in engine.input_shapes]
            given = engine.forward(plan, nothing, engine.no_starts).finals
        for own, array in zip(self._now, given, strict=True):
            own[...] = array

    @property
    def state(self) -> Any:
        """A copy of the state as it is now."""
        return self._signature.state_nest.pack([array.copy() for array in self._now])

    def __call__(self, inputs: Any = None, /, **named: Any) -> Any:
        """One step: x (B, I) -> y (B, H)."""
        if self._single and not named and is_plain(inputs, self._shape, self._dtype):
            output = np.empty(self._output_shape, self._dtype)
            self._step((inputs, output))
            return output
        signature, stepper = self._signature, self._stepper
        arrays, _ = signature.inputs(inputs, named, ("B",))
        for slot, array in zip(signature.input_slots, arrays, strict=True):
            slot.check(slot.name, array, self._dtype, {"B": self._batch})
        outputs = [np.empty(shape, self._dtype) for shape in stepper.output_shapes]
        self._step((*arrays, *outputs))
        return signature.pack_outputs(outputs)

    def _step(self, arrays: Sequence[Values]) -> None:
        self._stepper.repeat((*arrays, *self._now, *self._next))
        self._now, self._next = self._next, self._now
