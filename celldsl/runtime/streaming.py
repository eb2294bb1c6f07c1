"""One step at a time, quickly.  In: an engine and arrays of one step.  Out: outputs and states.

    stream = cell.stream(batch=1)
    y_t = stream(x_t)                       # (1, I) -> (1, H); the stream keeps the state

A stream takes the parameters as they are when it is made, derives once what depends on them, and
prepares the arguments of every call.  It is for one thread; make one for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from celldsl.runtime.arguments import Values
from celldsl.runtime.engine import Engine, leading_once
from celldsl.runtime.rows import plan_rows
from celldsl.runtime.signature import Signature

Call = tuple[Callable[..., None], tuple[Any, ...]]


def run_step(
    engine: Engine, signature: Signature, inputs: Any, state: Any, named: Mapping[str, Any]
) -> tuple[Any, Any]:
    """One step with the parameters as they are now: (y, state)."""
    arrays, (batch,) = signature.inputs(inputs, named, ("B",))
    starts = signature.states("state", state, batch)
    plan = plan_rows(1, batch, 1, False, starts is not None, False)
    given = engine.no_starts if starts is None else [a.reshape(-1) for a in starts]
    run = engine.forward(plan, [a.reshape(-1) for a in arrays], given)
    return (
        signature.pack_outputs(
            [
                flat.reshape((batch, *slot.shape))
                for flat, slot in zip(run.outputs, signature.output_slots, strict=True)
            ]
        ),
        signature.state_nest.pack(
            flat.reshape((batch, *slot.shape))
            for flat, slot in zip(run.finals, signature.state_slots, strict=True)
        ),
    )


class Stream:
    """A cell that runs step by step and keeps its state, with fixed parameters."""

    def __init__(self, engine: Engine, signature: Signature, batch: int, state: Any) -> None:
        self._signature = signature
        self._batch = batch
        self._engine = Engine(
            engine.description,
            engine.dims,
            engine.hyper_array.tolist(),
            engine.parameters.copy(),
            engine.constants,
        )
        self._inputs = self._arrays(signature.input_slots)
        self._outputs = self._arrays(signature.output_slots)
        # Two sets of states: a step reads one and writes the other.
        self._states = [self._arrays(signature.state_slots) for _ in range(2)]
        self._now = 0
        self._calls = (self._prepare(0), self._prepare(1))
        self._single = self._fast_path()
        self.reset(state)

    def _arrays(self, slots: Any) -> list[Values]:
        return [np.zeros((self._batch, *slot.shape), self._engine.dtype) for slot in slots]

    def _prepare(self, now: int) -> list[Call]:
        """The calls of a step from the states `now`, with all their arguments."""
        engine = self._engine
        plan = plan_rows(1, self._batch, 1, False, True, False)
        if now == 0:
            self._leases = [
                engine.buffers.take(engine.length_of("tape", plan)),
                engine.buffers.take(engine.fixed_length),
                engine.buffers.take(engine.length_of("forward_work", plan)),
            ]
        head = engine.head(*(lease.array for lease in self._leases))
        arrays = (
            *self._inputs, *self._outputs, *self._states[now], *self._states[1 - now]
        )  # fmt: skip
        arguments = (0, 1, plan.parts[0], *head, *(a.reshape(-1) for a in arrays))
        phases = engine.description.forward
        if now == 0:
            for phase in leading_once(phases):
                phase.run(*arguments)
        return [(phase.run, arguments) for phase in phases[engine.once :]]

    def _fast_path(self) -> tuple[Any, Any, Any, tuple[int, ...]] | None:
        """For one input and one output: the arrays to copy from and to."""
        if len(self._inputs) != 1 or len(self._outputs) != 1:
            return None
        return self._inputs[0], self._outputs[0], self._engine.dtype, self._inputs[0].shape

    def reset(self, state: Any = None) -> None:
        """Goes back to the initial state, or to `state`."""
        given = self._signature.states("state", state, self._batch)
        if given is None:
            plan = plan_rows(0, self._batch, 1, False, False, False)
            nothing = [np.empty(0, self._engine.dtype) for _ in self._inputs]
            run = self._engine.forward(plan, nothing, self._engine.no_starts)
            given = [
                a.reshape(own.shape) for a, own in zip(run.finals, self._states[0], strict=True)
            ]
        for own, array in zip(self._states[self._now], given, strict=True):
            own[...] = array

    @property
    def state(self) -> Any:
        """A copy of the state as it is now."""
        return self._signature.state_nest.pack(a.copy() for a in self._states[self._now])

    def __call__(self, inputs: Any = None, /, **named: Any) -> Any:
        """One step: x (B, I) -> y (B, H)."""
        single = self._single
        if single is not None and type(inputs) is np.ndarray:
            own, output, dtype, shape = single
            if inputs.shape == shape and inputs.dtype == dtype:
                own[...] = inputs
                now = self._now
                for run, arguments in self._calls[now]:
                    run(*arguments)
                self._now = 1 - now
                return output.copy()
        return self._general(inputs, named)

    def _general(self, inputs: Any, named: Mapping[str, Any]) -> Any:
        arrays, _ = self._signature.inputs(inputs, named, ("B",))
        for slot, own, array in zip(self._signature.input_slots, self._inputs, arrays, strict=True):
            own[...] = slot.check(slot.name, array, own.dtype, {"B": self._batch})
        for run, arguments in self._calls[self._now]:
            run(*arguments)
        self._now = 1 - self._now
        return self._signature.pack_outputs([array.copy() for array in self._outputs])
