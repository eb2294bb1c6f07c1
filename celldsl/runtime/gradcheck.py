"""Are a cell's gradients right?  In: a cell of float64.  Out: the error for each array.

    for found in check_gradients(cell):
        print(found.name, found.error)          # h.W_x 3.1e-11

Compares `backward` with differences of `forward`, of fourth order, along every axis of a small
array and along some axes and directions of a large one.  The loss is a random weighting of all
outputs and final states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from celldsl.runtime.arrays.inputs import drawn_input
from celldsl.runtime.arrays.options import Option
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.description import Array
from celldsl.runtime.errors import ArgumentError

# probe, kind and name of an array, direction -> the derivative of the probe's loss
Slopes = Callable[["GradientProbe", str, str, Values], float]
Ranges = Mapping[str, tuple[float, float]]
# The later ones where the first are too coarse: sharp bends, as of a norm over few elements.
STEPS = (1e-3, 1e-4, 1e-5)
GOOD = 1e-9
AXES = 24


@dataclass(frozen=True, slots=True)
class Difference:
    """One derivative, along `along`: as `backward` gives it and as it should be.

    `step` is that of the differences, None where the value is from elsewhere.
    """

    error: float
    along: str
    backward: float
    wanted: float
    step: float | None


@dataclass(frozen=True, slots=True)
class Checked:
    """`error` is the largest difference, relative to the largest derivative or 1: that of `worst`.

    `doubt` says how far differences with several steps are apart themselves, relative likewise:
    an error that is not larger says nothing about `backward`.
    """

    kind: str
    name: str
    shape: tuple[int, ...]
    directions: int
    error: float
    worst: Difference | None = None
    doubt: float = 0.0


def check_gradients(
    cell: Cell,
    steps: int = 5,
    batch: int = 3,
    seed: int = 0,
    given: bool = True,
    lengths: object = None,
    reverse: bool = False,
    slopes: Slopes | None = None,
    ranges: Ranges | None = None,
    arbiter: Slopes | None = None,
    weight: float = 1.0,
) -> Iterator[Checked]:
    """Checks parameters, inputs and, where states are `given`, states, one after the other.

    Masks are drawn, and stay the same.  `slopes` gives derivatives from elsewhere where differences
    are none, of a pass without masks; `arbiter` does so where differences disagree with `backward`:
    near a pole they are too coarse.  `ranges` has an interval by name for inputs and states to be
    drawn from, instead of from a normal distribution.  `backward` is given cotangents of that
    `weight`, and what it gives is divided by it: gradients that small are clipped nowhere.  `cell`
    must be of float64 and `ranges` of its inputs and states, else ArgumentError; its parameters are
    as they were afterwards.
    """
    if cell.dtype != np.float64:
        raise ArgumentError(f"dtype: gradients are checked in float64; build {cell.dtype} so")
    probe = GradientProbe(
        cell, steps, batch, seed, given, lengths, reverse, slopes, ranges or {}, arbiter, weight
    )
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
        lengths: object,
        reverse: bool,
        slopes: Slopes | None,
        ranges: Ranges,
        arbiter: Slopes | None,
        weight: float = 1.0,
    ) -> None:
        self.cell = cell
        self.weight = weight
        self.slopes = slopes
        self.arbiter = None if cell.description.masks else arbiter
        self.random = np.random.default_rng(seed)
        self.ranges = ranges
        described, dims = cell.description, cell.dims
        names = [a.name for a in (*described.inputs, *described.states)]
        for name in ranges:
            if name not in names:
                told = f"there are {', '.join(names)}"
                raise ArgumentError(f"ranges: no input or state is called {name}; {told}")
        self.steps, self.batch = steps, batch
        self.inputs = {
            a.name: self.draw_input(a, drawn_input(a, dims, (steps, batch), self.random))
            for a in described.inputs
        }
        nest = cell._state_structure
        shapes = [(batch, *a.shape(**dims)) for a in described.states]
        self.states = [
            self.draw(a.name, shape, 0.5) for a, shape in zip(described.states, shapes, strict=True)
        ]
        # One seed for all passes: masks stay as they are.
        self.options: dict[str, Option] = {"lengths": lengths, "reverse": reverse, "seed": seed}
        if slopes is not None:
            self.options |= {"seed": None, "training": False}
        self.given = nest.pack(self.states) if given else None
        self.dy = [
            self.random.normal(size=(steps, batch, *a.shape(**dims))) for a in described.outputs
        ]
        self.dstate = nest.pack(self.random.normal(size=shape) for shape in shapes)

    def draw(self, name: str, shape: tuple[int, ...], scale: float) -> Values:
        """Values for an input or a state, from its range where it has one."""
        if name in self.ranges:
            return self.random.uniform(*self.ranges[name], size=shape)
        return scale * self.random.normal(size=shape)

    def draw_input(self, described: Array, drawn: Values) -> Values:
        """What was drawn, or values of the input's range where it has one."""
        if described.name not in self.ranges:
            return drawn
        if described.kind != "real":
            told = f"{described.name} is {described.text}, and drawn from all its values"
            raise ArgumentError(f"ranges: {told}")
        return self.draw(described.name, drawn.shape, 1.0)

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
        nest = self.cell._state_structure
        dstate = nest.pack(self.weight * d for d in nest.unpack("dstate", self.dstate))
        grads = self.cell.backward(tape, tuple(self.weight * d for d in self.dy), dstate)
        for name, array in self.cell.params.items():
            yield self.compare("parameter", name, array, grads.params[name])
        for name, gradient in grads.inputs.items():
            yield self.compare("input", name, self.inputs[name], gradient)
        if self.given is not None:
            found = self.cell._state_structure.unpack("state", grads.state)
            for slot, array, gradient in zip(
                self.cell.description.states, self.states, found, strict=True
            ):
                yield self.compare("state", slot.name, array, gradient)

    def compare(self, kind: str, name: str, array: Values, gradient: Values) -> Checked:
        gradient = gradient / self.weight
        scale = max(1.0, float(np.max(np.abs(gradient), initial=0.0)))
        found: list[tuple[Difference, float]] = []
        for along, direction in self.directions(array.shape):
            given = float(np.sum(gradient * direction))
            found.append(self.difference(kind, name, array, along, direction, given, scale))
        # NaN is the worst of all.
        worst, doubt = max(
            found, key=lambda each: (np.isnan(each[0].error), each[0].error), default=(None, 0.0)
        )
        error = 0.0 if worst is None else worst.error
        return Checked(kind, name, array.shape, len(found), error, worst, doubt)

    def difference(
        self,
        kind: str,
        name: str,
        array: Values,
        along: str,
        direction: Values,
        given: float,
        scale: float,
    ) -> tuple[Difference, float]:
        """How far a derivative is off, and how far differences are apart among themselves."""
        if self.slopes is not None:
            wanted = self.slopes(self, kind, name, direction)
            return Difference(abs(wanted - given) / scale, along, given, wanted, None), 0.0
        best, known = None, []
        for step in STEPS:
            wanted = slope(self.loss, array, direction, step)
            known.append(wanted)
            error = abs(wanted - given) / scale
            if best is None or error < best.error:
                best = Difference(error, along, given, wanted, step)
            if error <= GOOD:
                break
        assert best is not None
        if best.error > GOOD and self.arbiter is not None:
            wanted = self.arbiter(self, kind, name, direction)
            return Difference(abs(wanted - given) / scale, along, given, wanted, None), 0.0
        return best, (max(known) - min(known)) / scale

    def directions(self, shape: tuple[int, ...]) -> Iterator[tuple[str, Values]]:
        """Unit vectors, all or a random choice, and a random direction, each with its name."""
        size = int(np.prod(shape))
        for index in self.random.permutation(size)[:AXES]:
            axis = np.zeros(size)
            axis[index] = 1.0
            place = ", ".join(map(str, np.unravel_index(int(index), shape)))
            yield f"[{place}]", axis.reshape(shape)
        if size:
            random = self.random.normal(size=shape)
            yield "a random direction", random / np.sqrt(np.sum(random * random))


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
