"""The compiler, for what a running cell asks it: which equation, and do two cells differ?

    compiler().equations(description.sources)

It is imported at the first question, and works from the sources that every class carries.  This is
the only file that knows of it, and of the tables of other libraries' weights; where they are not
installed there are none.

Cotangents of states after every step need an engine of their own:

    engine = engine_of_all_states(cell)
    run_back(tape, engine, [dy, dh, dc], [None, None])          # dh, dc: (T, B, …)

It is compiled of the same sources, with the states as outputs behind the cell's own, so that their
cotangents are those of outputs.  Its forward phases are those of the cell, and so are what a tape
and the parameters look like; it reads both where they are.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TypeAlias, TypeVar, cast

from celldsl.runtime.cell.built import BuiltCell
from celldsl.runtime.description import Description
from celldsl.runtime.errors import ArgumentError, WeightsError
from celldsl.runtime.exec.executor import Engine


@cache
def compiler() -> ModuleType | None:
    """The module `celldsl.questions`, or None."""
    try:
        return import_module("celldsl.questions")
    except ImportError:  # a module that stands alone has the runtime only
        return None


def observed_class(described: Description, observed: str, what: str) -> type[BuiltCell]:
    """The class of the same cell that has more outputs.  Raises ArgumentError where none is made.

    `what` is what was asked for.
    """
    found: type[BuiltCell] = compiler_for(described, what).observing(described, observed)
    return found


def compiler_for(described: Description, what: str) -> ModuleType:
    """The compiler, where code is to be made for what was asked.  Raises ArgumentError."""
    # What a module that stands alone carries goes by another name.
    asked = compiler() if __name__.startswith("celldsl.") else None
    if asked is None or not described.sources:
        raise ArgumentError(
            f"{what}: code of its own is compiled for it, and this module of {described.name} "
            f'stands alone; install celldsl and load the cell: celldsl.load("{described.source}")'
        )
    return asked


def exchange() -> ModuleType:
    """The module that exchanges weights with other libraries.  Raises WeightsError without it."""
    if not __name__.startswith("celldsl."):
        told = "weights of other libraries need celldsl installed; this module stands alone"
        raise WeightsError(told)
    return import_module("celldsl.layouts.exchange")


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
