"""A cell that runs step by step.  In: an engine and a batch size.  Out: a function of one step.

    stream = cell.stream(batch=1)
    y_t = stream(x_t)                       # (1, I) -> (1, H); the stream keeps the state

A stream has a stepper of its own, with the parameters as they are when it is made, and derives once
what depends on them.  It is for one thread; make one for each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from celldsl.runtime.arrays.options import RESET_KEYWORDS, refuse_unknown
from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.arrays.signature import Signature
from celldsl.runtime.arrays.state_structure import Nested
from celldsl.runtime.arrays.validation import Values, check_resets
from celldsl.runtime.errors import ArgumentError
from celldsl.runtime.exec.executor import Engine
from celldsl.runtime.exec.steps import Stepper
from celldsl.runtime.row_plan import plan_rows

# Looks at inputs, the state before, and (outputs, the state after).
Look = Callable[[list[Values], Nested, tuple[Nested, Nested]], None]


class Stream:
    """A cell that runs step by step and keeps its state, with fixed parameters."""

    # Nothing else can be assigned to one.
    __slots__ = (
        "__weakref__", "_batch", "_direct", "_dtype", "_fast_back", "_look", "_next", "_now",
        "_signature", "_stepper",
    )  # fmt: skip

    def __init__(
        self,
        engine: Engine,
        signature: Signature,
        batch: int,
        state: object,
        look: Look | None = None,
    ) -> None:
        parameters = engine.parameters.copy()
        own = Engine(
            engine.description,
            engine.dims,
            engine.numbers.hyper[:-2].tolist(),
            parameters,
            engine.numbers.constants,
            Parameters(parameters, (), engine.dims),
            engine.made_by,
        )
        self._signature = signature
        self._look = look
        self._batch = batch
        self._dtype = own.dtype
        self._stepper = Stepper(own, signature, batch)
        shapes = self._stepper.state_shapes
        # Two sets of states: a step reads one and writes the other.
        self._now, self._next = ([np.zeros(s, own.dtype) for s in shapes] for _ in range(2))
        self.reset(state)
        nothing = [np.zeros(s, own.dtype) for s in self._stepper.input_shapes]
        self._stepper.step(nothing, self._now)
        self._direct = self._stepper.between(self._now, self._next)
        self._fast_back = self._stepper.between(self._next, self._now)

    def reset(self, state: object = None, rows: object = None, **unknown: object) -> None:
        """Goes back to the initial state, or to `state`: all rows, or those where `rows` (B,) is
        true."""
        refuse_unknown("a stream's reset()", unknown, RESET_KEYWORDS)
        given = self._signature.states("state", state, self._batch)
        if rows is not None:
            rows = check_resets(rows, (self._batch,), ("B",), "rows")
        if given is None:
            engine = self._stepper.engine
            plan = plan_rows(0, self._batch, 1, False, False)
            nothing = [np.empty(0, engine.dtype) for _ in engine.input_shapes]
            given = engine.forward(plan, nothing, engine.no_starts).finals
        for own, array in zip(self._now, given, strict=True):
            if rows is None:
                own[...] = array
            else:
                own[rows] = array[rows]

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            "a stream cannot be copied or pickled: it is memory of its own that compiled code runs "
            "in; make another with cell.stream(batch, state=stream.state)"
        )

    @property
    def state(self) -> Nested:
        """A copy of the state as it is now."""
        return self._signature.state_structure.pack([array.copy() for array in self._now])

    if not TYPE_CHECKING:  # to which nothing can be assigned

        @state.setter
        def state(self, value: object) -> None:
            raise ArgumentError("state: write stream.reset(state)")

    def __call__(self, inputs: object = None, /, **named: object) -> Nested:
        """One step: x (B, I) -> y (B, H)."""
        if named:
            self._signature.check_keywords("a stream of {}", named, ())
        if self._look is not None:
            return self._looking(self._look, inputs, named)
        found = None if named else self._direct(inputs)
        if found is None:
            found = self._closely(inputs, named)
        self._turn()
        return found

    def _looking(self, look: Look, inputs: object, named: dict[str, object]) -> Nested:
        """A step whose results are looked at, with what it was made of."""
        before, found = self.state, self._closely(inputs, named)
        self._turn()
        arrays, _ = self._signature.inputs(inputs, named, ("B",))
        look(arrays, before, (found, self.state))
        return found

    def _turn(self) -> None:
        """What was written is read next."""
        self._now, self._next = self._next, self._now
        self._direct, self._fast_back = self._fast_back, self._direct

    def _closely(self, inputs: object, named: dict[str, object]) -> Nested:
        """A step of whatever the inputs are."""
        signature, stepper = self._signature, self._stepper
        arrays, _ = signature.inputs(inputs, named, ("B",))
        for slot, array in zip(signature.input_slots, arrays, strict=True):
            slot.check_rows(array, self._batch)
        outputs = [np.empty(shape, self._dtype) for shape in stepper.output_shapes]
        stepper.repeat((*arrays, *outputs, *self._now, *self._next))
        return signature.pack_outputs(outputs)
