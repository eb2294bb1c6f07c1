"""The class of classes of cells.  In: a class.  Out: its name in messages, and how it is pickled.

    repr(GRU)                   # <class 'GRU'>, wherever its module lies
    pickle.dumps(GRU)           # for one that `celldsl.load` made: its source and its structure

The class of a generated module is pickled by its name, and with its source: where a process does
not find the module, such as a worker of a pool, the cell is compiled there.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from importlib import import_module
from typing import Any

from celldsl.jit.target import ALONE
from celldsl.runtime.cell.compiler import compiler
from celldsl.runtime.cell.wording import building_signature

# What opens a class again, and what it is called with.
Reopening = tuple[Callable[..., object], tuple[object, ...]]


class CellClass(type):
    """`reopened` says how to get the class in another process; None: by its module and name,
    or of the source that it carries."""

    reopened: Reopening | None = None

    @property
    def __signature__(cls) -> Any:
        # Of the class alone: an attribute of it would be that of its cells too.
        return _built_with(cls)

    def __repr__(cls) -> str:
        return f"<class '{cls.__qualname__}'>"


def _built_with(cls: Any) -> Any:
    if hasattr(cls, "description"):
        return building_signature(cls.description)
    raise AttributeError("__signature__")


def _pickled(cls: CellClass) -> str | Reopening:
    own = vars(cls)
    described = own.get("description")
    if own.get("reopened"):
        return own["reopened"]  # type: ignore[no-any-return]
    # One that somebody derived is found where it was written, and a module that stands alone
    # brings no compiler.
    if described is None or not described.sources or ALONE:
        return cls.__qualname__
    made_of = described.sources, described.name, described.structure, described.without
    return named_or_compiled, (cls.__module__, cls.__qualname__, *made_of)


def named_or_compiled(
    module: str,
    name: str,
    sources: tuple[tuple[str, str], ...],
    cell: str,
    structure: tuple[tuple[str, object], ...],
    without: tuple[str, ...],
) -> object:
    """The class of a module, or where there is no such module that of its cell."""
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError):
        asked = compiler()
        if asked is None:
            raise
        return asked.open_sources(sources, cell, dict(structure), without)


copyreg.pickle(CellClass, _pickled)  # type: ignore[arg-type]
