"""Warnings about a cell, in Python.  In: diagnostics, or what was kept of them.  Out: warnings.

    warnings.filterwarnings("error", category=celldsl.CellWarning)
    warnings.filterwarnings("ignore", "W0501", celldsl.CellWarning)

What `celldsl check` warns of, `load`, `compile_source` and the importer give as a `CellWarning`,
with the file and the line.  A module that was generated before has its warnings beside it
(`kept_modules`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from celldsl.diagnostics.diagnostic import Diagnostic

# Under Python's default filter each is shown once in a process, however often a file is loaded.
_shown: dict[str | tuple[str, type[Warning], int], int] = {}


class CellWarning(UserWarning):
    """Something in a cell that is allowed and hardly meant: the text begins with its code."""


class Kept(TypedDict):
    """A warning as it lies beside a generated module."""

    text: str
    line: int


def kept_warnings(found: Iterable[Diagnostic]) -> list[Kept]:
    """The warnings for those who find the module later."""
    return [_kept(d) for d in found if d.severity == "warning"]


def _kept(found: Diagnostic) -> Kept:
    span = found.primary.span
    line, _ = span.source.line_column(span.start)
    hint = f" ({found.help})" if found.help else ""
    return {"text": f"{found.code}: {found.message}{hint}", "line": line}


def give_warnings(kept: Iterable[Kept], name: str) -> None:
    """Warns of what was kept with a module, which was made of the file `name`."""
    for each in kept:
        warnings.warn_explicit(
            each["text"], CellWarning, name, each["line"], module=name, registry=_shown
        )
