"""Derivatives by a step into the complex plane.  In: a cell and its source.  Out: slopes.

    exact = ComplexStep(cell, "spiking.cell", "Spiking", root)
    exact.slope(probe, "parameter", "h.b", direction)       the derivative of the probe's loss
    exact.equations("h.b")                                  the equations that read it

For cells that stop gradients, have surrogates, or may stand at a kink, of which differences know
nothing.  The reference evaluator gives stopped values no imaginary part, surrogates that of their
path, and kinks what the language says: what is left is the derivative that `backward` should find.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from celldsl.cli.options import front_of
from celldsl.ir.ops.table import OPS

if TYPE_CHECKING:
    from celldsl.ir.program import Program
    from celldsl.runtime.cell.cell import Cell
    from celldsl.runtime.gradcheck import GradientProbe

UNCLIPPED = 2.0**-60
STEP = 1e-200  # its square is 0, so real parts stay as they are, on the edge of a step too


class ComplexStep:
    """Derivatives of a built cell by its program; `needed` where differences do not find them."""

    def __init__(self, cell: Cell, file: str, name: str, root: str | None) -> None:
        described = cell.description
        structure = {h.name: cell.hypers[h.name] for h in described.hypers if h.fixed}
        structure |= {d.name: cell.dims[d.name] for d in described.dims if d.fixed is not None}
        self.cell = cell
        self.program = front_of(file, name, root, structure).program
        # What clips gradients is checked with gradients that are not clipped.
        clips = any(node.op == "clip_gradient" for node in self.program.nodes())
        self.weight = UNCLIPPED if clips else 1.0
        # Where a gradient is stopped or changed, or a function bends.
        self.needed = any(OPS[node.op].slope != "smooth" for node in self.program.nodes())

    def slope(self, probe: GradientProbe, kind: str, array: str, direction: Any) -> float:
        leaves, starts = leaves_of(self.cell, self.program, probe), probe.named_states()
        moved = starts if kind == "state" else leaves
        moved[array] = moved[array] + 1j * STEP * direction
        return _loss(self.cell, self.program, probe, leaves, starts).imag / STEP

    def equations(self, name: str) -> list[str]:
        """`f = sigmoid(…) (line 8)` for each equation that reads a parameter, input or state."""
        found = [
            f"`{node.origin.text}` (line {node.origin.line})"
            for node in self.program.nodes()
            if name in node.args and node.origin is not None
        ]
        return list(dict.fromkeys(found))


def leaves_of(cell: Cell, program: Program, probe: GradientProbe) -> dict[str, Any]:
    """What the reference reads, by name."""
    read = {leaf.name for leaf in program.leaves if leaf.kind == "hyper"}
    hypers = {name: np.float64(v) for name, v in cell.hypers.items() if name in read}
    arrays = {name: np.array(a) for own in (cell.consts, cell.params) for name, a in own.items()}
    return {**hypers, **arrays, **probe.inputs}


def _loss(
    cell: Cell,
    program: Program,
    probe: GradientProbe,
    leaves: Mapping[str, Any],
    starts: Mapping[str, Any],
) -> complex:
    from celldsl.targets.reference import evaluate

    run = evaluate(program, leaves, cell.dims, probe.steps, probe.batch, starts)
    outputs = zip(cell.description.outputs, probe.dy, strict=True)
    total = sum((run.results["output", o.name] * dy).sum() for o, dy in outputs)
    finals = probe.named_cotangents().items()
    return complex(total + sum((run.finals[name] * d).sum() for name, d in finals))
