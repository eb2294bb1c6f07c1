"""Steps of inner cells that are made for their states.  In: a cell.  Out: places of targets.

With `y = g(x)` and `h' = g.h'` nothing reads `y`, and the step is not in vain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from celldsl.diagnostics.span import Span
from celldsl.syntax import ast
from celldsl.syntax.walk import parts, statements


def steps_for_states(cell: ast.Cell) -> set[Span]:
    """Targets of equations whose inner cell is named in another place: there its state is read."""
    everything = list(statements(cell.body))
    inner = {s.name.id for s in everything if isinstance(s, ast.Sub)}
    equations = [s for s in everything if isinstance(s, ast.Equation)]
    named = Counter(name for s in equations for name in _owners(s.value))
    return {
        target.span
        for s in equations
        for target in s.targets
        if any(named[name] > 1 for name in _called(s.value) if name in inner)
    }


def _called(e: ast.Expr) -> Iterator[str]:
    if isinstance(e, ast.Call):
        yield e.function
    for part in parts(e):
        yield from _called(part)


def _owners(e: ast.Expr) -> Iterator[str]:
    """Names that are called, or have something read behind a dot."""
    if isinstance(e, ast.Call):
        yield e.function
    if isinstance(e, ast.Attribute):
        yield e.owner
    for part in parts(e):
        yield from _owners(part)
