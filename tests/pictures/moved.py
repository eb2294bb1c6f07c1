"""Values of equations when one symbol has another value, and slopes by differences.

moved = Moved(values, "W", new, equations, evaluate)
moved["loss"]           computed anew from the equations between W and loss
slope(f, w)             the gradient of a number with respect to each element of w
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

Array = Any
# A sixth-order rule: what it leaves out is of the size of the last bits for smooth functions, and
# slopes of slopes keep half of the digits.
STEP, WEIGHTS = 2e-4, {1: 45 / 60, 2: -9 / 60, 3: 1 / 60}
# The symbols on the left, what stands on the right, and the tokens of that.
Line = tuple[tuple[str, ...], str, frozenset[str]]


class Moved(Mapping[str, Array]):
    """`evaluate(right, values, lines before it)`; what the symbol does not reach is as it was."""

    def __init__(
        self,
        values: Mapping[str, Array],
        symbol: str,
        value: Array,
        lines: Sequence[Line],
        evaluate: Callable[[str, Mapping[str, Array], Sequence[Line]], Array],
    ) -> None:
        self.values, self.lines, self.evaluate = values, lines, evaluate
        self.known = {symbol: value}
        self.defined: dict[str, int] = {}
        changed = {symbol}
        for place, (names, _, tokens) in enumerate(lines):
            if symbol not in names and not changed.isdisjoint(tokens):
                changed.update(names)
                self.defined.update(dict.fromkeys(names, place))

    def __getitem__(self, symbol: str) -> Array:
        if symbol not in self.known and symbol in self.defined:
            place = self.defined[symbol]
            names, right, _ = self.lines[place]
            found = self.evaluate(right, self, self.lines[:place])
            parts = found if isinstance(found, tuple) else (found,)
            self.known.update(zip(names, parts, strict=True))
        return self.known[symbol] if symbol in self.known else self.values[symbol]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)


def slope(function: Callable[[Array], Array], value: Array) -> Array:
    value = np.asarray(value, dtype=float)
    found = np.zeros(value.shape)
    for index in np.ndindex(value.shape):
        for steps, weight in WEIGHTS.items():
            for sign in (1, -1):
                moved = value.copy()
                moved[index] += sign * steps * STEP
                found[index] += sign * weight * float(function(moved)) / STEP
    return found
