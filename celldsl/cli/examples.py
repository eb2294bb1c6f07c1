"""The cells that come with celldsl.  In: nothing.  Out: their files, and what the index says.

for entry in read_index().values():
    print(entry.family, entry.name, summary_of(entry.path))
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from celldsl.structs import record

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_DOCSTRING = re.compile(r"\"\"\"\s*([^\n\"]+)")


@record
class Entry:
    """`rows` are cells of libraries that it agrees with, and the settings under which it does."""

    name: str
    path: Path
    rows: dict[str, dict[str, Any]]

    @property
    def family(self) -> str:
        return self.path.parent.name


@record
class Index:
    """`families` and `libraries` are in the order of the file, as its `cells` are."""

    families: dict[str, str]
    libraries: dict[str, str]
    cells: dict[str, Entry]


def examples_folder() -> Path:
    """Beside the package in a wheel, at the top of a checkout."""
    package = Path(__file__).resolve().parent.parent
    beside = package / "examples"
    return beside if beside.is_dir() else package.parent / "examples"


def read_index() -> Index:
    paths = {path.stem: path for path in example_paths()}
    text = (examples_folder() / "index.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)
    cells = {name: Entry(name, paths[name], cell["rows"]) for name, cell in found["cell"].items()}
    return Index(found["family"], found["library"], cells)


def example_paths() -> list[Path]:
    """By folder, which is the family of a cell, and by name."""
    return sorted(examples_folder().rglob("*.cell"))


def example_path(name: str) -> Path:
    """Raises KeyError where no such cell comes along."""
    return {path.stem: path for path in example_paths()}[name]


def summary_of(path: Path) -> str:
    """The first line of the first docstring."""
    found = _DOCSTRING.search(path.read_text(encoding="utf-8"))
    return found.group(1).strip() if found else ""
