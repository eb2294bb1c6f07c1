"""What an inner cell is given.  In: `GRU[I, H](activation=relu)`.  Out: bound names in its body.

What is not given has a default, or is asked for.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix
from celldsl.diagnostics.span import Span
from celldsl.diagnostics.suggest import nearest
from celldsl.ir.size import Size
from celldsl.semantics import conversions as convert
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics import wording
from celldsl.semantics.comparisons import amount
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import (
    Binding,
    CellValue,
    FunctionValue,
    Real,
    Static,
    Tensor,
    Truth,
    Unknown,
    Value,
)
from celldsl.semantics.modules import Module
from celldsl.semantics.names import find_function
from celldsl.semantics.structure import setting_of
from celldsl.semantics.unknown_names import unknown_function
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
        if is_open(written):
            if dim.id not in said_by_inputs(cell):
                _never_said(f, cell, dim, s.dims[place].span)
                return False
            inner.scopes[0][dim.id] = Binding("dim", Unknown(), dim.span)
            continue
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


def is_open(written: ast.Expr | None) -> bool:
    """`_`: a size that an input of the first step says."""
    return isinstance(written, ast.Name) and written.id == "_"


def said_by_inputs(cell: ast.Cell) -> set[str]:
    """The dims that are a whole axis of an input."""
    shapes = [s.shape.items for s in cell.body if isinstance(s, ast.Input)]
    return {item.id for items in shapes for item in items if isinstance(item, ast.Name)}


def _never_said(f: Environment, cell: ast.Cell, dim: ast.Dim, span: Span) -> None:
    name = cell.name.id
    said = ", ".join(f"`{each.id}`" for each in cell.dims if each.id in said_by_inputs(cell))
    told = f"no input of `{name}` says how large `{dim.id}` is"
    help = f"write its size; inputs say that of {said}" if said else "write its size"
    f.error("E0308", told, span, help=help)


def _in_brackets(cell: ast.Cell, s: ast.Sub) -> str | None:
    """`sub g = LSTM(I=3, H=H)`: sizes that stand where hyperparameters do."""
    written = {each.name: each.value.span.text for each in s.hyper}
    dims = [dim.id for dim in cell.dims]
    if not s.dims and not s.hyper:
        return f"sizes stand behind it: `{s.cell.id}[{', '.join(dims)}]`"
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


def cell_named(home: object, name: str) -> CellValue | None:
    """The cell that a file knows by a name."""
    found = home.cells.get(name) if isinstance(home, Module) else None
    return None if found is None else CellValue(name, *found)


def cells_used(value: Value) -> set[Span]:
    return {value.cell.name.span} if isinstance(value, CellValue) else set()


def _given_cell(f: Environment, e: ast.Expr) -> Value | None:
    """The cell that is given by its name, or by a hyperparameter that stands for one."""
    if not isinstance(e, ast.Name) or e.primed:
        return None
    binding = f.find(e.id)
    if binding is not None:
        f.context.usage.used.add(binding.span)
        known = isinstance(binding.value, CellValue | Unknown) and binding.kind != "sub"
        return binding.value if known else None
    found = cell_named(f.home, e.id)
    if found is not None:
        f.context.usage.used |= cells_used(found)
    return found


def _cell_hyper(
    f: Environment, hyper: ast.Hyper, wanted: CellValue, given: ast.Keyword | None
) -> Value | None:
    if given is None:
        return wanted
    value = _given_cell(f, given.value)
    if isinstance(value, CellValue):
        return value
    if isinstance(given.value, ast.Name) and not _is_known(f, given.value.id):
        if given.value.id not in f.home.broken:
            near = nearest(given.value.id, f.home.cells)
            help = f"did you mean `{near}`?" if near else "define it here, or `use` its file"
            fix = Fix(given.value.span, near) if near else None
            told = f"there is no cell `{given.value.id}`"
            f.error("E0101", told, given.value.span, help=help, fix=fix)
        return None
    if not isinstance(value, Unknown):
        told = f"`{hyper.id}` is a cell, and `{wording.short(given.value.span)}` is not"
        f.error("E0310", told, given.value.span, help=_without_sizes(given.value))
    return None


def _without_sizes(e: ast.Expr) -> str | None:
    """`inner=GRU[I, H]`, `inner="GRU"`"""
    if isinstance(e, ast.String):
        return f"names stand without quotes: `{e.value}`"
    named = e.value if isinstance(e, ast.Index) else None
    if not isinstance(named, ast.Name):
        return None
    return f"the name alone, `{named.id}`: its sizes stand where the inner cell is declared"


def _hyper(
    f: Environment, inner: Environment, hyper: ast.Hyper, given: ast.Keyword | None, s: ast.Sub
) -> Value | None:
    default = setting_of(hyper.default)
    wanted_cell = cell_named(inner.home, default) if isinstance(default, str) else None
    if wanted_cell is not None:
        return _cell_hyper(f, hyper, wanted_cell, given)
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
    if isinstance(value, Tensor) and convert.refuse_complex(f, value, given.value.span):
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
