"""Does a cell compute what the library's does?  In: a cell, a module.  Out: a warning, if not.

Weights may fit in number and shape and mean something else: in Haiku's GRU `z` lets the new value
in, in PyTorch's it keeps the old.  The reference evaluates the cell, and the one that comes with
celldsl and is proven against the library, with the same random weights over a few steps.
"""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np

from celldsl.api import load
from celldsl.layouts.gates import Gate, assigned, gates_for
from celldsl.layouts.table import Layout, Module
from celldsl.questions import outputs_of
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.errors import WeightsWarning, caller_level
from celldsl.zoo_index import example_path

STEPS = 3
LARGEST = 1e-9  # of the difference between two orders of the same sums


Asked = tuple[tuple[str, str], ...]


def difference(cell: Cell, table: Layout, module: Module, asked: Asked) -> float:
    """By how much the outputs of the two differ; 0 where that is not known."""
    described = cell.description
    if len(described.inputs) != 1 or not all(const.value for const in described.consts):
        return 0.0  # the library's cell has one input, and no tables of somebody's own
    numbers = tuple((name, value) for name, value in cell.hypers.items())
    return _difference(type(cell), tuple(cell.dims.items()), numbers, table, module, asked)


def warn_of_another_function(cell: Cell, table: Layout, module: Module, asked: Asked) -> None:
    """A WeightsWarning where outputs differ, with the command that shows how the equations do."""
    found = difference(cell, table, module, asked)
    if found > LARGEST:
        name = cell.description.name
        warnings.warn(
            f"{name} computes something else than {table.title}'s {module.name} with these "
            f"weights: its outputs differ by up to {found:.2g} within {STEPS} steps.  "
            f"`{module.cell}` computes the same; `celldsl diff {module.cell} …` shows what differs",
            WeightsWarning,
            stacklevel=caller_level(),
        )


@lru_cache(maxsize=64)
def _difference(
    kind: type[Cell],
    dims: tuple[tuple[str, int], ...],
    hypers: tuple[tuple[str, object], ...],
    table: Layout,
    module: Module,
    asked: Asked,
) -> float:
    """The largest difference of outputs for random weights."""
    cell = kind(**dict(dims), **dict(hypers), dtype="float64")
    own, _ = assigned(module, gates_for(module, cell, dict(asked)), dict(asked), cell)
    proven = _proven(cell, module, next(iter(own.values())))
    other, problem = assigned(module, gates_for(module, proven, {}), {}, proven)
    assert not problem, (table.name, module.name, problem)
    random = np.random.default_rng(0)
    params: dict[str, Values] = {
        name: np.asarray(random.normal(0.0, 0.7, array.shape))
        for name, array in cell.params.items()
    }
    same: dict[str, Values] = {n: np.zeros(array.shape) for n, array in proven.params.items()}
    for gate, place in own.items():
        for source, name in place.weights.items():
            other[gate].of(same[other[gate].weights[source]])[...] = place.of(params[name])
        bias = other[gate].bias
        if bias is not None and place.bias is not None:
            other[gate].of(same[bias])[...] = place.of(params[place.bias])
    x = random.normal(0.0, 1.0, (STEPS, 1, *_input_shape(cell)))
    found = [_outputs(c, values, x) for c, values in ((cell, params), (proven, same))]
    if found[0].shape != found[1].shape:
        return float("inf")
    return float(np.abs(found[0] - found[1]).max())


def _proven(cell: Cell, module: Module, first: Gate) -> Cell:
    """The cell that comes along, in the sizes of this one, whose first gate is given."""
    sizes = {"I": _input_shape(cell)[-1], "H": first.size(cell.params)}
    known = load(example_path(module.cell))
    names = [dim.name for dim in known.description.dims]
    if "P" in names:
        sizes["P"] = cell.params[first.weights["h"]].shape[0]
    found: Cell = known(**{n: sizes[n] for n in names}, **module.settings, dtype="float64")
    return found


def _input_shape(cell: Cell) -> tuple[int, ...]:
    return tuple(cell.description.inputs[0].shape(**cell.dims))


def _outputs(cell: Cell, params: dict[str, Values], x: Values) -> Values:
    leaves = {**params, **cell.consts, cell.description.inputs[0].name: x}
    outputs = outputs_of(cell.description, cell.hypers, leaves, cell.dims, STEPS)
    return np.concatenate([array.reshape(STEPS, -1) for array in outputs], axis=1)
