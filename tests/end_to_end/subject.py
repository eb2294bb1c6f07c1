"""A cell under test.  In: a `.cell` file.  Out: its class, its programs, and data for both.

subject = subject_of(path)
subject.make({"I": 3, "H": 5})          an instance in float64 with drawn parameters
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from celldsl.api import load
from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.ir.program import Program
from celldsl.ir.size import Shape
from celldsl.ir.spec import ArraySpec, CellSpec, ParamSpec
from celldsl.pipeline import front
from celldsl.runtime.cell.cell import Cell
from celldsl.targets.reference import Run, evaluate, gradients
from celldsl.transforms.autodiff import differentiate

FEATURES = Path(__file__).parent / "feature_cells"
# Odd sizes of every dim that cells under test have, by name.
SIZES: tuple[dict[str, int], ...] = (
    {"I": 3, "H": 5, "P": 2, "K": 3, "N": 4, "C": 2, "L": 5, "Y": 3, "X": 4, "V": 6},
    {"I": 1, "H": 1, "P": 1, "K": 1, "N": 1, "C": 1, "L": 1, "Y": 1, "X": 1, "V": 1},
    {"I": 2, "H": 7, "P": 3, "K": 2, "N": 3, "C": 3, "L": 4, "Y": 2, "X": 3, "V": 9},
)

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """`program` is as it was lowered, `forward` and `backward` its differentiated form.

    Optimisations named in `without` are left out of the kernels.
    """

    path: Path
    structure: Mapping[str, Any]
    spec: CellSpec
    program: Program
    forward: Program
    backward: Program
    without: tuple[str, ...] = ()
    sizes: tuple[dict[str, int], ...] = SIZES
    engine: str = "llvm"

    def dims(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """A dim that the structure depends on stays what it was lowered with."""
        return {d.name: sizes[d.name] if d.fixed is None else d.fixed for d in self.spec.dims}

    def hypers(self) -> Arrays:
        """Hyperparameters that are read at run time, as they are by default."""
        leaves = {leaf.name for leaf in self.program.leaves if leaf.kind == "hyper"}
        return {h.name: np.float64(h.value) for h in self.spec.hypers if h.name in leaves}

    def shape(self, shape: Shape, dims: Mapping[str, int]) -> tuple[int, ...]:
        return tuple(size.evaluate(dims) for size in shape)

    def arrays(self) -> tuple[tuple[ParamSpec, ...], tuple[ParamSpec, ...]]:
        """Parameters and consts."""
        return self.spec.params, self.spec.consts

    def make(self, dims: dict[str, int], seed: int = 0) -> Cell:
        """An instance in float64; parameters are drawn, so that none is zero."""
        rng = np.random.default_rng(seed)
        consts = {
            c.name: rng.normal(size=self.shape(c.shape, dims))
            for c in self.spec.consts
            if c.value is None
        }
        cls: Any = load(self.path, main_cell(self.path), without=self.without)
        cell: Cell = cls(**dims, **consts, **self.structure, dtype="float64", engine=self.engine)
        for name in cell.params:
            cell.params[name][...] = rng.normal(size=cell.params[name].shape) * 0.5
        return cell

    def leaves(self, cell: Cell, inputs: Arrays) -> Arrays:
        """What the reference reads."""
        params = {n: np.array(a) for n, a in cell.params.items()}
        consts = {n: np.array(a) for n, a in cell.consts.items()}
        return {**self.hypers(), **consts, **params, **inputs}

    def draw_inputs(self, dims: dict[str, int], T: int, B: int, seed: int = 1) -> Arrays:
        rng = np.random.default_rng(seed)
        return {i.name: drawn(i, self.shape(i.shape, dims), dims, T, B, rng)
                for i in self.spec.inputs}  # fmt: skip

    def draw_outputs(self, dims: dict[str, int], T: int, B: int, seed: int = 2) -> Arrays:
        rng = np.random.default_rng(seed)
        return {o.name: rng.normal(size=(T, B, *self.shape(o.shape, dims)))
                for o in self.spec.outputs}  # fmt: skip

    def draw_states(self, dims: dict[str, int], B: int, seed: int = 3) -> Arrays:
        rng = np.random.default_rng(seed)
        return {s.name: rng.normal(size=(B, *self.shape(s.shape, dims)))
                for s in self.spec.states}  # fmt: skip

    def evaluate(
        self, leaves: Arrays, dims: dict[str, int], T: int, B: int, starts: Arrays | None
    ) -> Run:
        return evaluate(self.program, leaves, dims, T, B, starts)

    def gradients(
        self, leaves: Arrays, dims: dict[str, int], T: int, B: int, dy: Arrays,
        starts: Arrays | None, dstate: Arrays,
    ) -> tuple[Run, Run]:  # fmt: skip
        return gradients(self.forward, self.backward, leaves, dims, T, B, dy, starts, dstate)


def drawn(
    i: ArraySpec, shape: tuple[int, ...], dims: Mapping[str, int], T: int, B: int, rng: Any
) -> Any:
    """An array of an input."""
    full = (*((B,) if i.per == "sequence" else (T, B)), *shape)
    if i.limit is not None:
        return rng.integers(0, i.limit.evaluate(dims), size=full)
    return rng.random(full) < 0.5 if i.kind == "bool" else rng.normal(size=full)


def main_cell(path: Path) -> str:
    """The last cell of a file is the one under test; those before it are what it uses."""
    return re.findall(r"^cell (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)[-1]


@cache
def subject_of(path: Path, structure: tuple[tuple[str, Any], ...] = ()) -> Subject:
    """A cell with some of its structure chosen."""
    source = Source(path.name, path.read_text(encoding="utf-8"))
    chosen = dict(structure)
    lowered = front(source, Report(), main_cell(path), chosen, path.parent, path)
    forward, backward = differentiate(lowered.program)
    return Subject(path, chosen, lowered.spec, lowered.program, forward, backward)
