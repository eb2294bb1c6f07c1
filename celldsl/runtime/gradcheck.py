"""Are a cell's gradients right?  In: a cell of float64.  Out: the error for each array.

    for found in check_gradients(cell):
        print(found.name, found.error)          # h.W_x 3.1e-11

Compares `backward` with differences of `forward`, of fourth order, along every axis of a small
array and along some axes and directions of a large one.  The loss is a random weighting of all
outputs and final states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.errors import ArgumentError

# probe, kind and name of an array, direction -> the derivative of the probe's loss
Slopes = Callable[["GradientProbe", str, str, Values], float]
# The second where the first is too coarse: sharp bends, as of a norm over few elements.
STEPS = (1e-3, 1e-4)
GOOD = 1e-9
AXES = 24


@dataclass(frozen=True, slots=True)
class Checked:
    """`error` is the largest difference, relative to the largest derivative or 1."""

    kind: str
    name: str
    shape: tuple[int, ...]
    directions: int
    error: float


def check_gradients(
    cell: Cell,
    steps: int = 5,
    batch: int = 3,
    seed: int = 0,
    given: bool = True,
    lengths: Any = None,
    reverse: bool = False,
    slopes: Slopes | None = None,
) -> Iterator[Checked]:
    """Checks parameters, inputs and, where states are `given`, states, one after the other.

    Masks are drawn, and stay the same.  `slopes` gives derivatives from elsewhere where differences
    are none, of a pass without masks.  `cell` must be of float64, else ArgumentError; its
    parameters are as they were afterwards.
    """
    if cell.dtype != np.float64:
        raise ArgumentError(f"dtype: gradients are checked in float64; build {cell.dtype} so")
    probe = GradientProbe(cell, steps, batch, seed, given, lengths, reverse, slopes)
    yield from probe.run()


class GradientProbe:
    """One loss of a cell, as a function of its parameters, inputs and states."""

    def __init__(
        self,
        cell: Cell,
        steps: int,
        batch: int,
        seed: int,
        given: bool,
        lengths: Any,
        reverse: bool,
        slopes: Slopes | None = None,
    ) -> None:
        self.cell = cell
        self.slopes = slopes
        self.random = np.random.default_rng(seed)
        described, dims = cell.description, cell.dims
        self.inputs = {
            a.name: self.random.normal(size=(steps, batch, *a.shape(**dims)))
            for a in described.inputs
        }
        nest = cell._state_structure
        shapes = [(batch, *a.shape(**dims)) for a in described.states]
        self.states = [0.5 * self.random.normal(size=shape) for shape in shapes]
        # One seed for all passes: masks stay as they are.
        self.options = {"lengths": lengths, "reverse": reverse, "seed": seed}
        if slopes is not None:
            self.options |= {"seed": None, "training": False}
        self.given = nest.pack(self.states) if given else None
        self.dy = [
            self.random.normal(size=(steps, batch, *a.shape(**dims))) for a in described.outputs
        ]
        self.dstate = nest.pack(self.random.normal(size=shape) for shape in shapes)

    def loss(self) -> float:
        y, state, _ = self.cell.forward(self.inputs, self.given, **self.options)
        outputs = y if isinstance(y, tuple) else (y,)
        unpack = self.cell._state_structure.unpack
        pairs = [*zip(outputs, self.dy, strict=True)]
        pairs += zip(unpack("state", state), unpack("state", self.dstate), strict=True)
        return float(sum(np.sum(a * b) for a, b in pairs))

    def named_states(self) -> dict[str, Values]:
        names = [state.name for state in self.cell.description.states]
        return dict(zip(names, self.states, strict=True)) if self.given is not None else {}

    def named_cotangents(self) -> dict[str, Values]:
        """Those of final states."""
        names = [state.name for state in self.cell.description.states]
        found = self.cell._state_structure.unpack("dstate", self.dstate)
        return dict(zip(names, found, strict=True))

    def run(self) -> Iterator[Checked]:
        _, _, tape = self.cell.forward(self.inputs, self.given, **self.options)
        grads = self.cell.backward(tape, tuple(self.dy), self.dstate)
        for name, array in self.cell.params.items():
            yield self.compare("parameter", name, array, grads.params[name])
        for name, array in self.inputs.items():
            yield self.compare("input", name, array, grads.inputs[name])
        if self.given is not None:
            found = self.cell._state_structure.unpack("state", grads.state)
            for slot, array, gradient in zip(
                self.cell.description.states, self.states, found, strict=True
            ):
                yield self.compare("state", slot.name, array, gradient)

    def compare(self, kind: str, name: str, array: Values, gradient: Values) -> Checked:
        directions = list(self.directions(array.shape))
        scale = max(1.0, float(np.max(np.abs(gradient), initial=0.0)))
        wanted = [float(np.sum(gradient * d)) for d in directions]
        if self.slopes is not None:
            known = [self.slopes(self, kind, name, direction) for direction in directions]
            errors = [abs(a - b) / scale for a, b in zip(known, wanted, strict=True)]
        else:
            each = zip(directions, wanted, strict=True)
            errors = [self.error(array, direction, want, scale) for direction, want in each]
        return Checked(kind, name, array.shape, len(directions), float(np.max(errors, initial=0.0)))

    def error(self, array: Values, direction: Values, want: float, scale: float) -> float:
        """How far a derivative is off, by the step that serves it best; NaN where it is one."""
        best = float("inf")
        for step in STEPS:
            found = abs(slope(self.loss, array, direction, step) - want) / scale
            best = found if np.isnan(found) else min(best, found)
            if best <= GOOD:
                break
        return best

    def directions(self, shape: tuple[int, ...]) -> Iterator[Values]:
        """Unit vectors: all of them, or a random choice; and a random direction."""
        size = int(np.prod(shape))
        for index in self.random.permutation(size)[:AXES]:
            axis = np.zeros(size)
            axis[index] = 1.0
            yield axis.reshape(shape)
        if size:
            random = self.random.normal(size=shape)
            yield random / np.sqrt(np.sum(random * random))


def slope(loss: Callable[[], float], array: Values, direction: Values, step: float) -> float:
    """The derivative of the loss along a direction, by differences of fourth order."""
    before = array.copy()

    def at(distance: float) -> float:
        array[...] = before + distance * step * direction
        return loss()

    try:
        return (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * step)
    finally:
        array[...] = before
