"""What the tests of semantics share.  In: a cell's text.  Out: its program, run on random values.

cell = Lowered("cell C[I, H]: …", I=3, H=4)
cell.param("a.W_x"), cell.input("x")     the arrays that it ran on
cell.output("h"), cell.final("h")        (T, B, H), (B, H)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.ir.attributes import INITIALISER
from celldsl.ir.program import Program
from celldsl.ir.spec import CellSpec
from celldsl.ir.verify import verify
from celldsl.pipeline import check_source, front
from celldsl.targets.reference import Run, evaluate

T, B = 3, 2


def lower(text: str, cell: str | None = None, **structure: Any) -> tuple[Program, CellSpec]:
    """The verified program of a text without errors."""
    found = front(Source("test.cell", text), Report(), cell, structure)
    verify(found.program)
    return found.program, found.spec


def codes(text: str) -> list[str]:
    return [d.code for d in check_source(text).diagnostics]


def messages(text: str) -> list[str]:
    return [d.message for d in check_source(text).diagnostics]


def params(text: str, cell: str | None = None, **structure: Any) -> dict[str, str]:
    """The parameters of a cell and their shapes as text."""
    _, spec = lower(text, cell, **structure)
    return {p.name: ", ".join(map(str, p.shape)) for p in spec.params}


def initialisers(text: str) -> dict[str, str]:
    """How each parameter begins: the initialiser, or the last operation."""
    _, spec = lower(text)
    nodes = {node.name: node for node in spec.initial}
    found = {}
    for p in spec.params:
        assert p.value is not None
        node = nodes[p.value]
        found[p.name] = str(node[INITIALISER]) if node.op == "draw" else node.op
    return found


class Cell:
    """A lowered cell, run once with random values of its leaves."""

    def __init__(
        self,
        text: str,
        structure: Mapping[str, Any] | None = None,
        masks: Mapping[int, Any] | None = None,
        leaves: Mapping[str, Any] | None = None,
        cell: str | None = None,
        **dims: int,
    ) -> None:
        self.program, self.spec = lower(text, cell, **(structure or {}))
        rng = np.random.default_rng(0)
        fixed = {d.name: d.fixed for d in self.spec.dims if d.fixed is not None}
        self.dims = {**dims, **fixed}
        self.leaves: dict[str, Any] = {}
        for leaf in self.program.leaves:
            lead = (T, B) if leaf.kind == "input" else ()
            shape = (*lead, *(size.evaluate(self.dims) for size in leaf.type.shape))
            self.leaves[leaf.name] = rng.normal(size=shape)
        self.leaves.update({k: np.asarray(v, float) for k, v in (leaves or {}).items()})
        self.run: Run = evaluate(self.program, self.leaves, self.dims, T, B, masks=masks)

    def __getitem__(self, leaf: str) -> Any:
        return self.leaves[leaf]

    def output(self, name: str) -> Any:
        return self.run.results["output", name]

    def final(self, name: str) -> Any:
        return self.run.finals[name]

    def loop(self, step: Any, **states: Any) -> Any:
        """`step(x_t, state…)` over all steps; gives the stacked first result and the states."""
        outputs = []
        carried = tuple(states.values())
        for t in range(T):
            first, carried = step(t, *carried)
            outputs.append(first)
        return np.stack(outputs), carried


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
