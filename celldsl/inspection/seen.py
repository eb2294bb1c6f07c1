"""All that is seen of one run.  In: a cell and x.  Out: values, gradients, eigenvalues, words.

seen = look(cell, x)
print(seen.told())
The gradient of the last output loses 17 % per step back: it halves every 3.6 steps.
...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from celldsl.inspection.jacobian import LARGEST, spectrum
from celldsl.inspection.reach import Gradients, gradients
from celldsl.inspection.run import inputs_of
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.errors import NonFiniteError
from celldsl.structs import record

Array = NDArray[Any]
# Up to here a factor per step is as good as 1, and an influence as good as none.
STEADY, SLIGHT = 0.01, 0.02


@record
class Seen:
    """One run of a cell.

    `values` are (T, B, …) by name, states as they go into each step; `eigenvalues` (T, S), or None
    of a state that is too large for them; `lost` is the first step at which a name has a value that
    is not finite, and `equation` where that began.
    """

    name: str
    values: Mapping[str, Array]
    gradients: Gradients
    eigenvalues: Array | None
    lost: Mapping[str, int]
    equation: str
    row: int

    def told(self) -> str:
        """Does it forget, does its gradient vanish, and where?"""
        return "\n".join([*self._lost(), *self._reach(), *self._where(), *self._saturated()])

    def _lost(self) -> Iterator[str]:
        if self.lost:
            name, step = min(self.lost.items(), key=lambda item: item[1])
            yield f"Values leave the finite: first {name}, at step {step} (counted from 0)."
            yield from (f"    {line}" for line in self.equation.splitlines() if line.strip())

    def _reach(self) -> Iterator[str]:
        total, per_step = self.gradients.total, self.gradients.per_step
        steps = len(total) - 1
        if steps < 1 or not np.isfinite(per_step):
            yield "There is no gradient to follow: of the last output, by the state before it."
            return
        left = total[0] / total[-1] if total[-1] > 0 else float("nan")
        over = f"{left:.2g} of it is left {steps} steps back"
        if per_step < 1 - STEADY:
            half = np.log(2) / -np.log(per_step)
            loss = f"loses {100 * (1 - per_step):.2g} % per step back: it halves every {half:.2g}"
            yield f"The gradient of the last output {loss} steps, and {over}."
        elif per_step > 1 + STEADY:
            gain = f"grows by {100 * (per_step - 1):.2g} % per step back: it explodes"
            yield f"The gradient of the last output {gain}, and {over}."
        else:
            yield f"The gradient of the last output keeps its size on the way back: {over}."

    def _where(self) -> Iterator[str]:
        shares = self._shares()
        if len(shares) > 1:
            told = ", ".join(f"{share:.0%} in {name}" for name, share in shares.items())
            yield f"What comes back to the first step is {told}."
        known = {n: v for n, v in self.gradients.influence.items() if np.isfinite(v)}
        # What looks the same stays in the order of the equations, whatever the last bits say.
        ranked = sorted(known.items(), key=lambda item: -abs(float(f"{item[1]:.2g}")))
        strong = [(name, v) for name, v in ranked if abs(v) > SLIGHT]
        if strong:
            name, value = strong[0]
            more = f"with 1 % more of it {abs(value):.2g} % {'more' if value > 0 else 'less'}"
            others = ", ".join(f"{n} {v:+.2g}" for n, v in strong[1:4])
            yield f"It is decided at {name}: {more} is left after each step" + (
                f" (then {others})." if others else "."
            )
        elif np.isfinite(self.gradients.per_step):
            yield "No gate decides it: what is left after each step is the weights' doing."

    def _shares(self) -> dict[str, float]:
        """Of the square of the gradient at the first step, what each state has."""
        norms = {name: float(self.gradients.norms[name][0]) ** 2 for name in self.gradients.states}
        whole = sum(norms.values())
        return {name: part / whole for name, part in norms.items()} if whole > 0 else {}

    def _saturated(self) -> Iterator[str]:
        for name in gates(self.values):
            value = self.values[name]
            low, high = float((value < 0.05).mean()), float((value > 0.95).mean())
            told = f"{name} is {value.mean():.2f} on average"
            if low + high > 0.25:
                told += f", below 0.05 for {low:.0%} and above 0.95 for {high:.0%}"
                told += ": little gradient goes into it there"
            yield f"{told}."


def gates(values: Mapping[str, Array]) -> list[str]:
    """Names whose values all lie strictly between 0 and 1, as those of a sigmoid do."""
    return [
        name
        for name, value in values.items()
        if value.dtype.kind == "f" and value.size and value.min() > 0 and value.max() < 1
    ]


def look(cell: Cell, x: object, *, row: int = 0, seed: int = 0) -> Seen:
    """Runs a cell over x (T, B, …) and follows the gradient of its last outputs back.

    `row` is the sequence whose eigenvalues are found, `seed` draws the gradient's direction.
    """
    inputs = inputs_of(cell, x)
    values = cell.trace(inputs.arrays)
    states = [state.name for state in cell.description.states]
    values |= cell.trace(inputs.arrays, states)
    lost = {name: step for name, array in values.items() if (step := first_lost(array)) is not None}
    size = sum(values[name][0, 0].size for name in states)
    return Seen(
        cell.description.name,
        values,
        gradients(cell, inputs.arrays, seed=seed),
        spectrum(cell, inputs.arrays, row=row) if size <= LARGEST else None,
        lost,
        _equation(cell, inputs.arrays) if lost else "",
        row,
    )


def first_lost(array: Array) -> int | None:
    """The first step with a value that is not finite."""
    if array.dtype.kind not in "fc":
        return None
    steps = np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))
    return int(steps[0]) if len(steps) else None


def _equation(cell: Cell, arrays: Mapping[str, Array]) -> str:
    """What a check of the numbers says of it."""
    try:
        cell.forward(dict(arrays), training=False, check_numerics=True)
    except NonFiniteError as error:
        return str(error)
    return ""
