"""Inner cells: their declarations, what they are given, their steps.

What an inner cell is given.  In: `GRU[I, H](activation=relu)`.  Out: bound names in its body.

What is not given has a default, or is asked for.

Declarations of inner cells.  In: `sub g = GRU[I, H]`.  Out: `g` with its states and parameters.

What the inner cell declares stands in the outer one under names that begin with `g.`.

Steps of inner cells.  In: `g(x)`.  Out: the outputs of `g`.

The body of the inner cell is elaborated in the place of the call, with the names of its states
and parameters behind `g.`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from celldsl.diagnostics.diagnostic import Fix, Label, Report
from celldsl.diagnostics.span import Span
from celldsl.diagnostics.suggest import nearest
from celldsl.ir.size import Size
from celldsl.semantics import conversions as convert
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics import wording
from celldsl.semantics.builtins.arguments import bind
from celldsl.semantics.comparisons import amount
from celldsl.semantics.context import MAX_DEPTH, Context, Environment, Inner
from celldsl.semantics.environment import (
    Binding,
    FunctionValue,
    Real,
    Several,
    Sharing,
    Static,
    Tensor,
    Truth,
    Unknown,
    Value,
    a_kind,
)
from celldsl.semantics.inputs import give_input
from celldsl.semantics.modules import Module
from celldsl.semantics.names import find_function, unknown_function
from celldsl.semantics.structure import setting_of
from celldsl.semantics.wording import seen_outside
from celldsl.structs import replace
from celldsl.syntax import ast


def bind_dims(f: Environment, inner: Environment, cell: ast.Cell, s: ast.Sub) -> bool:
    name = cell.name.id
    if len(s.dims) > len(cell.dims):
        dims = ", ".join(dim.id for dim in cell.dims)
        f.error(
            "E0308",
            f"`{name}` has {len(cell.dims)} dims, and {len(s.dims)} are given",
            s.dims[len(cell.dims)].span,
            f"`{name}[{dims}]`",
        )
        return False
    for place, dim in enumerate(cell.dims):
        written = s.dims[place] if place < len(s.dims) else None
        size: Size | None
        if written is not None:
            size = written_sizes.positive_size(f, written, f"the dim `{dim.id}`")
        elif dim.default is not None:
            size = written_sizes.size(inner, dim.default, f"the dim `{dim.id}`")
        else:
            told = f"`{name}` needs the dim `{dim.id}`"
            f.error("E0308", told, s.span, f"for `{s.name.id}`", help=_in_brackets(cell, s))
            return False
        if size is None:
            return False
        inner.scopes[0][dim.id] = Binding("dim", Static(size), dim.span)
    return True


def _in_brackets(cell: ast.Cell, s: ast.Sub) -> str | None:
    """`sub g = LSTM(I=3, H=H)`: sizes that stand where hyperparameters do."""
    written = {each.name: each.value.span.text for each in s.hyper}
    dims = [dim.id for dim in cell.dims]
    if not written.keys() & set(dims):
        return None
    sizes = ", ".join(written.get(dim, dim) for dim in dims)
    rest = [each.span.text for each in s.hyper if each.name not in dims]
    hypers = f"({', '.join(rest)})" if rest else ""
    return f"dims stand in square brackets: `{cell.name.id}[{sizes}]{hypers}`"


def bind_hypers(f: Environment, inner: Environment, cell: ast.Cell, s: ast.Sub) -> bool:
    given = {keyword.name: keyword for keyword in s.hyper}
    known = [hyper.id for hyper in cell.hyper]
    for keyword in s.hyper:
        if keyword.name not in known:
            near = nearest(keyword.name, known)
            told = f"`{cell.name.id}` has no hyperparameter `{keyword.name}`"
            fix = Fix(keyword.span, f"{near}={keyword.value.span.text}") if near else None
            help = f"did you mean `{near}`?" if near else _listed(known)
            f.error("E0123", told, keyword.span, help=help, fix=fix)
            return False
    for hyper in cell.hyper:
        value = _hyper(f, inner, hyper, given.get(hyper.id), s)
        if value is None:
            return False
        inner.scopes[0][hyper.id] = Binding("hyper", value, hyper.span)
    return True


def _listed(hypers: list[str]) -> str:
    return f"it has {', '.join(f'`{h}`' for h in hypers)}" if hypers else "it has none"


def _hyper(
    f: Environment, inner: Environment, hyper: ast.Hyper, given: ast.Keyword | None, s: ast.Sub
) -> Value | None:
    if given is None and hyper.default is None:
        f.error("E0308", f"`{s.cell.id}` needs the hyperparameter `{hyper.id}`", s.span)
        return None
    if given is None:
        assert hyper.default is not None
        return inner.elaborate(hyper.default)
    wanted, name = _kind_of_hyper(hyper), given.value
    if wanted == "a function" and isinstance(name, ast.Name) and not _is_known(f, name.id):
        unknown_function(f, name.id, name.span)
        return None
    value = f.elaborate(given.value)
    if isinstance(value, Unknown):
        return None
    if not _fits_kind(value, wanted):
        told = f"`{hyper.id}` is {wanted}, and `{wording.short(given.value.span)}` is not"
        f.error("E0310", told, given.value.span)
        return None
    if isinstance(value, Tensor) and value.hyper is None:
        known = amount(f, given.value)
        if known is not None:
            f.context.amounts[value.name] = known
        with f.context.initial_values():
            twin = convert.number(f, f.elaborate(given.value), given.value.span)
        if twin is None:
            return None
        f.context.twins[value.name] = twin.name
    return value


def _is_known(f: Environment, name: str) -> bool:
    return f.find(name) is not None or find_function(f, name) is not None


def _kind_of_hyper(hyper: ast.Hyper) -> str:
    match setting_of(hyper.default):
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a function"
    return "anything"


def _fits_kind(value: Value, wanted: str) -> bool:
    match value, wanted:
        case _, "anything":
            return True
        case Truth(), "true or false":
            return True
        case Tensor(hyper=str()), "true or false" | "a function":
            return True
        case ((Static() | Real() | Tensor(shape=())), "a number"):
            return True
        case FunctionValue(), "a function":
            return True
    return False


def declare_sub(f: Environment, s: ast.Sub) -> None:
    f.context.count_equation(s.span)
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
    own = ".".join([s.name.id, *map(str, f.iterations)]) + "."
    sharing = f.sharing or Sharing(f"the inner cell `{s.name.id}`")
    env = _environment(f, home, f.prefix + own, f.cell_base + own, sharing)
    if not (bind_dims(f, env, cell, s) and bind_hypers(f, env, cell, s)):
        return
    given = {dim.id: size.span for dim, size in zip(cell.dims, s.dims, strict=False)}
    _hold(f, Inner(s.name.id, cell, home, env, s.name.span, s.span, given), s)


def _environment(
    f: Environment, home: Module, prefix: str, base: str, sharing: Sharing
) -> Environment:
    """The body of an inner cell, whose parameters' names begin with `base`."""
    f.context.below.setdefault(f.prefix, []).append(prefix)
    return Environment(
        f.context, home, [{}], prefix=prefix, base=base, cell_base=base, sharing=sharing,
        around=f.where().loops,
    )  # fmt: skip


def _hold(f: Environment, inner: Inner, s: ast.Sub) -> None:
    """The inner cell with its states and parameters."""
    f.inner[s.name.id] = inner
    f.all_inner.append(inner)
    f.context.cells.append(inner.cell)
    inside(f, inner, lambda: f.context.callbacks.declarations(inner.env, inner.cell), s.cell)
    f.context.cells.pop()


def _share(f: Environment, s: ast.Sub, other: ast.Declared) -> None:
    """`sub other = shared g`: states of its own, and the weights of `g`."""
    binding, first = f.find(other.id), f.inner.get(other.id)
    f.scopes[-1][s.name.id] = Binding("sub", Unknown(), s.name.span, len(f.iterations))
    f.context.usage.declared[s.name.span] = ("sub", s.name.id)
    if binding is None or first is None or binding.kind != "sub":
        _nothing_to_share(f, other, binding)
        return
    f.context.usage.used.add(binding.span)
    prefix = f.prefix + ".".join([s.name.id, *map(str, f.iterations)]) + "."
    sharing = Sharing(f"the inner cell `{other.id}`")
    env = _environment(f, first.home, prefix, first.env.base, sharing)
    env.scopes[0].update(
        (name, Binding(b.kind, b.value, b.span))
        for name, b in first.env.scopes[0].items()
        if b.kind in ("dim", "hyper")
    )
    _hold(f, replace(first, name=s.name.id, env=env, span=s.name.span, declared=s.span), s)


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
    if name not in f.home.cells:
        if name not in f.home.broken:
            near = nearest(name, f.home.cells)
            hint = f"did you mean `{near}`?" if near else "define it here, or `use` its file"
            if not s.dims and s.hyper:
                sizes = ", ".join(item.value.span.text for item in s.hyper)
                hint += f"; its dims stand in square brackets: `{name}[{sizes}]`"
            f.error("E0101", f"there is no cell `{name}`", s.cell.span, help=hint)
        return None
    cell, home = f.home.cells[name]
    f.context.usage.used.add(cell.name.span)
    if len(f.context.cells) > MAX_DEPTH:
        told = f"inner cells nest more than {MAX_DEPTH} deep"
        f.error("E0303", told, s.cell.span, "one level too many")
        return None
    if cell in f.context.cells:
        _report_circle(f, f.context.cells[f.context.cells.index(cell) :])
        return None
    return cell, home


def _report_circle(f: Environment, cells: list[ast.Cell]) -> None:
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
    f.context.report.add("E0307", message, last.span, last.text, secondary=tuple(others))


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


MAX_LABELS = 4


def step_inner(f: Environment, inner: Inner, e: ast.Call) -> Value:
    """`g(x)`: one step of the inner cell."""
    if f.only_initial:
        f.error("E0403", f"`{inner.name}` cannot be stepped in {f.only_initial}", e.span)
        return Unknown()
    if inner.stepped is not None:
        first = Label(inner.stepped, "the first time")
        f.error(
            "E0309",
            f"`{inner.name}` is stepped twice in one step",
            e.span,
            secondary=(first,) if inner.stepped != e.span else (),
            help="an inner cell steps exactly once; declare a second one",
        )
        return Unknown()
    inner.stepped = e.span
    if not _inputs(f, inner, e):
        return Unknown()
    f.context.cells.append(inner.cell)
    outputs: list[Tensor | None] = []
    inside(
        f, inner, lambda: outputs.extend(f.context.callbacks.equations(inner.env, inner.cell)), e
    )
    f.context.cells.pop()
    f.context.origin(e.span)
    values: tuple[Value, ...] = tuple(Unknown() if o is None else o for o in outputs)
    if not values:
        return Unknown()
    told = tuple(seen_outside(inner, value) for value in values)
    return told[0] if len(told) == 1 else Several(told)


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


def _inputs(f: Environment, inner: Inner, e: ast.Call) -> bool:
    """Bind the inputs of the inner cell to the arguments."""
    declared = [(name, s) for s in inner.cell.body if isinstance(s, ast.Input) for name in s.names]
    signature = ", ".join(name.id for name, _ in declared)
    own = "its states are its own, and start where they are declared; they are not passed"
    bound = bind(f, e, signature, inner.name, own)
    if bound is None:
        return False
    fine = True
    for name, s in declared:
        written = bound[name.id]
        assert written is not None
        fine &= give_input(f, inner, name, s, written)
    return fine
