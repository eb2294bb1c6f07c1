"""Declarations of inner cells.  In: `sub g = GRU[I, H]`.  Out: `g` with its states and parameters.

What the inner cell declares stands in the outer one under names that begin with `g.`.
"""

from __future__ import annotations

from collections.abc import Iterator

from celldsl.diagnostics.diagnostic import Label
from celldsl.diagnostics.span import Span
from celldsl.diagnostics.suggest import nearest
from celldsl.semantics.inner.settings import bind_dims, bind_hypers
from celldsl.semantics.inner.steps import inside
from celldsl.semantics.modules import Module
from celldsl.semantics.walk.scope import Binding
from celldsl.semantics.walk.values import Unknown, Value
from celldsl.semantics.walk.walk import MAX_DEPTH, Frame, Inner
from celldsl.syntax import ast


def declare_sub(f: Frame, s: ast.Sub) -> None:
    f.walk.count_equation(s.span)
    found = _cell(f, s)
    value: Value = Unknown()
    f.scopes[-1][s.name.id] = Binding("sub", value, s.name.span, len(f.iterations))
    f.walk.notes.declared[s.name.span] = ("sub", s.name.id)
    if found is None:
        return
    cell, home = found
    prefix = f.prefix + ".".join([s.name.id, *map(str, f.iterations)]) + "."
    f.walk.below.setdefault(f.prefix, []).append(prefix)
    frame = Frame(f.walk, home, [{}], prefix=prefix, base=prefix)
    if not (bind_dims(f, frame, cell, s) and bind_hypers(f, frame, cell, s)):
        return
    given = {dim.id: size.span for dim, size in zip(cell.dims, s.dims, strict=False)}
    inner = Inner(s.name.id, cell, home, frame, s.name.span, s.span, given)
    f.inner[s.name.id] = inner
    f.all_inner.append(inner)
    f.walk.cells.append(cell)
    inside(f, inner, lambda: f.walk.knots.declarations(frame, cell), s.cell)
    f.walk.cells.pop()


def _cell(f: Frame, s: ast.Sub) -> tuple[ast.Cell, Module] | None:
    name = s.cell.id
    if name not in f.home.cells:
        if name not in f.home.broken:
            near = nearest(name, f.home.cells)
            hint = f"did you mean `{near}`?" if near else "define it here, or `use` its file"
            f.error("E0101", f"there is no cell `{name}`", s.cell.span, help=hint)
        return None
    cell, home = f.home.cells[name]
    f.walk.notes.used.add(cell.name.span)
    if len(f.walk.cells) > MAX_DEPTH:
        told = f"inner cells nest more than {MAX_DEPTH} deep"
        f.error("E0303", told, s.cell.span, "one level too many")
        return None
    if cell in f.walk.cells:
        _report_circle(f, f.walk.cells[f.walk.cells.index(cell) :])
        return None
    return cell, home


def _report_circle(f: Frame, cells: list[ast.Cell]) -> None:
    """Cells that contain each other, from the first one on: the same from wherever they are met."""
    first = min(range(len(cells)), key=lambda at: cells[at].span.start)
    cells = [*cells[first:], *cells[:first], cells[first]]
    names = [cell.name.id for cell in cells]
    *others, last = [
        Label(span, f"`{outer.name.id}` holds `{inner}`")
        for outer, inner in zip(cells, names[1:], strict=False)
        if (span := _sub_of(outer.body, inner)) is not None
    ]
    message = f"cells contain each other: {' -> '.join(names)}"
    f.walk.report.add("E0307", message, last.span, last.text, secondary=tuple(others))


def _sub_of(body: tuple[ast.Statement, ...], cell: str) -> Span | None:
    """Where a body declares an inner cell of this sort."""
    return next((s.cell.span for s in subs(body) if s.cell.id == cell), None)


def subs(body: tuple[ast.Statement, ...]) -> Iterator[ast.Sub]:
    for s in body:
        match s:
            case ast.Sub():
                yield s
            case ast.For(body=held):
                yield from subs(held)
            case ast.If(body=held, orelse=orelse):
                yield from subs((*held, *(orelse or ())))
