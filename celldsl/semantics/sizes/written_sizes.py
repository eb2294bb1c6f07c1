"""Sizes where one is written.  In: `linear(x, 2*H)`, `[H, K]`, `0..K`.  Out: whole numbers of dims.

    size(frame, expression, "…")        the Size that a literal place needs
    shape(frame, expression, "…")       the sizes in a list, each of at least 1
    integer(frame, expression, "…")     a number that is known when code is generated

What is no size is reported where it stands; the answer is then None.
"""

from __future__ import annotations

from celldsl.diagnostics.span import Span
from celldsl.ir.size import Size
from celldsl.semantics.messages.fitting import is_size
from celldsl.semantics.sizes.whole_sizes import denominator, whole
from celldsl.semantics.walk.settings import fix
from celldsl.semantics.walk.values import Real, Static, Tensor, Unknown, Value, describe
from celldsl.semantics.walk.walk import Frame
from celldsl.syntax import ast

MAX_AXES = 6
MINUS_ONE = "`-1` does not stand for the rest: sizes are written out"


def size(f: Frame, expression: ast.Expr, what: str) -> Size | None:
    """The whole number that a literal place needs, of dims and integers."""
    outer, f.fits = f.fits, is_size
    try:
        value = f.elaborate(expression)
    finally:
        f.fits = outer
    if isinstance(value, Tensor) and not value.hyper:
        _fix_integers(f, expression)
        if _of_dims(f, expression):
            told = "this cannot be divided for all sizes"
            help = "make it a dim of its own, and `require` what it has to do with the others"
            what = f"{what} must be a whole number of dims and integers"
            f.error("E0124", what, expression.span, told, help=help)
            return None
    return _as_size(f, value, expression.span, what)


def _of_dims(f: Frame, e: ast.Expr) -> bool:
    match e:
        case ast.Binary(_, left, right):
            return _of_dims(f, left) and _of_dims(f, right)
        case ast.Name(id):
            binding = f.find(id)
            return binding is not None and isinstance(binding.value, Static)
    return isinstance(e, ast.Number) and isinstance(e.value, int)


def _fix_integers(f: Frame, e: ast.Expr) -> None:
    """In `2*S + 1` an integer hyperparameter decides the structure, as `S` alone does."""
    match e:
        case ast.Binary(_, left, right):
            _fix_integers(f, left)
            _fix_integers(f, right)
        case ast.Name(id) if id in f.walk.hypers:
            default = f.walk.hypers[id].default
            if isinstance(default, ast.Number) and isinstance(default.value, int):
                fix(f.walk.choices, id, "integer")


def _as_size(f: Frame, value: Value, span: Span, what: str) -> Size | None:
    match value:
        case Static(found):
            return whole(f, found, span, what)
        case Tensor(hyper=str(name)):
            fix(f.walk.choices, name, "integer")
        case Unknown():
            return None
    help = None
    match value:
        case Real(number):
            label = f"this is {number:g}"
            if number.is_integer():
                label = f"this is {number:.1f}"
                help = f"an integer is written without a point: `{number:.0f}`"
        case Tensor():
            label = "this is known only while the cell runs"
        case _:
            label = f"this is {describe(value)}"
    told = f"{what} must be a whole number of dims and integers"
    f.error("E0124", told, span, label, help=help)
    return None


def shape(f: Frame, listing: ast.Expr, what: str) -> tuple[Size, ...] | None:
    """The sizes in `[2*H, K]`, each a whole number of at least 1."""
    if not isinstance(listing, ast.ListOf):
        better = f"[{listing.span.text}]" if isinstance(listing, ast.Name | ast.Number) else "[H]"
        f.error("E0124", f"{what} must be a list of sizes", listing.span, f"write `{better}`")
        return None
    if len(listing.items) > MAX_AXES:
        f.error("E0210", f"a value has at most {MAX_AXES} axes", listing.span)
        return None
    sizes = [positive_size(f, item, "a size") for item in listing.items]
    return None if None in sizes else tuple(s for s in sizes if s is not None)


def positive_size(f: Frame, expression: ast.Expr, what: str) -> Size | None:
    found = size(f, expression, what)
    if found is None or f.walk.facts.positive(found):
        return found
    bottom = denominator(found)
    asked, least = (found * bottom, bottom) if bottom.constant is not None else (found, 1)
    negative = (found.constant is not None) or f.walk.facts.not_negative(-found)
    f.error(
        "E0208",
        f"{what} must be at least 1" + ("" if negative else " for all sizes"),
        expression.span,
        f"this is {found}",
        help=(MINUS_ONE if found == -Size.of(1) else None)
        if negative
        else f'add `require {asked} >= {least}, "…"`',
    )
    return None


def integer(f: Frame, expression: ast.Expr, what: str) -> int | None:
    """A whole number that is known when code is generated; dims in it become structure."""
    found = size(f, expression, what)
    if found is None:
        return None
    for name in found.dims:
        fix(f.walk.choices, name, "dim")
    found = f.walk.facts.reduce(found)
    return found.constant
