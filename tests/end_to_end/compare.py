"""Compiled kernels against the reference.  In: a subject and a setup.  Out: an assertion.

Outputs, final states and the gradients of parameters, inputs and start states must agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.threads import thread_count as threads
from tests.end_to_end.subject import Arrays, Subject

TOLERANCE = 1e-10


@dataclass(frozen=True)
class Setup:
    """`lengths` are cut to the batch; `given` says whether the caller passes start states."""

    sizes: int = 0
    T: int = 4
    B: int = 3
    given: bool = True
    threads: int = 1
    lengths: tuple[int, ...] = ()
    reverse: bool = False

    def __str__(self) -> str:
        words = [f"sizes{self.sizes}", f"T{self.T}", f"B{self.B}", f"threads{self.threads}"]
        words += ["given"] * self.given + ["lengths"] * bool(self.lengths)
        return "-".join([*words, *["reverse"] * self.reverse])


@dataclass(frozen=True)
class Drawn:
    """Inputs, start states and cotangents for one setup."""

    inputs: Arrays
    dy: Arrays
    states: Arrays
    dstate: Arrays


@dataclass
class Expected:
    """What the reference finds; gradients of parameters are sums over sequences."""

    outputs: Arrays
    finals: Arrays
    d_inputs: Arrays
    d_params: Arrays = field(default_factory=dict)
    d_starts: Arrays = field(default_factory=dict)


def compare(subject: Subject, setup: Setup) -> None:
    """Raises AssertionError with every array that differs."""
    dims = subject.dims(subject.sizes[setup.sizes])
    cell = subject.make(dims)
    drawn = Drawn(
        subject.draw_inputs(dims, setup.T, setup.B),
        subject.draw_outputs(dims, setup.T, setup.B),
        subject.draw_states(dims, setup.B),
        subject.draw_states(dims, setup.B, seed=4),
    )
    expected = reference(subject, cell, dims, setup, drawn)
    wrong = [
        f"{name}: {error:.1e}"
        for name, error in differences(cell, setup, drawn, expected)
        if not error < TOLERANCE
    ]
    assert not wrong, "; ".join(wrong)


def differences(
    cell: Cell, setup: Setup, drawn: Drawn, expected: Expected
) -> Iterator[tuple[str, float]]:
    """The largest difference in each array, relative to its largest element or 1.

    Masks rest: the reference draws none.
    """
    states = nested(drawn.states) if setup.given else None
    frame: dict[str, Any] = {"reverse": setup.reverse}
    if setup.lengths:
        frame["lengths"] = np.array(setup.lengths[: setup.B])
    y, last, tape = cell.forward(drawn.inputs, states, training=False, **frame)
    y_alone, last_alone = cell(drawn.inputs, states, **frame)
    found = cell.backward(tape, drawn.dy, nested(drawn.dstate))
    for name, wanted in expected.outputs.items():
        many = len(expected.outputs) > 1
        yield f"output {name}", distance(pick(y, name) if many else y, wanted)
        yield f"output {name} alone", distance(pick(y_alone, name) if many else y_alone, wanted)
    for name, wanted in expected.finals.items():
        yield f"state {name}", distance(pick(last, name), wanted)
        yield f"state {name} alone", distance(pick(last_alone, name), wanted)
    for name, wanted in expected.d_inputs.items():
        yield f"d input {name}", distance(found.inputs[name], wanted)
    for name, wanted in expected.d_params.items():
        yield f"d param {name}", distance(found.params[name], wanted)
    for name, wanted in expected.d_starts.items():
        yield f"d state {name}", distance(pick(found.state, name), wanted)


def distance(found: Any, wanted: Any) -> float:
    """The largest difference; equal infinities do not differ."""
    wanted = np.asarray(wanted)
    assert found.shape == wanted.shape, f"{found.shape} is not {wanted.shape}"
    differ = found != wanted
    if not differ.any():
        return 0.0
    gap = np.abs(found[differ] - wanted[differ]).max()
    return float(gap / (1 + np.abs(wanted[differ]).max()))


def pick(values: Any, name: str) -> Any:
    """`layer.0.h` of a named tuple of tuples."""
    for part in name.split("."):
        values = values[int(part)] if part.isdigit() else getattr(values, part)
    return values


def nested(values: Arrays) -> Arrays:
    """`g.h` of a flat mapping as `h` of the mapping `g`."""
    found: Arrays = {}
    for name, value in values.items():
        *above, last = name.split(".")
        inner = found
        for part in above:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return found


def reference(
    subject: Subject, cell: Cell, dims: dict[str, int], setup: Setup, drawn: Drawn
) -> Expected:
    """Every sequence by itself, within its length, and turned round where time is."""
    found = Expected(
        {n: np.zeros_like(a) for n, a in drawn.dy.items()},
        {n: np.zeros_like(a) for n, a in drawn.states.items()},
        {
            i.name: np.zeros_like(drawn.inputs[i.name])
            for i in subject.spec.inputs
            if i.kind == "real"
        },
        {n: np.zeros(a.shape) for n, a in cell.params.items()},
        {n: np.zeros_like(a) for n, a in drawn.states.items()} if setup.given else {},
    )
    for b in range(setup.B):
        length = setup.lengths[b] if setup.lengths else setup.T
        _one_sequence(subject, cell, dims, setup, drawn, found, b, length)
    return found


def _one_sequence(
    subject: Subject, cell: Cell, dims: dict[str, int], setup: Setup, drawn: Drawn,
    found: Expected, b: int, length: int,
) -> None:  # fmt: skip
    order = slice(None, None, -1 if setup.reverse else 1)
    lasting = {i.name for i in subject.spec.inputs if i.per == "sequence"}

    def steps(arrays: Arrays) -> Arrays:
        return {
            n: a[b : b + 1] if n in lasting else a[:length, b : b + 1][order]
            for n, a in arrays.items()
        }

    def row(arrays: Arrays) -> Arrays:
        return {n: a[b : b + 1] for n, a in arrays.items()}

    leaves = subject.leaves(cell, steps(drawn.inputs))
    starts = row(drawn.states) if setup.given else None
    run, back = subject.gradients(
        leaves, dims, length, 1, steps(drawn.dy), starts, row(drawn.dstate)
    )
    for name, target in found.outputs.items():
        target[:length, b] = run.results["output", name][order][:, 0]
    for name, target in found.finals.items():
        target[b] = run.finals[name][0]
    for name, target in found.d_inputs.items():
        if name in lasting:
            target[b] = back.results["sequence_input", name][0]
        else:
            target[:length, b] = back.results["input", name][order][:, 0]
    for name in found.d_params:
        found.d_params[name] += back.results["param", name]
    for name, target in found.d_starts.items():
        target[b] = back.finals[name][0]


def compare_all(subject: Subject, setups: Sequence[Setup], monkeypatch: pytest.MonkeyPatch) -> None:
    """Raises AssertionError with all setups that differ."""
    monkeypatch.setattr(threads, "SMALL_WORK", 0)
    before, wrong = threads.get_threads(), []
    for setup in setups:
        threads.set_threads(setup.threads)
        try:
            compare(subject, setup)
        except AssertionError as error:
            wrong.append(f"{setup}: {error}")
        finally:
            threads.set_threads(before)
    assert not wrong, "\n".join(wrong)
