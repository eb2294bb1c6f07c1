"""Cotangents of states after every step.  In: a cell.  Out: the engine that goes back with them.

    engine = engine_of_all_states(cell)
    run_back(tape, engine, [dy, dh, dc], [None, None])          # dh, dc: (T, B, …)

It is compiled of the same sources, with the states as outputs behind the cell's own, so that their
cotangents are those of outputs.  Its forward phases are those of the cell, and so are what a tape
and the parameters look like; it reads both where they are.
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar, cast

from celldsl.runtime.cell.built import BuiltCell
from celldsl.runtime.cell.compiler import observed_class
from celldsl.runtime.description import Description
from celldsl.runtime.exec.executor import Engine

Built = TypeVar("Built", bound=BuiltCell)
# Places by name (shape, offset, strides), where regions of the tape begin, and its length.
Laid: TypeAlias = "tuple[list[tuple[str, tuple[int, ...], int, tuple[int, ...]]], list[int], int]"


def engine_of_all_states(cell: BuiltCell) -> Engine:
    """Made at the first call for a cell.  Raises ArgumentError where there is no compiler."""
    found: Engine | None = cell._every
    if found is None:
        own: Engine = cell._engine
        described = observed_class(cell.description, "states", 'states="all"').description
        for each in (own.description, described):
            assert _layout(each, own.dims) == _layout(own.description, own.dims), own.description
        flat, constants = own.parameters, own.numbers.constants
        made_by, guard = own.made_by, own.guard
        found = Engine(described, own.dims, (), flat, constants, cell.params, made_by, guard)
        cell._every = found
    return found


def cell_with_states(cell: Built) -> Built:
    """A copy of the cell with more outputs: the states after every step, behind its own."""
    made = observed_class(cell.description, "states", 'states="all"')
    return cast(Built, made._rebuild(*cell.__reduce__()[1]))


def _layout(described: Description, dims: dict[str, int]) -> Laid:
    """How parameters, consts and a tape of some rows lie."""
    places = [
        (p.name, tuple(p.shape(**dims)), p.offset(**dims), tuple(p.strides(**dims)))
        for p in (*described.params, *described.consts)
    ]
    assert described.regions is not None
    extents = {**dims, "_R": 7, "_B": 3, "_S": 7, "_K": 7, "_parts": 2}
    tape = [int(begin) for _, begin in described.regions(**extents)["tape"]]
    return places, tape, int(described.lengths.tape(**extents))
