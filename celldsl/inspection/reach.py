"""How far a gradient comes back, and by what.  In: a cell and x.  Out: its norm at every value.

    found = gradients(cell, x)
    found.norms["c"]            # (T,): of the state c as it goes into each step
    found.norms["f"]            # (T,): of the gate f at each step
    found.influence["f"]        # 0.97: with 1 % more of f, 0.97 % more is left after each step

The gradient is that of the last step's outputs, along a random direction of length 1 for each
sequence; norms are over units, and their squares are averaged over sequences.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from celldsl.inspection.run import Inputs, inputs_of, leaves_of, seen_of
from celldsl.ir.program import Program, Rows
from celldsl.runtime.cell.cell import Cell
from celldsl.semantics.lower import Lowered
from celldsl.structs import record
from celldsl.targets.reference import gradients as reference_gradients
from celldsl.transforms.autodiff import differentiate
from celldsl.transforms.observe import probe_of, probed, scale_of

Array = NDArray[Any]
NUDGE = 0.01
SMALLEST = 1e-280


@record
class Gradients:
    """`states` and `values` name what `norms` has besides inputs."""

    norms: Mapping[str, Array]
    states: tuple[str, ...]
    values: tuple[str, ...]
    influence: Mapping[str, float]

    @property
    def total(self) -> Array:
        """(T,): of all states together, as they go into each step."""
        whole: Array = np.sqrt(sum(self.norms[name] ** 2 for name in self.states))
        return whole

    @property
    def per_step(self) -> float:
        """What is left of the gradient for each step that it goes back; NaN of one step."""
        return decay(self.total)


def decay(norms: Array) -> float:
    """The factor per step, by a line through the logarithms of what is not 0."""
    steps = np.flatnonzero((norms > SMALLEST) & np.isfinite(norms))
    if len(steps) < 2:
        return float("nan")
    slope = np.polyfit(-steps.astype(float), np.log(norms[steps]), 1)[0]
    return float(np.exp(slope))


def gradients(cell: Cell, x: object, *, seed: int = 0) -> Gradients:
    """`x` is what the cell is called with.  Raises ArgumentError for one without a step."""
    inputs, lowered = inputs_of(cell, x), seen_of(cell)
    values = _values(lowered)
    states = tuple(state.name for state in lowered.program.states)
    program = probed(lowered.program, {**{s: s for s in states}, **values})
    run = _Run(cell, program, inputs, seed)
    found = run.gradients({})
    real = [i.name for i in lowered.spec.inputs if i.kind == "real" and i.per == "step"]
    norms = {name: _norm(found["input", name]) for name in real}
    types = lowered.program.types()
    steps = [n for n, v in values.items() if types[v].rows == Rows.STEP]
    for name in (*states, *steps):
        norms[name] = _norm(found["input", probe_of(name)])
    influence = {name: run.influence(name, states) for name in values if name[-1] != "'"}
    return Gradients(norms, states, tuple(steps), influence)


def _values(lowered: Lowered) -> dict[str, str]:
    """What equations define and has a gradient, each value under its first name."""
    types = lowered.program.types()
    found: dict[str, str] = {}
    leaves = {leaf.name for leaf in lowered.program.leaves}
    for each in lowered.seen:
        kind = types[each.value]
        fit = not kind.boolean and not kind.integer and each.value not in leaves
        if fit and each.value not in found.values():
            found[each.name] = each.value
    return found


def _norm(gradient: Array) -> Array:
    """(T, B, …) -> (T,)"""
    squares = np.square(np.abs(gradient)).reshape(*gradient.shape[:2], -1).sum(axis=-1)
    found: Array = np.sqrt(squares.mean(axis=1))
    return found


class _Run:
    """A program with probes, and what goes into it."""

    def __init__(self, cell: Cell, program: Program, inputs: Inputs, seed: int) -> None:
        self.dims, self.inputs = dict(cell.dims), inputs
        self.pair = differentiate(program)
        self.leaves = leaves_of(cell, program, inputs)
        lead = (inputs.steps, inputs.batch)
        for leaf in program.leaves:
            shape = tuple(size.evaluate(self.dims) for size in leaf.type.shape)
            if leaf.name.startswith("probe:"):
                self.leaves[leaf.name] = np.zeros((*lead, *shape))
            elif leaf.name.startswith("scale:"):
                self.leaves[leaf.name] = np.float64(1.0)
        types = program.types()
        draw = np.random.default_rng(seed)
        self.cotangents: dict[str, Array] = {}
        for result in program.results:
            shape = tuple(size.evaluate(self.dims) for size in types[result.value].shape)
            direction = np.zeros((*lead, *shape))
            direction[-1] = draw.normal(size=(inputs.batch, *shape))
            self.cotangents[result.name] = direction
        self._to_length_one()

    def _to_length_one(self) -> None:
        last = [d[-1].reshape(self.inputs.batch, -1) for d in self.cotangents.values()]
        length = np.linalg.norm(np.concatenate(last, axis=1), axis=1)
        for direction in self.cotangents.values():
            direction[-1] /= length.reshape(-1, *[1] * (direction.ndim - 2))

    def gradients(self, scales: Mapping[str, float]) -> Mapping[tuple[str, str], Array]:
        """Of everything that comes from outside, with some values scaled."""
        moved = {scale_of(name): np.float64(scale) for name, scale in scales.items()}
        forward, backward = self.pair
        _, run = reference_gradients(
            forward, backward, {**self.leaves, **moved}, self.dims, self.inputs.steps,
            self.inputs.batch, self.cotangents,
        )  # fmt: skip
        return run.results

    def influence(self, name: str, states: tuple[str, ...]) -> float:
        """By how many per cent a factor per step changes with one per cent of a value."""
        factors = []
        for scale in (1.0 + NUDGE, 1.0 - NUDGE):
            found = self.gradients({name: scale})
            norms = [_norm(found["input", probe_of(state)]) for state in states]
            factors.append(decay(np.sqrt(sum(norm**2 for norm in norms))))
        if not all(np.isfinite(factors)) or min(factors) <= 0:
            return float("nan")
        return float((np.log(factors[0]) - np.log(factors[1])) / (2 * NUDGE))
