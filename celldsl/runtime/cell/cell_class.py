"""The class of classes of cells.  In: a class.  Out: its name in messages, and how it is pickled.

    repr(GRU)                   # <class 'GRU'>, wherever its module lies
    pickle.dumps(GRU)           # for one that `celldsl.load` made: its source and its structure

A class that stands in a module which can be imported is pickled by its name, as others are.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from typing import Any

from celldsl.runtime.cell.signatures import building_signature

# What opens a class again, and what it is called with.
Reopening = tuple[Callable[..., object], tuple[object, ...]]


class CellClass(type):
    """`reopened` says how to get the class in another process; None: by its module and name."""

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
    # One that somebody derived is found where it was written.
    return vars(cls).get("reopened") or cls.__qualname__


copyreg.pickle(CellClass, _pickled)  # type: ignore[arg-type]
