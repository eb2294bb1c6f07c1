"""Declarations of inner cells.  In: `sub g = GRU[I, H]`.  Out: `g` with its states and parameters.

What the inner cell declares stands in the outer one under names that begin with `g.`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from celldsl.diagnostics.diagnostic import Fix, Label, Report
from celldsl.diagnostics.span import Span
from celldsl.diagnostics.suggest import nearest
from celldsl.ir.notes import Frame
from celldsl.semantics.context import MAX_DEPTH, Context, Environment, Inner
from celldsl.semantics.environment import Binding, CellValue, Sharing, Unknown, Value, a_kind
from celldsl.semantics.inner_settings import bind_dims, bind_hypers, is_open
from celldsl.semantics.modules import Module
from celldsl.structs import replace
from celldsl.syntax import ast

MAX_LABELS = 4


def declare_sub(f: Environment, s: ast.Sub) -> None:
    f.context.count_equation(s.span)
    own = ".".join([s.name.id, *map(str, f.iterations)]) + "."
    if f.again and f.prefix + own in f.context.inners:
        _hold_again(f, f.context.inners[f.prefix + own])
        return
    if s.shares is not None:
        _share(f, s, s.shares)
        return
    found = _cell(f, s)
    value: Value = Unknown()
    f.scopes[-1][s.name.id] = Binding("sub", value, s.name.span, len(f.iterations))
    f.context.usage.declared[s.name.span] = ("sub", s.name.id)
    if found is None:
        return
    cell, home = found
    sharing = f.sharing or Sharing(f"the inner cell `{s.name.id}`")
    env = _environment(f, home, f.prefix + own, f.cell_base + own, sharing)
    if not (bind_dims(f, env, cell, s) and bind_hypers(f, env, cell, s)):
        return
    pairs = list(zip(cell.dims, s.dims, strict=False))
    given = {dim.id: size.span for dim, size in pairs}
    inner = Inner(s.name.id, cell, home, env, s.name.span, s.span, given)
    inner.open = tuple(dim.id for dim, size in pairs if is_open(size))
    _hold(f, inner)
    if not inner.open:
        declare_inside(f, inner, s.cell)


def _environment(
    f: Environment, home: Module, prefix: str, base: str, sharing: Sharing
) -> Environment:
    """The body of an inner cell, whose parameters' names begin with `base`."""
    f.context.below.setdefault(f.prefix, []).append(prefix)
    return Environment(
        f.context, home, [{}], prefix=prefix, base=base, cell_base=base, sharing=sharing,
        around=f.where().loops, frames=frames_inside(f, prefix),
    )  # fmt: skip


def frames_inside(f: Environment, prefix: str) -> tuple[Frame, ...]:
    """The frames around the body of an inner cell."""
    return (*f.where().frames, f.frame(prefix.removeprefix(f.prefix).rstrip(".")))


def _hold(f: Environment, inner: Inner) -> None:
    f.inner[inner.name] = inner
    f.all_inner.append(inner)
    f.context.inners[inner.env.prefix] = inner


def declare_inside(f: Environment, inner: Inner, at: ast.Node) -> None:
    """The states and parameters of an inner cell whose sizes are known."""
    f.context.cells.append(inner.cell)
    inside(f, inner, lambda: f.context.callbacks.declarations(inner.env, inner.cell), at)
    f.context.cells.pop()


def _hold_again(f: Environment, inner: Inner) -> None:
    """The inner cell of a body that takes a further step: it goes on from where it is."""
    inner.came, inner.stepped, inner.during = inner.latest, None, []
    f.inner[inner.name] = inner
    f.all_inner.append(inner)
    f.scopes[-1][inner.name] = Binding("sub", Unknown(), inner.span, len(f.iterations))


def _share(f: Environment, s: ast.Sub, other: ast.Declared) -> None:
    """`sub other = shared g`: states of its own, and the weights of `g`."""
    binding, first = f.find(other.id), f.inner.get(other.id)
    f.scopes[-1][s.name.id] = Binding("sub", Unknown(), s.name.span, len(f.iterations))
    f.context.usage.declared[s.name.span] = ("sub", s.name.id)
    if binding is None or first is None or binding.kind != "sub":
        _nothing_to_share(f, other, binding)
        return
    f.context.usage.used.add(binding.span)
    if first.open:
        told = f"the sizes of `{other.id}` are open until it has stepped"
        help = f"declare `{s.name.id}` below the step of `{other.id}`, or write the sizes"
        f.error("E0308", told, other.span, help=help)
        return
    prefix = f.prefix + ".".join([s.name.id, *map(str, f.iterations)]) + "."
    sharing = Sharing(f"the inner cell `{other.id}`")
    env = _environment(f, first.home, prefix, first.env.base, sharing)
    env.scopes[0].update(
        (name, Binding(b.kind, b.value, b.span))
        for name, b in first.env.scopes[0].items()
        if b.kind in ("dim", "hyper")
    )
    name, span = s.name.id, s.name.span
    inner = Inner(name, first.cell, first.home, env, span, s.span, first.given)
    _hold(f, inner)
    declare_inside(f, inner, s.cell)


def _nothing_to_share(f: Environment, other: ast.Declared, binding: Binding | None) -> None:
    if other.id in f.home.cells:
        told = f"`{other.id}` is a cell, and has no weights before an inner cell of it is declared"
        help = f"declare the first one by itself: `sub g = {other.id}[…]`, then `shared g`"
        f.error("E0308", told, other.span, help=help)
        return
    if binding is not None and binding.kind == "sub":
        return  # what is wrong with it has been told
    told = f"there is no inner cell `{other.id}` above"
    if binding is not None:
        told = f"`{other.id}` is {a_kind(binding.kind)}, not an inner cell"
    near = nearest(other.id, f.inner)
    fix = Fix(other.span, near) if near else None
    help = f"did you mean `{near}`?" if near else "declare it above: `sub g = GRU[I, H]`"
    f.error("E0101", told, other.span, help=help, fix=fix)


def _cell(f: Environment, s: ast.Sub) -> tuple[ast.Cell, Module] | None:
    name = s.cell.id
    binding = f.find(name)
    given = binding.value if binding is not None and binding.kind == "hyper" else None
    if binding is not None and name not in f.home.cells and not isinstance(given, CellValue):
        _no_cell(f, s, binding)
        return None
    if given is None and name not in f.home.cells:
        if name not in f.home.broken:
            near = nearest(name, f.home.cells)
            hint = f"did you mean `{near}`?" if near else "define it here, or `use` its file"
            if not s.dims and s.hyper:
                sizes = ", ".join(item.value.span.text for item in s.hyper)
                hint += f"; its dims stand in square brackets: `{name}[{sizes}]`"
            f.error("E0101", f"there is no cell `{name}`", s.cell.span, help=hint)
        return None
    if isinstance(given, CellValue) and isinstance(given.home, Module):
        assert binding is not None
        f.context.usage.used.add(binding.span)
        cell, home = given.cell, given.home
    else:
        cell, home = f.home.cells[name]
    f.context.usage.used.add(cell.name.span)
    if len(f.context.cells) > MAX_DEPTH:
        told = f"inner cells nest more than {MAX_DEPTH} deep"
        f.error("E0303", told, s.cell.span, "one level too many")
        return None
    if cell in f.context.cells:
        _report_circle(f, f.context.cells[f.context.cells.index(cell) :], s)
        return None
    return cell, home


def _no_cell(f: Environment, s: ast.Sub, binding: Binding) -> None:
    """`sub g = x[I, H]`, where `x` is a value, or a hyperparameter of another kind."""
    f.context.usage.used.add(binding.span)
    if isinstance(binding.value, Unknown):
        return
    told = f"`{s.cell.id}` is {a_kind(binding.kind)}, and no cell"
    help = None
    if binding.kind == "hyper":
        told = f"`{s.cell.id}` is a hyperparameter, and stands for no cell"
        help = f"its default says so: `{s.cell.id} = GRU`, with a cell that the file knows"
    label = Label(binding.span, "it is declared here")
    f.error("E0310", told, s.cell.span, secondary=(label,), help=help)


def _report_circle(f: Environment, cells: list[ast.Cell], s: ast.Sub) -> None:
    """Cells that contain each other, from the first one on: the same from wherever they are met."""
    first = min(range(len(cells)), key=lambda at: cells[at].span.start)
    cells = [*cells[first:], *cells[:first], cells[first]]
    names = [cell.name.id for cell in cells]
    *others, last = [
        Label(_sub_of(outer.body, inner) or s.cell.span, f"`{outer.name.id}` holds `{inner}`")
        for outer, inner in zip(cells, names[1:], strict=False)
    ]
    message = f"cells contain each other: {' -> '.join(names)}"
    f.context.report.add("E0307", message, last.span, last.text, secondary=tuple(others))


def _sub_of(body: tuple[ast.Statement, ...], cell: str) -> Span | None:
    """Where a body declares an inner cell of this sort."""
    return next((s.cell.span for s in subs(body) if s.cell.id == cell), None)


def cells_of(cell: ast.Cell) -> Iterator[str]:
    """The names of cells that a cell holds, or has for the default of a hyperparameter."""
    yield from (s.cell.id for s in subs(cell.body))
    yield from (h.default.id for h in cell.hyper if isinstance(h.default, ast.Name))


def subs(body: tuple[ast.Statement, ...]) -> Iterator[ast.Sub]:
    for s in body:
        match s:
            case ast.Sub():
                yield s
            case ast.For(body=held):
                yield from subs(held)
            case ast.If(body=held, orelse=orelse):
                yield from subs((*held, *(orelse or ())))


def inside(f: Environment, inner: Inner, act: Callable[[], None], at: ast.Node) -> None:
    """Do something in the inner cell; what goes wrong there says where it is used."""
    w: Context = f.context
    outer, w.report = w.report, Report()
    try:
        act()
    finally:
        muted, w.report = w.report, outer
        used = Label(at.span, f"in the inner cell `{inner.name}`")
        for d in muted.diagnostics:
            # A circle is the same wherever it is met, and far outside nothing is explained.
            more = () if d.code == "E0307" or len(d.secondary) >= MAX_LABELS else (used,)
            w.report.diagnostics.append(replace(d, secondary=(*d.secondary, *more)))
