"""Files to compare.  In: a path, or the name of a cell that comes along.  Out: its Equations.

equations = equations_of(example_path("gru"))
nearest_to(equations, all_equations(), 5, "gru")
                    [("chung_gru", …), …]: cells with their equations, the most alike first
"""

from __future__ import annotations

from celldsl.comparison.reading import Equations, read_equations
from celldsl.comparison.term import alike
from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError
from celldsl.syntax.limits import read_source
from celldsl.syntax.parse import parse
from celldsl.zoo_index import CellFile, cell_name, class_name, example_paths

LEAST = 0.2  # what has less in common is no relative


def equations_of(path: CellFile) -> Equations:
    """Those of the file's last cell.  Raises CellError and OSError where it cannot be read."""
    report = Report()
    source = read_source(path, report)
    file = None if source is None else parse(source, report)
    if file is None or report.has_errors:
        raise CellError(report.diagnostics)
    return read_equations(file, class_name(path))


def all_equations() -> dict[str, Equations]:
    return {cell_name(path): equations_of(path) for path in example_paths()}


def nearest_to(
    one: Equations, others: dict[str, Equations], count: int, own: str = ""
) -> list[tuple[str, Equations]]:
    """The cells with the most parts in common, without the one that is called `own`."""
    seen = one.bag()
    rated = [(alike(seen, found.bag()), name) for name, found in others.items() if name != own]
    best = sorted((rated for rated in rated if rated[0] >= LEAST), key=lambda r: (-r[0], r[1]))
    return [(name, others[name]) for _, name in best[:count]]
