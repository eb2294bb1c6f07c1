"""Reading arguments.  In: bound arguments.  Out: tensors, axes, options; None once reported."""

from __future__ import annotations

from celldsl.ir.size import Size, shape_text
from celldsl.semantics.functions.binding import Bound
from celldsl.semantics.messages import wording
from celldsl.semantics.sizes import written_sizes
from celldsl.semantics.sizes.whole_sizes import whole
from celldsl.semantics.tensors import convert
from celldsl.semantics.walk.values import Tensor
from celldsl.semantics.walk.walk import Frame
from celldsl.syntax import ast


def given(a: Bound, name: str) -> ast.Expr:
    """An argument that the binding has made sure of."""
    expression = a[name]
    assert expression is not None
    return expression


def tensor(f: Frame, a: Bound, name: str) -> Tensor | None:
    return convert.tensor(f, given(a, name))


def ranked(f: Frame, a: Bound, name: str, least: int, e: ast.Call) -> Tensor | None:
    """A tensor of at least so many axes."""
    found = tensor(f, a, name)
    if found is None or len(found.shape) >= least:
        return found
    text, kind = wording.short(given(a, name).span), "an axis" if least == 1 else f"{least} axes"
    f.error(
        "E0210",
        f"`{e.function}` needs {kind}, and `{text}` is {shape_text(found.shape)}",
        given(a, name).span,
    )
    return None


def axis(f: Frame, a: Bound, rank: int, default: int = -1, name: str = "axis") -> int | None:
    """An axis from 0; `-1` is the last."""
    written = a.get(name)
    found: int | None = default
    if written is not None and _is_data(f, written):
        told = f"`{written.span.text}` stands where an axis is expected, and is a value"
        help = "elementwise operations on two values are written out: `a + b`, `max(a, b)`"
        f.error("E0124", told, written.span, help=help)
        return None
    if written is not None:
        found = written_sizes.integer(f, written, "an axis")
    if found is None:
        return None
    if not -rank <= found < rank:
        where = f"it is one of 0 to {rank - 1}" if rank > 1 else "axis 0 is the only one"
        f.error(
            "E0210",
            f"there is no axis {found}",
            (written or given(a, "v")).span,
            where,
            help="batch and time are no axes: a cell is written for one example at one step",
        )
        return None
    return found % rank


def _is_data(f: Frame, e: ast.Expr) -> bool:
    binding = f.find(e.id) if isinstance(e, ast.Name) else None
    return binding is not None and isinstance(binding.value, Tensor) and not binding.value.hyper


def flag(f: Frame, a: Bound, name: str, default: bool) -> bool | None:
    written = a[name]
    return default if written is None else convert.truth(f, written, f"`{name}`")


def divided(
    f: Frame,
    size: Size,
    parts: Size | int,
    written: ast.Node,
    what: str,
    help: str | None = None,
) -> Size | None:
    """`size / parts`, which must be whole for all sizes."""
    try:
        share = size / parts
    except (ValueError, ZeroDivisionError):
        f.error("E0207", f"{what}: {size} cannot be divided by {parts}", written.span)
        return None
    return whole(f, share, written.span, what, help)


def plain_name(e: ast.Expr) -> str | None:
    """What an operand is called in the name of its block; None where it has a number."""
    match e:
        case ast.Name(id, primed):
            return f"{id}_next" if primed else id
        case ast.Call(function="dropout" | "stop_gradient", args=(first, *_)):
            return plain_name(first)
    return None
