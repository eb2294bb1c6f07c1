"""A random cell that is being written.  In: a source of random numbers.  Out: lines, and values.

draft.define((H,), "tanh(h0)")      'v0'; from now on others may read it
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.random_cells.size import Shape, shape_text


@dataclass
class Draft:
    """A cell as far as it is written: `values` can be read, by expression, and so can `complexes`;
    `integers` pick.
    """

    rng: random.Random
    masks: bool
    lines: list[str] = field(default_factory=list)
    declared: list[str] = field(default_factory=list)
    values: list[tuple[str, Shape]] = field(default_factory=list)
    integers: list[str] = field(default_factory=list)
    truths: list[str] = field(default_factory=list)
    complexes: list[tuple[str, Shape]] = field(default_factory=list)
    inner: bool = False
    counts: dict[str, int] = field(default_factory=dict)

    def name(self, letter: str) -> str:
        self.counts[letter] = self.counts.get(letter, -1) + 1
        return f"{letter}{self.counts[letter]}"

    def param(self, shape: Shape, kind: str = "") -> str:
        name = self.name("p")
        self.declared.append(f"param {name}: {kind}{shape_text(shape)}")
        return name

    def define(self, shape: Shape, expression: str) -> str:
        name = self.name("v")
        self.lines.append(f"{name} = {expression}")
        self.values.append((name, shape))
        return name

    def define_complex(self, shape: Shape, expression: str) -> str:
        name = self.name("z")
        self.lines.append(f"{name} = {expression}")
        self.complexes.append((name, shape))
        return name

    def complex_of_shape(self, shape: Shape) -> str:
        """A complex value of a shape, which is made of real ones where there is none."""
        found = [e for e, s in self.complexes if s == shape]
        if found and self.rng.random() < 0.7:
            return self.rng.choice(found)
        one, other = self.of_shape(shape), self.of_shape(shape)
        form = self.rng.choice(["exp(1i * {0})", "{0} - 0.5i * {1}", "0.7 * {0} + 0.7i"])
        return self.define_complex(shape, form.format(one, other))

    def pick(self, rank: int | None = None, shape: Shape | None = None) -> tuple[str, Shape] | None:
        """A value that can be read, newer ones more often."""
        fitting = [
            (e, s)
            for e, s in self.values
            if (rank is None or len(s) == rank) and (shape is None or s == shape)
        ]
        if not fitting:
            return None
        return fitting[max(self.rng.randrange(len(fitting)) for _ in range(2))]

    def of_shape(self, shape: Shape) -> str:
        """A value of a shape, which is made where there is none."""
        found = self.pick(shape=shape)
        if found is not None:
            return found[0]
        source, old = self.values[self.rng.randrange(len(self.values))]
        if not shape:
            return f"sum({self.of_shape(old[-1:])})" if old else source
        if len(shape) == 2:
            return f"outer({self.of_shape(shape[:1])}, {self.of_shape(shape[1:])})"
        vector = self.pick(rank=1) or self.pick(rank=0)
        operand = vector[0] if vector else f"sum(sum({source}))"
        return self.define(shape, f"linear({operand}, {shape[0].text})")
