"""The cells that come with celldsl.  In: nothing.  Out: their files, and what is known of them.

for entry in read_index().values():
    print(entry.family, entry.name, summary_of(entry.path))

`examples/index.toml` is written by hand: families, and which cell agrees with which library.
`examples/catalogue.toml` is made by `docs/make_cells.py` from the cells themselves.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from celldsl.diagnostics.suggest import nearest
from celldsl.package import files_below, shipped
from celldsl.structs import record

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from zipfile import Path as ZipPath

CellFile: TypeAlias = "Path | ZipPath"  # where celldsl itself lies in an archive
_DOCSTRING = re.compile(r"\"\"\"\s*([^\n\"]+)")
_CELL = re.compile(r"^cell (\w+)", re.MULTILINE)


@record
class Entry:
    """`rows` are cells of libraries that it agrees with, and the settings under which it does."""

    name: str
    path: CellFile
    rows: dict[str, dict[str, Any]]

    @property
    def family(self) -> str:
        folder = cast("CellFile", self.path.parent)
        return folder.name


@record
class Index:
    """`families` and `libraries` are in the order of the file, as its `cells` are.

    `left_out` has the rows that no cell is of, and why.
    """

    families: dict[str, str]
    libraries: dict[str, str]
    cells: dict[str, Entry]
    left_out: dict[str, str]


@record
class Known:
    """What was worked out of a cell: amounts as formulas in its dims.

    `parameters_alone` has every dim as H, `flops` and `state` are those of one step, and `source`
    is a digest of the file.
    """

    source: str
    parameters: str
    parameters_alone: str
    flops: str
    state: str


def examples_folder() -> CellFile:
    """In the package where it is installed, at the top of a checkout."""
    return cast("CellFile", shipped("examples"))


def read_index() -> Index:
    paths = {cell_name(path): path for path in example_paths()}
    found = _read_toml("index.toml")
    cells = {name: Entry(name, paths[name], cell["rows"]) for name, cell in found["cell"].items()}
    return Index(found["family"], found["library"], cells, found["left_out"])


def read_catalogue() -> dict[str, Known]:
    return {name: Known(**known) for name, known in _read_toml("catalogue.toml").items()}


def _read_toml(name: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((examples_folder() / name).read_text(encoding="utf-8"))
    return found


def example_paths() -> list[CellFile]:
    """By folder, which is the family of a cell, and by name."""
    return [cast("CellFile", file) for _, file in files_below(examples_folder(), (".cell",))]


def example_path(name: str) -> CellFile:
    """Raises KeyError where no such cell comes along."""
    return {cell_name(path): path for path in example_paths()}[name]


def cell_name(file: CellFile) -> str:
    """What `load` and the command line call a cell: its file's name without the suffix."""
    return file.name.removesuffix(".cell")


def unknown_cell(name: str, names: Iterable[str]) -> str:
    """A sentence for one who asks for a cell that does not come along."""
    known, plain = [*names], re.sub(r"[ -]", "_", name).lower()
    meant = plain if plain in known else nearest(name, known)
    hint = f"did you mean {meant}?" if meant else "`celldsl list` shows all"
    return f"no cell {name} comes with celldsl; {hint}"


def class_name(path: CellFile) -> str:
    """That of the file's last cell: those above it are parts of it."""
    names: list[str] = _CELL.findall(path.read_text(encoding="utf-8"))
    return names[-1]


def summary_of(path: CellFile) -> str:
    """The first line of the first docstring."""
    found = _DOCSTRING.search(path.read_text(encoding="utf-8"))
    return found.group(1).strip() if found else ""
