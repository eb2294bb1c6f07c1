"""The compiler, for what a running cell asks it: which equation, and do two cells differ?

    compiler().equations(description.sources)

It is imported at the first question, and works from the sources that every class carries.  This is
the only file that knows of it, and of the tables of other libraries' weights; where they are not
installed there are none.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType

from celldsl.runtime.cell.built import BuiltCell
from celldsl.runtime.description import Description
from celldsl.runtime.errors import ArgumentError, WeightsError


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
