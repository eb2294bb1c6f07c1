"""The cells that come with celldsl, as classes.

    from celldsl import zoo

    cell = zoo.GRU(I=28, H=128)
    help(zoo.PeepholeLSTM)

`dir(zoo)` has all of them.  A class is made when it is first asked for, and its machine code when
it first runs.  `celldsl list` tells them apart, and docs/cells has a page for each.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from celldsl.zoo_index import CellFile, class_name, example_paths, unknown_cell

if TYPE_CHECKING:
    from celldsl.runtime.cell.cell import Cell


def __getattr__(name: str) -> type[Cell]:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    paths = _paths()
    if name not in paths:
        raise AttributeError(unknown_cell(name, paths))
    from celldsl.api import load

    return load(paths[name], name)


def __dir__() -> list[str]:
    return sorted(_paths())


@cache
def _paths() -> dict[str, CellFile]:
    return {class_name(path): path for path in example_paths()}
