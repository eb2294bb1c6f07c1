"""`states="all"` on whole cells: what comes back, and what `dstate` of every step does.

The reference shows each state as it goes into the next step.  On its way back it meets the
cotangent of a state where the state came out of its step: the one that was given is added there.
(A sum over sequences that are cut after each step is another where a gradient is clipped.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from celldsl.ir.program import cotangent
from celldsl.targets.reference import evaluate
from tests.end_to_end.every_cell import NAMES, subject_named
from tests.end_to_end.subject import Arrays, Subject
from tests.tenth import marked

T, B = 4, 3


class Case:
    """A cell with numbers for everything that it reads."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.dims = subject.dims(subject.sizes[0])
        self.cell = subject.make(self.dims)
        self.inputs = subject.draw_inputs(self.dims, T, B)
        self.starts = subject.draw_states(self.dims, B)
        self.leaves = subject.leaves(self.cell, self.inputs)
        self.names = [state.name for state in subject.spec.states]

    def states(self) -> Arrays:
        """(T, B, …) for each state, from the reference."""
        seen: dict[tuple[str, int | None], Any] = {}

        def observe(name: str, t: int | None, value: Any) -> Any:
            seen[name, t] = value
            return value

        program = self.subject.program
        run = evaluate(program, self.leaves, self.dims, T, B, self.starts, None, (), observe)
        return {
            name: np.stack([*(seen[name, t] for t in range(1, T)), run.finals[name]])
            for name in self.names
        }

    def gradients(self, cotangents: Arrays) -> Arrays:
        """Of parameters, for cotangents of all states."""
        subject, dims = self.subject, self.dims
        outputs = subject.draw_outputs(dims, T, B)
        nothing = {cotangent(n): np.zeros_like(array) for n, array in outputs.items()}
        run = evaluate(subject.forward, self.leaves, dims, T, B, self.starts)
        known = {**self.leaves, **run.saved, **nothing}

        def added(name: str, t: int | None, value: Any) -> Any:
            return value if name not in cotangents else value + cotangents[name][t]

        back = evaluate(subject.backward, known, dims, T, B, None, None, self.starts, added)
        return {name: array for (kind, name), array in back.results.items() if kind == "param"}


@pytest.mark.parametrize("name", marked(NAMES))
def test_states_of_all_steps_are_those_of_the_reference(name: str) -> None:
    case = Case(subject_named(name))
    cell, structure = case.cell, case.cell._state_structure
    state = structure.pack([case.starts[n] for n in case.names])
    y, last = cell(dict(case.inputs), state)
    again, states, tape = cell.forward(dict(case.inputs), state, training=False, states="all")
    outputs = zip(_listed(y), _listed(again), strict=True)
    assert all(np.array_equal(a, b) for a, b in outputs)
    found = structure.unpack("state", states)
    for each, array, expected in zip(case.names, found, case.states().values(), strict=True):
        np.testing.assert_allclose(array, expected, 1e-10, 1e-10, err_msg=each)
    for array, end in zip(found, structure.unpack("state", last), strict=True):
        assert np.array_equal(array[-1], end)
    random = np.random.default_rng(5)
    dstate = {n: random.normal(size=a.shape) for n, a in zip(case.names, found, strict=True)}
    grads = cell.backward(tape, None, structure.pack([dstate[n] for n in case.names]))
    for param, expected in case.gradients(dstate).items():
        scale = np.abs(expected).max(initial=1.0)
        np.testing.assert_allclose(
            grads.params[param], expected, 1e-10, 1e-10 * scale, err_msg=param
        )


def _listed(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, tuple) else [outputs]
