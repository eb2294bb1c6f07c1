"""From one sort of value to another.  In: elaborated values.  Out: tensors, sizes, truths.

    as_tensor(frame, Static(2*H), span)     a scalar `size` of the program
    as_size(frame, value, span, "…")        the Size that a literal place needs
    as_truth(frame, value, span, "…")       true or false that is known now

What cannot be converted is reported where it stands; the answer is then None.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix
from celldsl.diagnostics.span import Span
from celldsl.ir.program import Rows
from celldsl.ir.size import Size
from celldsl.semantics.facts import example
from celldsl.semantics.fitting import is_size
from celldsl.semantics.settings import fix
from celldsl.semantics.values import (
    FunctionValue,
    Initialiser,
    Listing,
    Real,
    Several,
    Static,
    Tensor,
    Truth,
    Unknown,
    Value,
    describe,
)
from celldsl.semantics.walk import Frame, Walk
from celldsl.semantics.whole_sizes import denominator, whole
from celldsl.syntax import ast

MAX_AXES = 6
MINUS_ONE = "`-1` does not stand for the rest: sizes are written out"


def tensor(f: Frame, expression: ast.Expr) -> Tensor | None:
    """The number that an expression computes, as a value of the program."""
    return number(f, f.elaborate(expression), expression.span)


def boolean(f: Frame, expression: ast.Expr) -> Tensor | None:
    """The comparison that an expression makes."""
    return comparison(f, f.elaborate(expression), expression.span)


def number(f: Frame, value: Value, span: Span) -> Tensor | None:
    found = as_tensor(f, value, span)
    if found is not None and found.boolean:
        f.error(
            "E0211",
            f"`{short(span)}` is a comparison, not a number",
            span,
            "comparisons are for `where`, `and`, `or` and `not` alone",
            help=f"write `{_chosen(short(span))}`",
            fix=Fix(span, _chosen(span.text)),
        )
        return None
    return found


def _chosen(text: str) -> str:
    bare = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    return f"where({bare if bare.count('(') == bare.count(')') else text}, 1, 0)"


def comparison(f: Frame, value: Value, span: Span) -> Tensor | None:
    found = as_tensor(f, value, span)
    if found is not None and not found.boolean:
        f.error(
            "E0211",
            f"`{short(span)}` is a number where a comparison is needed",
            span,
            help=f"compare it: `{short(span)} > 0.5`",
        )
        return None
    return found


def as_tensor(f: Frame, value: Value, span: Span) -> Tensor | None:
    match value:
        case Tensor():
            return value
        case Static(size):
            return Tensor(scalar(f.walk, size), ())
        case Real(number):
            return Tensor(f.walk.op("number", value=number), ())
        case Truth(truth):
            zero = f.walk.op("number", value=0.0)
            return Tensor(f.walk.op("eq" if truth else "ne", zero, zero), (), boolean=True)
        case Initialiser():
            return _initial_tensor(f, value, span)
        case Unknown():
            return None
        case FunctionValue():
            label = f"call it: `{short(span)}(…)`"
        case Several(items):
            label = f"take them apart: `{', '.join('abcdefgh'[: len(items)])} = …`"
        case Listing():
            label = "a list stands in `linear`, `concat`, `split` and shapes"
    f.error("E0111", f"`{short(span)}` is {describe(value)}, not a value", span, label)
    return None


def _initial_tensor(f: Frame, value: Initialiser, span: Span) -> Tensor | None:
    if f.only_initial:
        return f.walk.knots.drawn(f, value, span)
    f.error(
        "E0111",
        f"`{short(span)}` is an initialiser, not a value",
        span,
        "initialisers stand where a `param`, `const` or `state` begins",
        help="`zeros([H])` and `ones([H])` are values",
    )
    return None


def scalar(walk: Walk, size: Size) -> str:
    """A size as a number of the program; fractions are true division."""
    if not size.dims:
        return walk.op("number", value=_constant(size))
    if size.integral:
        return walk.op("size", size=size)
    bottom = denominator(size)
    return walk.op("div", scalar(walk, size * bottom), scalar(walk, bottom))


def _constant(size: Size) -> float:
    return float(sum(coefficient for _, coefficient in size.terms))


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
    return as_size(f, value, expression.span, what)


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


def as_size(f: Frame, value: Value, span: Span, what: str) -> Size | None:
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
        f.error("E0124", f"{what} must be a list of sizes", listing.span, "write `[H]`")
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


def truth(f: Frame, expression: ast.Expr, what: str) -> bool | None:
    return as_truth(f, f.elaborate(expression), expression.span, what)


def as_truth(f: Frame, value: Value, span: Span, what: str) -> bool | None:
    match value:
        case Truth(found):
            return found
        case Tensor(hyper=str(name)):
            fix(f.walk.choices, name, "boolean")
        case Unknown():
            return None
    f.error("E0124", f"{what} must be true or false, not {describe(value)}", span)
    return None


def real(f: Frame, expression: ast.Expr, what: str) -> Tensor | None:
    """A scalar that is the same for the whole call: a number or a hyperparameter."""
    found = tensor(f, expression)
    if found is None:
        return None
    if found.shape or f.walk.type(found.name).rows != Rows.ONCE:
        f.error("E0124", f"{what} must be a number or a hyperparameter", expression.span)
        return None
    return found


def told(f: Frame, value: Tensor) -> str:
    """A shape in words: `[K=3, H]` where the dim `K` is fixed to 3."""
    why = value.why or (None,) * len(value.shape)
    sizes = (axis_told(f, *pair) for pair in zip(value.shape, why, strict=True))
    return f"[{', '.join(sizes)}]"


def axis_told(f: Frame, size: Size, reason: Span | None) -> str:
    fixed = reason is not None and reason.text in f.walk.choices.structural
    return f"{reason.text}={size}" if fixed and reason is not None else str(size)


def short(span: Span) -> str:
    """The text of a span on one line, cut where it is long."""
    return short_text(span.text)


def short_text(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:38] + "…"


def usual_size(f: Frame, a: Size, b: Size) -> str | None:
    """`128` beside `H`, where 128 is only what `H` is by default."""
    for name, default in f.walk.dim_defaults.items():
        for one, other in ((a, b), (b, a)):
            known = None if default is None else default.constant
            if known is not None and one.constant == known and str(other) == name:
                return f"{one} is only the default of `{name}`: write `{name}`"
    return None


def counterexample(*sizes: Size) -> str:
    """`with H=4: 8 against 4`, or nothing where there are no dims."""
    dims = example(*sizes)
    if not dims:
        return ""
    given = ", ".join(f"{name}={value}" for name, value in dims.items())
    return f"with {given}: " + " against ".join(str(size.evaluate(dims)) for size in sizes)
