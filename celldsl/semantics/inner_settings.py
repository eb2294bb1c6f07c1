"""What an inner cell is given.  In: `GRU[I, H](activation=relu)`.  Out: bound names in its body.

What is not given has a default, or is asked for.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix
from celldsl.diagnostics.suggest import nearest
from celldsl.ir.size import Size
from celldsl.semantics import conversions as convert
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics import wording
from celldsl.semantics.comparisons import amount
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import (
    Binding,
    FunctionValue,
    Real,
    Static,
    Tensor,
    Truth,
    Unknown,
    Value,
)
from celldsl.semantics.names import find_function, unknown_function
from celldsl.semantics.structure import setting_of
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
