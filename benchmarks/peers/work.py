"""What every peer is asked for.  In: a cell, a shape, a seed.  Out: arrays for all.

work = Work(CELLS["gru"], (100, 32, 128, 128))
work.cell                    # ours, built; its parameters are everybody's
work.x, work.dy, work.starts, work.finals
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from cells import BenchCell

import celldsl
from celldsl.zoo_index import example_path

Shape = tuple[int, int, int, int]


@dataclass
class Work:
    """`finals` are the cotangents of the final states."""

    spec: BenchCell
    shape: Shape
    cell: Any = field(init=False)
    x: Any = field(init=False)
    dy: Any = field(init=False)
    starts: list[Any] = field(init=False)
    finals: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        steps, batch, inputs, hidden = self.shape
        cls: Any = celldsl.load(example_path(self.spec.name))
        self.cell = cls(**self.spec.dims(inputs, hidden), dtype="float32")
        rng = np.random.default_rng(0)
        if self.spec.name == "sru":
            inputs = hidden
        self.x = self._draw(rng, steps, batch, inputs)
        self.dy = self._draw(rng, steps, batch, hidden)
        self.starts = [self._draw(rng, batch, hidden) for _ in range(self.spec.states)]
        self.finals = [self._draw(rng, batch, hidden) for _ in range(self.spec.states)]

    def _draw(self, rng: np.random.Generator, *shape: int) -> Any:
        return rng.normal(size=shape).astype("float32")

    @property
    def weights(self) -> dict[str, Any]:
        """The parameters, merged as the table of cells says."""
        merged = self.spec.merge({name: np.array(a) for name, a in self.cell.params.items()})
        return dict(merged)

    @property
    def flops(self) -> int:
        """Those of the products of a forward pass; a training pass has three times as many."""
        steps, batch, *_ = self.shape
        matrices = [a for a in self.cell.params.values() if a.ndim == 2]
        return 2 * steps * batch * sum(a.size for a in matrices)
