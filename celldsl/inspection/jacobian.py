"""How a step moves the state.  In: a cell and x.  Out: Jacobians along the run, their eigenvalues.

    jacobians(cell, x, row=0)       # (T, S, S): of the state after each step by the one before it
    spectrum(cell, x, row=0)        # (T, S) complex, the largest in amount first

S is how many numbers all states have together, in the order of `state`.  An eigenvalue of amount 1
keeps what lies along it; one below 1 forgets it, and its gradient vanishes; above 1 it explodes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from celldsl.inspection.run import Inputs, inputs_of, leaves_of
from celldsl.questions import lowered_of
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.errors import ArgumentError
from celldsl.targets.reference import gradients as reference_gradients
from celldsl.transforms.autodiff import differentiate

Array = NDArray[Any]
LARGEST, MOST_ROWS = 512, 4096


def jacobians(cell: Cell, x: object, *, row: int = 0) -> Array:
    """Of one sequence of the batch.  Raises ArgumentError where the state has over 512 numbers."""
    inputs = inputs_of(cell, x)
    program = lowered_of(cell.description).program
    names = [state.name for state in program.states]
    states = cell.trace(x, names)
    before = [states[name][:, row].astype(np.float64) for name in names]
    sizes = [each[0].size for each in before]
    if sum(sizes) > LARGEST:
        told = f"the state has {sum(sizes):,} numbers; Jacobians are for up to {LARGEST}"
        raise ArgumentError(told)
    pair = differentiate(program)
    steps = max(1, MOST_ROWS // sum(sizes))
    blocks = []
    for first in range(0, inputs.steps, steps):
        some = slice(first, first + steps)
        one = Inputs({n: _row(cell, n, a, row)[some] for n, a in inputs.arrays.items()}, 0, 0)
        blocks.append(_block(cell, pair, one, [each[some] for each in before], names, sizes))
    found: Array = np.concatenate(blocks)
    return found


def _row(cell: Cell, name: str, array: Array, row: int) -> Array:
    """(T, …) of one sequence; what lasts it is the same at all steps."""
    spec = next(i for i in lowered_of(cell.description).spec.inputs if i.name == name)
    return np.asarray(array[row])[None] if spec.per == "sequence" else array[:, row]


def _block(
    cell: Cell, pair: Any, inputs: Inputs, before: list[Array], names: list[str], sizes: list[int]
) -> Array:
    """Every step is a sequence of one step, once for each number of the state after it."""
    total, steps = sum(sizes), len(before[0])
    spec = lowered_of(cell.description).spec
    arrays = {}
    for each in spec.inputs:
        array = inputs.arrays[each.name]
        wide = np.broadcast_to(array, (steps, *array.shape[1:]))
        rows = np.repeat(wide, total, axis=0)
        arrays[each.name] = rows if each.per == "sequence" else rows[None]
    batch = steps * total
    starts = {n: np.repeat(b, total, axis=0) for n, b in zip(names, before, strict=True)}
    unit = np.tile(np.eye(total), (steps, 1))
    cuts = np.cumsum(sizes)[:-1]
    parts = np.split(unit, cuts, axis=1)
    finals = {n: p.reshape(starts[n].shape) for n, p in zip(names, parts, strict=True)}
    types = pair[0].types()
    zeros = {
        r.name: np.zeros((1, batch, *(s.evaluate(dict(cell.dims)) for s in types[r.value].shape)))
        for r in pair[0].results
    }
    leaves = leaves_of(cell, pair[0], Inputs(arrays, 1, batch))
    forward, backward = pair
    _, back = reference_gradients(
        forward, backward, leaves, dict(cell.dims), 1, batch, zeros, starts, finals
    )
    columns = [back.finals[name].reshape(batch, -1) for name in names]
    found: Array = np.concatenate(columns, axis=1).reshape(steps, total, total)
    return found


def spectrum(cell: Cell, x: object, *, row: int = 0) -> Array:
    """Eigenvalues at each step; NaN where the Jacobian is not finite."""
    matrices = jacobians(cell, x, row=row)
    finite = np.isfinite(matrices).all(axis=(1, 2))
    found = np.full(matrices.shape[:2], np.nan, complex)
    found[finite] = np.linalg.eigvals(matrices[finite])
    order = np.argsort(-np.abs(found), axis=1)
    ordered: Array = np.take_along_axis(found, order, axis=1)
    return ordered
