"""Steps of inner cells that are made for their states.  In: a cell.  Out: places of targets.

With `y = g(x)` and `h' = g.h'` nothing reads `y`, and the step is not in vain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from celldsl.diagnostics.span import Span
from celldsl.semantics.pole_lints import parts
from celldsl.syntax import ast


def steps_for_states(cell: ast.Cell) -> set[Span]:
    """Targets of equations whose inner cell is named in another place: there its state is read."""
    statements = list(_every(cell.body))
    inner = {s.name.id for s in statements if isinstance(s, ast.Sub)}
    equations = [s for s in statements if isinstance(s, ast.Equation)]
    named = Counter(name for s in equations for name in _owners(s.value))
    return {
        target.span
        for s in equations
        for target in s.targets
        if any(named[name] > 1 for name in _called(s.value) if name in inner)
    }


def _every(body: Iterable[ast.Statement]) -> Iterator[ast.Statement]:
    for s in body:
        yield s
        if isinstance(s, ast.For | ast.If):
            yield from _every(s.body)
        if isinstance(s, ast.If):
            yield from _every(s.orelse or ())


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
