"""One step at a time, quickly.  In: an engine and arrays of one step.  Out: outputs and states.

    stream = cell.stream(batch=1)
    y_t = stream(x_t)                       # (1, I) -> (1, H); the stream keeps the state

A `Stepper` has all arguments of a step prepared: what is left is to copy a few small arrays.  A
stream has one of its own, with the parameters as they are when it is made, and derives once what
depends on them.  It is for one thread; make one for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from celldsl.runtime.arguments import Values
from celldsl.runtime.engine import Engine
from celldsl.runtime.machine_code import Block, Entry, Held
from celldsl.runtime.params import Parameters
from celldsl.runtime.rows import plan_rows
from celldsl.runtime.signature import Signature, Slot
from celldsl.runtime.threads import parts_for

Call = tuple[Entry, Block]


class Stepper:
    """The arrays of one step and the calls that fill them.  For one caller at a time."""

    def __init__(
        self, engine: Engine, signature: Signature, batch: int, shared: Parameters
    ) -> None:
        self.engine = engine
        self.signature = signature
        self.batch = batch
        self.inputs = self._arrays(signature.input_slots)
        self.outputs = self._arrays(signature.output_slots)
        # Two sets of states: a step reads one and writes the other.
        self.states = [self._arrays(signature.state_slots) for _ in range(2)]
        plan = plan_rows(1, batch, 1, False, True, False)
        self._leases = [
            engine.buffers.take(engine.length_of("tape", plan)),
            engine.buffers.take(engine.fixed_length),
            engine.buffers.take(engine.length_of("forward_work", plan)),
        ]
        calls = self.calls(0, True)
        self._derive, self.given = calls[: engine.once], calls[engine.once :]
        self.initial = self.calls(0, False)[engine.once :]
        # As whole numbers, for which equal means the same bits.
        whole = np.dtype(f"i{engine.dtype.itemsize}")
        self._parameters = engine.parameters.view(whole)
        self._seen: Values | None = None
        self._shared = shared
        self._version: int | None = None

    def _arrays(self, slots: Any) -> list[Values]:
        return [np.zeros((self.batch, *slot.shape), self.engine.dtype) for slot in slots]

    def calls(self, now: int, given: bool) -> list[Call]:
        """The calls of a step from the states `now`, with all their arguments."""
        engine = self.engine
        plan = plan_rows(1, self.batch, 1, False, given, False)
        head = engine.head(engine.hyper_array, *self._leases)
        states = (*self.states[now], *self.states[1 - now])
        arrays = (*self.inputs, *self.outputs, *states)
        held = [Held(a.reshape(-1)) for a in arrays]
        block = Block(0, 1, (plan.held[0], *head, *held))
        return [(entry, block) for entry in engine.forward_entries]

    def derive(self) -> None:
        """Runs the phases of parameters alone, where a parameter has changed since they were run.

        While somebody holds a view of a parameter to look is the only way to know, and costs less
        than to derive everything again.
        """
        version = self._shared.version
        if version is not None and version == self._version:
            return
        if self._seen is None or not (self._seen == self._parameters).all():
            self._seen = self._parameters.copy()
            for run, block in self._derive:
                run(block)
        self._version = version

    def step(self, inputs: Sequence[Values], starts: Sequence[Values] | None) -> tuple[Any, Any]:
        """One step for arrays that have been checked: (y, state), which are the caller's own."""
        for own, array in zip(self.inputs, inputs, strict=True):
            own[...] = array
        if starts is not None:
            for own, array in zip(self.states[0], starts, strict=True):
                own[...] = array
        self.derive()
        for run, block in self.initial if starts is None else self.given:
            run(block)
        signature = self.signature
        outputs = [array.copy() for array in self.outputs]
        finals = signature.state_nest.pack([array.copy() for array in self.states[1]])
        return signature.pack_outputs(outputs), finals


class Steppers:
    """Steppers of one cell that nobody uses at the moment, by batch size."""

    MOST = 8

    def __init__(self, engine: Engine, signature: Signature, shared: Parameters) -> None:
        self._shared = shared
        self._engine = engine
        self._signature = signature
        self._idle: dict[int, list[Stepper]] = {}
        self._state_type = signature.state_nest.type if signature.state_nest.flat else None

    def step(self, inputs: Any, state: Any, named: Mapping[str, Any]) -> tuple[Any, Any]:
        """One step with the parameters as they are now: (y, state)."""
        if (
            type(inputs) is np.ndarray
            and inputs.ndim
            and not named
            and parts_for(len(inputs), self._engine.flop_estimate(len(inputs))) == 1
        ):
            stepper = self._take(len(inputs))
            found = self._quickly(stepper, inputs, state)
            if found is not None:
                self._put_back(stepper)
                return found
        arrays, (batch,) = self._signature.inputs(inputs, named, ("B",))
        starts = self._signature.states("state", state, batch)
        if parts_for(batch, self._engine.flop_estimate(batch)) > 1:
            return self._in_parts(arrays, starts, batch)
        stepper = self._take(batch)
        found = stepper.step(arrays, starts)
        self._put_back(stepper)
        return found

    def _take(self, batch: int) -> Stepper:
        try:
            # One operation, and so safe among threads.
            return self._idle[batch].pop()
        except LookupError:
            if len(self._idle) >= self.MOST:
                self._idle = {}
            return Stepper(self._engine, self._signature, batch, self._shared)

    def _put_back(self, stepper: Stepper) -> None:
        self._idle.setdefault(stepper.batch, []).append(stepper)

    def _in_parts(
        self, arrays: list[Values], starts: list[Values] | None, batch: int
    ) -> tuple[Any, Any]:
        """A step of a batch that is large enough to be split over threads."""
        engine, signature = self._engine, self._signature
        parts = parts_for(batch, engine.flop_estimate(batch))
        plan = plan_rows(1, batch, parts, False, starts is not None, False)
        given = engine.no_starts if starts is None else [a.reshape(-1) for a in starts]
        run = engine.forward(plan, [a.reshape(-1) for a in arrays], given)
        return (
            signature.pack_outputs(shaped_arrays(run.outputs, signature.output_slots, batch)),
            signature.state_nest.pack(shaped_arrays(run.finals, signature.state_slots, batch)),
        )

    def _quickly(self, stepper: Stepper, inputs: Values, state: Any) -> tuple[Any, Any] | None:
        """The step where the arrays are plainly right; None where a closer look is needed."""
        own, dtype = stepper.inputs, self._engine.dtype
        if len(own) != 1 or inputs.shape != own[0].shape or inputs.dtype != dtype:
            return None
        if state is not None:
            if type(state) is not self._state_type:
                return None
            for want, array in zip(stepper.states[0], state, strict=True):
                if type(array) is not np.ndarray or array.shape != want.shape:
                    return None
                if array.dtype != dtype:
                    return None
        return stepper.step((inputs,), state)


def shaped_arrays(flat: Sequence[Values], slots: Sequence[Slot], batch: int) -> list[Values]:
    return [array.reshape((batch, *slot.shape)) for array, slot in zip(flat, slots, strict=True)]


class Stream:
    """A cell that runs step by step and keeps its state, with fixed parameters."""

    def __init__(self, engine: Engine, signature: Signature, batch: int, state: Any) -> None:
        own = Engine(
            engine.description,
            engine.dims,
            engine.hyper_array[:-2].tolist(),
            engine.parameters.copy(),
            engine.constants,
        )
        self._signature = signature
        shared = Parameters(own.parameters, (), engine.dims)
        self._stepper = Stepper(own, signature, batch, shared)
        self._stepper.derive()
        self._calls = [self._stepper.calls(now, True)[own.once :] for now in range(2)]
        self._now = 0
        self._input, self._output = self._stepper.inputs[0], self._stepper.outputs[0]
        self._single = len(self._stepper.inputs) == len(self._stepper.outputs) == 1
        self.reset(state)

    def reset(self, state: Any = None) -> None:
        """Goes back to the initial state, or to `state`."""
        stepper = self._stepper
        given = self._signature.states("state", state, stepper.batch)
        if given is None:
            engine = stepper.engine
            plan = plan_rows(0, stepper.batch, 1, False, False, False)
            nothing = [np.empty(0, engine.dtype) for _ in stepper.inputs]
            given = engine.forward(plan, nothing, engine.no_starts).finals
        for own, array in zip(stepper.states[self._now], given, strict=True):
            own[...] = array.reshape(own.shape)

    @property
    def state(self) -> Any:
        """A copy of the state as it is now."""
        states = self._stepper.states[self._now]
        return self._signature.state_nest.pack([array.copy() for array in states])

    def __call__(self, inputs: Any = None, /, **named: Any) -> Any:
        """One step: x (B, I) -> y (B, H)."""
        own = self._input
        if (
            self._single
            and type(inputs) is np.ndarray
            and inputs.shape == own.shape
            and inputs.dtype == own.dtype
        ):
            own[...] = inputs
            self._step()
            return self._output.copy()
        self._copy_in(inputs, named)
        self._step()
        return self._signature.pack_outputs([array.copy() for array in self._stepper.outputs])

    def _step(self) -> None:
        now = self._now
        for run, block in self._calls[now]:
            run(block)
        self._now = 1 - now

    def _copy_in(self, inputs: Any, named: Mapping[str, Any]) -> None:
        signature, stepper = self._signature, self._stepper
        arrays, _ = signature.inputs(inputs, named, ("B",))
        for slot, own, array in zip(signature.input_slots, stepper.inputs, arrays, strict=True):
            own[...] = slot.check(slot.name, array, own.dtype, {"B": stepper.batch})
