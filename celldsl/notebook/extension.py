"""The extension of IPython.  In: a notebook.  Out: `%%cell`, and views of cells and arrays.

    %load_ext celldsl

    %%cell
    cell Mine[I, H]:
        …

`Mine` is the class from then on.  A mistake is shown as `celldsl check` shows it, and nothing else.
"""

from __future__ import annotations

import os
import warnings
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
from celldsl.diagnostics.span import Source
from celldsl.notebook.array_view import arrays_html, gradients_html, has_arrays, parameters_html
from celldsl.notebook.cell_view import cell_html, class_html
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
    @magic_arguments()  # type: ignore[untyped-decorator]
    @argument("--root", default=".", help="the folder that files which are used lie in")  # type: ignore[untyped-decorator]
    @argument("--quiet", action="store_true", help="show nothing of the cells")  # type: ignore[untyped-decorator]
    @cell_magic  # type: ignore[untyped-decorator]
    def cell(self, line: str, text: str) -> None:
        """Compiles what stands below; its cells are classes of the notebook from then on."""
        asked = parse_argstring(self.cell, line)
        root = Path(asked.root).resolve()
        names = _checked(text, f"In [{self.shell.execution_count}]", root)
        for name in names:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CellWarning)
                found = compile_source(text, name, root, FILE)
            self.shell.user_ns[name] = found
        for name in () if asked.quiet else _outer(text):
            display(self.shell.user_ns[name])


def _checked(text: str, name: str, root: Path) -> list[str]:
    """The cells of a text; warnings are printed.  Raises CellError."""
    report = check_text(text, name, root, root / FILE)
    if report.has_errors:
        raise CellError(report.diagnostics)
    for found in report.diagnostics:
        print(render_text(found, color=not os.environ.get("NO_COLOR")), end="\n\n")
    return [cell.name.id for cell in _cells(text)]


def _outer(text: str) -> list[str]:
    """Cells that are in no other."""
    cells = _cells(text)
    inner = {sub.cell.id for cell in cells for sub in subs(cell.body)}
    return [cell.name.id for cell in cells if cell.name.id not in inner]


def _cells(text: str) -> list[ast.Cell]:
    file = parse(Source(FILE, text), Report())
    return [item for item in file.items if isinstance(item, ast.Cell)] if file else []
