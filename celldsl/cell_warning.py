"""Warnings about a cell, in Python.  In: diagnostics, or what was kept of them.  Out: warnings.

    warnings.filterwarnings("error", category=celldsl.CellWarning)
    warnings.filterwarnings("ignore", "W0501", celldsl.CellWarning)

What `celldsl check` warns of, `load`, `compile_source` and the importer give as a `CellWarning`,
with the file and the line.  A module that was generated before has its warnings beside it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from celldsl.files import replace_file

if TYPE_CHECKING:
    from celldsl.diagnostics.diagnostic import Diagnostic

_KEPT = "warnings.json"
# Under Python's default filter each is shown once in a process, however often a file is loaded.
_shown: dict[str | tuple[str, type[Warning], int], int] = {}


class CellWarning(UserWarning):
    """Something in a cell that is allowed and hardly meant: the text begins with its code."""


class Kept(TypedDict):
    """A warning as it lies beside a generated module."""

    text: str
    line: int


def keep_warnings(folder: Path, found: Iterable[Diagnostic]) -> None:
    """Writes the warnings for those who find the module later; nothing where there are none."""
    kept = [_kept(d) for d in found if d.severity == "warning"]
    if kept:
        replace_file(folder / _KEPT, [json.dumps(kept).encode()])


def _kept(found: Diagnostic) -> Kept:
    span = found.primary.span
    line, _ = span.source.line_column(span.start)
    hint = f" ({found.help})" if found.help else ""
    return {"text": f"{found.code}: {found.message}{hint}", "line": line}


def give_warnings(folder: Path, name: str) -> None:
    """Warns of what was kept in the folder of a module, which was made of the file `name`."""
    path = folder / _KEPT
    if path.is_file():
        kept: list[Kept] = json.loads(path.read_bytes())
        for each in kept:
            warnings.warn_explicit(
                each["text"], CellWarning, name, each["line"], module=name, registry=_shown
            )
