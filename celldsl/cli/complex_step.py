"""Derivatives by a step into the complex plane.  In: a cell and its source.  Out: slopes.

    slopes = complex_slopes(cell, Path("spiking.cell"), "Spiking", root)
    slopes(probe, "parameter", "h.b", direction)        the derivative of the probe's loss

For cells that stop gradients, have surrogates, or may stand at a kink, of which differences know
nothing.  The reference evaluator gives stopped values no imaginary part, surrogates that of their
path, and kinks what the language says: what is left is the derivative that `backward` should find.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from celldsl.diagnostics.diagnostic import Report
from celldsl.ir.ops.table import OPS
from celldsl.pipeline import front
from celldsl.syntax.limits import read_source

if TYPE_CHECKING:
    from celldsl.ir.program import Program
    from celldsl.runtime.cell.cell import Cell
    from celldsl.runtime.gradcheck import GradientProbe, Slopes

STEP = 1e-200  # its square is 0, so real parts stay as they are, on the edge of a step too


def complex_slopes(cell: Cell, path: Path, name: str, root: str | None) -> Slopes | None:
    """None where differences say the same: no gradient is stopped or changed, and nothing bends."""
    described = cell.description
    structure = {h.name: cell.hypers[h.name] for h in described.hypers if h.fixed}
    structure |= {d.name: cell.dims[d.name] for d in described.dims if d.fixed is not None}
    report = Report()
    source = read_source(path, report)
    assert source is not None  # it was read a moment ago, to load the cell
    inside = Path(root) if root is not None else path.parent
    program = front(source, report, name, structure, inside, path).program
    if all(OPS[node.op].slope == "smooth" for node in program.nodes()):
        return None

    def slope(probe: GradientProbe, kind: str, array: str, direction: Any) -> float:
        leaves, starts = leaves_of(cell, program, probe), probe.named_states()
        moved = starts if kind == "state" else leaves
        moved[array] = moved[array] + 1j * STEP * direction
        return _loss(cell, program, probe, leaves, starts).imag / STEP

    return slope


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

    steps, batch = next(iter(probe.inputs.values())).shape[:2]
    run = evaluate(program, leaves, cell.dims, steps, batch, starts)
    outputs = zip(cell.description.outputs, probe.dy, strict=True)
    total = sum((run.results["output", o.name] * dy).sum() for o, dy in outputs)
    finals = probe.named_cotangents().items()
    return complex(total + sum((run.finals[name] * d).sum() for name, d in finals))
