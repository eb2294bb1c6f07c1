"""A built cell and what goes into it, for the reference.  In: a cell, x.  Out: leaves and dims.

All is computed in float64, node by node, so that a gradient of 1e-30 is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from celldsl.ir.program import Program
from celldsl.questions import lowered_of
from celldsl.runtime.arrays.validation import by_name
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.errors import ArgumentError
from celldsl.semantics.lower import Lowered
from celldsl.structs import record

Array = NDArray[Any]


@record
class Inputs:
    """`arrays` are (T, B, …) by name, (B, …) where they last a sequence."""

    arrays: Mapping[str, Array]
    steps: int
    batch: int


def inputs_of(cell: Cell, x: object) -> Inputs:
    """Raises ArgumentError where there is not at least one step of one sequence."""
    names = tuple(each.name for each in cell.description.inputs)
    given = [x] if isinstance(x, np.ndarray) and len(names) == 1 else by_name("inputs", x, names)
    arrays = {name: np.asarray(each) for name, each in zip(names, given, strict=True)}
    lowered = lowered_of(cell.description)
    each_step = [i.name for i in lowered.spec.inputs if i.per == "step"]
    lead = arrays[each_step[0]].shape[:2]
    if len(lead) < 2 or 0 in lead:
        told = f"{each_step[0]}: expected (T, B, …) with at least one step and one sequence"
        raise ArgumentError(f"{told}, got {arrays[each_step[0]].shape}")
    return Inputs(arrays, *lead)


def seen_of(cell: Cell) -> Lowered:
    """The cell as it was written, with the values of all its equations."""
    return lowered_of(cell.description, seen=True)


def leaves_of(cell: Cell, program: Program, inputs: Inputs) -> dict[str, Array]:
    """Every leaf but states, in float64."""
    numbers = {
        leaf.name: np.float64(cell.hypers[leaf.name])
        for leaf in program.leaves
        if leaf.kind == "hyper" and leaf.name in cell.hypers
    }
    own = {**cell.params, **cell.consts}
    arrays = {name: array.astype(np.float64) for name, array in own.items()}
    return {**numbers, **arrays, **{n: _wide(a) for n, a in inputs.arrays.items()}}


def _wide(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array
