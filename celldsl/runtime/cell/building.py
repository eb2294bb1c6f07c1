"""A cell's memory and first numbers.  In: an empty instance, its settings.  Out: a built cell.

    build(cell, settings)                       # parameters drawn from settings.seed
    rebuild(cell, *state_of_cell(other))        # a copy; what a pickle holds

Parameters and consts lie in one array each, with views by name over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, TypeVar

import numpy as np

from celldsl.jit.forks import ProcessLock
from celldsl.runtime.arrays.options import Option
from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.arrays.signature import Signature
from celldsl.runtime.arrays.validation import DType, Values
from celldsl.runtime.buffers import aligned_array
from celldsl.runtime.cell.built import BuiltCell
from celldsl.runtime.cell.check_numerics import checks_asked_for
from celldsl.runtime.cell.construction import Settings, check_settings
from celldsl.runtime.cell.hypers import Dims, Hypers
from celldsl.runtime.cell.initial import drawing
from celldsl.runtime.exec.executor import Engine
from celldsl.runtime.exec.no_memory import no_room_to_build
from celldsl.runtime.exec.steps import Steppers

Built = TypeVar("Built", bound=BuiltCell)
Arrays: TypeAlias = "Mapping[str, Values]"
# Settings, number of passes so far, parameters, consts.
CellState: TypeAlias = "tuple[dict[str, Option], int, Arrays, Arrays]"


def build(cell: Built, settings: Settings) -> Built:
    """Lays out the cell and draws its parameters.  Raises ArgumentError, MemoryError."""
    described = cell.description
    given, known = check_settings(described, settings)
    lay_out(cell, settings)
    try:
        _initialise(cell, known, given)
    except MemoryError as error:
        length = cell.params.whole.size + cell.consts.whole.size
        sizes = settings.dims, length, settings.dtype
        raise no_room_to_build(described.name, *sizes) from error
    return cell


def lay_out(cell: BuiltCell, settings: Settings) -> None:
    """Everything but the values of parameters and consts, which are 0."""
    described, dims, dtype = cell.description, settings.dims, settings.dtype
    cell._passes, cell._lock = 0, ProcessLock()
    cell._checked = checks_asked_for()
    names = tuple(each.name for each in described.inputs)
    cell._reads = names if described.backward_reads is None else described.backward_reads
    cell._every = None
    lengths = described.lengths
    flat, constants = (
        _room(described.name, length(**dims), dims, dtype)
        for length in (lengths.parameters, lengths.constants)
    )
    flat[:] = constants[:] = 0
    params = Parameters(flat, described.params, dims)
    consts = Parameters(constants, described.consts, dims)
    values = [float(settings.hypers[h.name]) for h in described.hypers if not h.fixed]
    engine = Engine(described, dims, values, flat, constants, params, settings.engine)
    structures = cell._state_structure, cell._output_structure
    cell._engine = engine
    cell._signature = Signature(described, dims, dtype, *structures)
    cell._steppers = Steppers(engine, cell._signature)
    # Past `__setattr__`, which holds what people assign against what is here.
    vars(cell).update(
        dims=Dims(described.name, dims),
        dtype=dtype,
        seed=settings.seed,
        params=params,
        hypers=Hypers(described, settings, engine, cell._steppers, consts),
    )


def state_of_cell(cell: BuiltCell) -> CellState:
    """All that `rebuild` needs, with arrays copied."""
    settings = {
        "dims": dict(cell.dims),
        "hypers": dict(cell.hypers),
        "dtype": cell.dtype,
        "seed": cell.seed,
        "given": dict.fromkeys(cell.hypers.given),
        "engine": cell._engine.made_by,
    }
    # By name: where arrays lie is another matter in every version.
    params, consts = (
        {name: np.array(array) for name, array in own.over(own.whole).items()}
        for own in (cell.params, cell.consts)
    )
    return settings, cell._passes, params, consts


def rebuild(
    cell: Built, settings: Mapping[str, Option], passes: int, params: Arrays, consts: Arrays
) -> Built:
    """The cell that was pickled or copied."""
    lay_out(cell, Settings(**settings))
    cell._passes = passes
    cell.consts.update(consts)
    cell.consts.freeze()
    cell.params.assign(params)
    return cell


def _initialise(cell: BuiltCell, known: Mapping[str, object], given: Mapping[str, Values]) -> None:
    for name, array in given.items():
        cell.consts[name][...] = array
    for name, array in cell.description.initial(drawing(cell.seed), known):
        if name not in given:
            own = cell.params if name in cell.params else cell.consts
            own[name][...] = array
    cell.consts.freeze()


def _room(name: str, length: int, dims: Mapping[str, int], dtype: DType) -> Values:
    """Memory for parameters or consts.  Raises MemoryError, and says of which sizes."""
    try:
        return aligned_array(length, dtype)
    except (MemoryError, ValueError, OverflowError) as error:
        raise no_room_to_build(name, dims, length, dtype) from error
