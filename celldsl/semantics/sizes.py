"""Sizes where one is written.  In: `linear(x, 2*H)`, `[H, K]`, `0..K`.  Out: whole numbers of dims.

    size(environment, expression, "…")        the Size that a literal place needs
    shape(environment, expression, "…")       the sizes in a list, each of at least 1
    integer(environment, expression, "…")     a number that is known when code is generated

What is no size is reported where it stands; the answer is then None.  One with fractions must be
whole, by a `require` of the cell's:

    H/4        add `require H % 4 == 0, "…"`
    H/2 + K/2  add `require (H + K) % 2 == 0, "…"`
"""

from __future__ import annotations

import re
from math import lcm

from celldsl.diagnostics.span import Span
from celldsl.ir.size import NotIntegral, Size
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Real, Static, Tensor, Unknown, Value, describe
from celldsl.semantics.structure import fix
from celldsl.semantics.wording import is_size, short
from celldsl.syntax import ast

MAX_TERMS = 12


def whole(
    f: Environment, found: Size, span: Span, what: str, instead: str | None = None
) -> Size | None:
    """The size if it is a whole number for all dims; else says which `require` would settle it.

    `instead` is what was rather meant.
    """
    constraints = f.context.constraints
    found = constraints.reduce(found)
    if len(found.terms) > MAX_TERMS:
        f.error("E0207", f"{what} has more than {MAX_TERMS} terms", span, "sizes are simple sums")
        return None
    if constraints.whole(found):
        return found
    bottom = denominator(found)
    number = found * bottom
    if len(number.terms) == 1 and number.dims and bottom.constant is not None:
        # What is left of a fraction has no factor of the divisor.
        number = number / abs(number.terms[0][1].numerator)
    dims = _example_of_odd(f, found)
    told = f"with {dims} it is no whole number" if dims else None
    divisor = _written_for(f, bottom, span) or bottom
    sides = f"{_bracketed(number)} % {_divisor_text(divisor)}"
    condition = f'require {sides} == 0, "…"' if number.dims else None
    f.error(
        "E0207",
        f"{what} must be a whole number for all sizes, and `{found}` is not",
        span,
        told or f"this is {found}",
        help=instead or (f"add `{condition}`" if condition else None),
    )
    if condition:
        # It is asked for once: what follows is checked as if it held.
        constraints.assume_divides(number, bottom)
    return None


def _bracketed(side: Size | str) -> str:
    """A side of `%`, which binds as `*` does: `H*I % 4`, but `(H + I) % (2*K)`."""
    text = str(side)
    return f"({text})" if " " in text else text


def _divisor_text(side: Size | str) -> str:
    text = _bracketed(side)
    return f"({text})" if "*" in text and not text.startswith("(") else text


def _written_for(f: Environment, number: Size, span: Span) -> str | None:
    """The name on the line of `span` that stands for a number which decides the structure."""
    line = span.source.line_text(span.source.line_column(span.start)[0])
    for name in sorted(f.context.choices.structural):
        binding = f.find(name)
        value = None if binding is None else binding.value
        fixed = isinstance(value, Static) and f.context.constraints.equal(value.size, number)
        if fixed and name in re.findall(r"\w+", line):
            return name
    return None


def _example_of_odd(f: Environment, found: Size) -> str:
    """Dims that keep what is required and for which the size is no whole number."""
    names = sorted(found.dims)
    for start in range(2, 34):
        dims = {name: start + index for index, name in enumerate(names)}
        try:
            if f.context.constraints.keep_divisions(dims):
                found.evaluate(dims)
        except NotIntegral:
            return ", ".join(f"{name}={value}" for name, value in dims.items())
    return ""


def denominator(size: Size) -> Size:
    """What the size must be multiplied by to become whole."""
    bottom = Size.of(lcm(*(coefficient.denominator for _, coefficient in size.terms)))
    powers: dict[str, int] = {}
    for monomial, _ in size.terms:
        for name, power in monomial:
            powers[name] = max(powers.get(name, 0), -power)
    for name, power in sorted(powers.items()):
        for _ in range(power):
            bottom = bottom * Size.dim(name)
    return bottom


MAX_AXES = 6
MINUS_ONE = "`-1` does not stand for the rest: sizes are written out"


def size(f: Environment, expression: ast.Expr, what: str) -> Size | None:
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


def _of_dims(f: Environment, e: ast.Expr) -> bool:
    match e:
        case ast.Binary(_, left, right):
            return _of_dims(f, left) and _of_dims(f, right)
        case ast.Name(id):
            binding = f.find(id)
            return binding is not None and isinstance(binding.value, Static)
    return isinstance(e, ast.Number) and isinstance(e.value, int)


def _fix_integers(f: Environment, e: ast.Expr) -> None:
    """In `2*S + 1` an integer hyperparameter decides the structure, as `S` alone does."""
    match e:
        case ast.Binary(_, left, right):
            _fix_integers(f, left)
            _fix_integers(f, right)
        case ast.Name(id) if id in f.context.hypers:
            default = f.context.hypers[id].default
            if isinstance(default, ast.Number) and isinstance(default.value, int):
                fix(f.context.choices, id, "integer")


def _as_size(f: Environment, value: Value, span: Span, what: str) -> Size | None:
    match value:
        case Static(found):
            return whole(f, found, span, what)
        case Tensor(hyper=str(name)):
            fix(f.context.choices, name, "integer")
        case Unknown():
            return None
    help = None
    match value:
        case Real(number):
            label = f"this is {number:g}"
            if number.is_integer():
                label = f"this is {number:.1f}"
                help = f"an integer is written without a point: `{number:.0f}`"
        case Tensor(name) if f.context.is_complex(name):
            label, help = "this is a complex number", "sizes and indices are whole numbers"
        case Tensor():
            label = "this is known only while the cell runs"
            if len(value.shape) == 1 and what != "an index":
                help = f"the size of `{short(span)}` is `{value.shape[0]}`"
        case _:
            label = f"this is {describe(value)}"
    told = f"{what} must be a whole number of dims and integers"
    f.error("E0124", told, span, label, help=help)
    return None


def shape(f: Environment, listing: ast.Expr, what: str) -> tuple[Size, ...] | None:
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


def positive_size(f: Environment, expression: ast.Expr, what: str) -> Size | None:
    found = size(f, expression, what)
    if found is None or f.context.constraints.positive(found):
        return found
    bottom = denominator(found)
    asked, least = (found * bottom, bottom) if bottom.constant is not None else (found, 1)
    negative = (found.constant is not None) or f.context.constraints.not_negative(-found)
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


def integer(f: Environment, expression: ast.Expr, what: str) -> int | None:
    """A whole number that is known when code is generated; dims in it become structure."""
    found = size(f, expression, what)
    if found is None:
        return None
    for name in found.dims:
        fix(f.context.choices, name, "dim")
    found = f.context.constraints.reduce(found)
    return found.constant
