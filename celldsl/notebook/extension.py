"""The extension of IPython.  In: a notebook.  Out: `%%cell`, and views of cells and arrays.

    %load_ext celldsl

    %%cell
    cell Mine[I, H]:
        …

`Mine` is the class from then on, and later blocks may read it, as they may functions.  A mistake
is shown as `celldsl check` shows it, and nothing else.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from IPython.core.magic import Magics, cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from celldsl.api import compile_source
from celldsl.cell_warning import CellWarning
from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError
from celldsl.diagnostics.render import render_text
from celldsl.diagnostics.span import Source, Span
from celldsl.diagnostics.suggest import nearest
from celldsl.editors.symbols import Names
from celldsl.editors.words import words
from celldsl.notebook.views import (
    arrays_html,
    cell_html,
    class_html,
    gradients_html,
    has_arrays,
    parameters_html,
)
from celldsl.pipeline import check_text
from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.cell.built import Gradients
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.cell.cell_class import CellClass
from celldsl.semantics.subcells import subs
from celldsl.syntax import ast
from celldsl.syntax.parse import parse

# All that stands below `%%cell` is compiled under one name, so that the same text is found again.
FILE = "notebook.cell"
VIEWS = {
    CellClass: class_html, Cell: cell_html, Gradients: gradients_html, Parameters: parameters_html,
}  # fmt: skip


def load(shell: Any) -> None:
    """`%load_ext celldsl`: the magic, and views for what cells are and give."""
    shell.register_magics(CellMagics(shell))
    html = shell.display_formatter.formatters["text/html"]
    for kind, view in VIEWS.items():
        html.for_type(kind, view)
    # States and outputs are named tuples of types that each cell has of its own.
    html.for_type(tuple, _tuple_html)


def unload(shell: Any) -> None:
    html = shell.display_formatter.formatters["text/html"]
    for kind in (*VIEWS, tuple):
        html.pop(kind, None)
    shell.magics_manager.magics["cell"].pop("cell", None)


def _tuple_html(value: tuple[object, ...]) -> str | None:
    """None leaves other tuples as they are."""
    return arrays_html(value) if has_arrays(value) else None


@magics_class
class CellMagics(Magics):  # type: ignore[misc]
    """`known` has what earlier blocks define and use, by name, as it was written."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self.known: dict[str, str] = {}

    @magic_arguments()  # type: ignore[untyped-decorator]
    @argument("--root", default=".", help="the folder that files which are used lie in")  # type: ignore[untyped-decorator]
    @argument("--quiet", action="store_true", help="show nothing of the cells")  # type: ignore[untyped-decorator]
    @cell_magic  # type: ignore[untyped-decorator]
    def cell(self, line: str, text: str) -> None:
        """Compiles what stands below; its cells are classes of the notebook from then on."""
        asked = parse_argstring(self.cell, line)
        root = Path(asked.root).resolve()
        own = _read(text)
        whole = with_earlier(text, own, self.known)
        _check(whole, len(text), f"In [{self.shell.execution_count}]", root)
        for cell in _cells(own):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CellWarning)
                found = compile_source(whole, cell.name.id, root, FILE)
            self.shell.user_ns[cell.name.id] = found
        self.known |= _written(own)
        for name in () if asked.quiet else _outer(own):
            display(self.shell.user_ns[name])


def with_earlier(text: str, own: ast.File, known: Mapping[str, str]) -> str:
    """A text with what it reads of earlier blocks below it, so that its places stay as they are.

    What it may have meant is there too, for words on a mistake.
    """
    defined = set(_written(own))
    found: dict[str, str] = {}
    waiting = [own]
    while waiting:
        file = waiting.pop()
        meant = {nearest(name, known) or name for name in _unknown(file)}
        for name in sorted(meant & known.keys() - defined - found.keys()):
            found[name] = known[name]
            waiting.append(_read(known[name]))
    return "\n\n".join([text, *found.values()]) if found else text


def _unknown(file: ast.File) -> set[str]:
    """The names that a text reads, and neither the text nor the language defines."""
    read = Names(file, file.span.source).found.values()
    return {each.key.name for each in read if not each.key.item} - set().union(*words().values())


def _written(file: ast.File) -> dict[str, str]:
    """What a text defines, by name, as it stands there."""
    found: dict[str, str] = {}
    for item in file.items:
        if isinstance(item, ast.Use):
            path = item.path_span.text
            found |= {n.alias: f"use {n.id} as {n.alias} from {path}\n" for n in item.names}
        else:
            found[item.name.id] = item.span.text + "\n"
    return found


def _check(text: str, own: int, name: str, root: Path) -> None:
    """Prints what is to be said of the first `own` characters.  Raises CellError."""
    report = check_text(text, name, root, root / FILE)
    if report.has_errors:
        raise CellError(report.diagnostics)
    for found in report.diagnostics:
        if found.primary.span.start < own:
            print(render_text(found, color=not os.environ.get("NO_COLOR")), end="\n\n")


def _outer(file: ast.File) -> list[str]:
    """Cells that are in no other."""
    cells = _cells(file)
    inner = {sub.cell.id for cell in cells for sub in subs(cell.body)}
    return [cell.name.id for cell in cells if cell.name.id not in inner]


def _cells(file: ast.File) -> list[ast.Cell]:
    return [item for item in file.items if isinstance(item, ast.Cell)]


def _read(text: str) -> ast.File:
    source = Source(FILE, text)
    return parse(source, Report()) or ast.File(None, (), span=Span(source, 0, 0))
