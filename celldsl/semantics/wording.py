"""Words for messages.  In: values, sizes and places.  Out: text to put between backquotes, or help.

    told(environment, value)    [K=3, H]
    short(span)                 what was written, on one line
    counterexample(H, 2*K)      with H=4, K=5: 4 against 10

Reasons for sizes are told as the caller sees them:

    sub a = GRU[I, 128]         a(x) is [128] because of `128` here, not of `H` in another cell
    f = gate(x, 2*H)            f is [2*H] because of `2*H` here, not of `N` in the function

Which names could stand in a place is asked only where a name is not there, to tell which one was
meant:

    g * hiden                   names of a shape that fits beside `g`
    linear(x, Hh)               names of sizes
"""

from __future__ import annotations

from collections.abc import Mapping

from celldsl.diagnostics.span import Span
from celldsl.ir.size import Shape, Size
from celldsl.semantics.constraints import example
from celldsl.semantics.context import Environment, Inner
from celldsl.semantics.environment import Binding, Fits, Several, Static, Tensor, Unknown, Value
from celldsl.structs import replace
from celldsl.syntax import ast

# A warning: its code, a sentence, the place, help, and what a fix puts into the place.
Warned = tuple[str, str, Span, "str | None", "str | None"]


def told(f: Environment, value: Tensor) -> str:
    """A shape in words: `[K=3, H]` where the dim `K` is fixed to 3."""
    why = value.why or (None,) * len(value.shape)
    sizes = (axis_told(f, *pair) for pair in zip(value.shape, why, strict=True))
    return f"[{', '.join(sizes)}]"


def axis_told(f: Environment, size: Size, reason: Span | None) -> str:
    fixed = reason is not None and reason.text in f.context.choices.structural
    return f"{reason.text}={size}" if fixed and reason is not None else str(size)


def short(span: Span) -> str:
    """The text of a span on one line, cut where it is long."""
    return short_text(span.text)


def short_text(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:38] + "…"


def usual_size(f: Environment, a: Size, b: Size) -> str | None:
    """`128` beside `H`, where 128 is only what `H` is by default."""
    for name, default in f.context.dim_defaults.items():
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


def seen_outside(inner: Inner, value: Value) -> Value:
    """What an inner cell gives."""
    return outward(value, inner.cell.span, inner.given, inner.declared)


def outward(value: Value, body: Span, given: Mapping[str, Span], outside: Span) -> Value:
    """The value with reasons inside `body` moved to what was `given` for a name, or `outside`."""
    match value:
        case Several(items):
            return Several(tuple(outward(item, body, given, outside) for item in items))
        case Tensor(why=why) if any(reason is not None and _within(reason, body) for reason in why):
            return replace(value, why=tuple(_moved(r, body, given, outside) for r in why))
    return value


def _within(reason: Span, body: Span) -> bool:
    return reason.source is body.source and body.start <= reason.start < body.end


def _moved(
    reason: Span | None, body: Span, given: Mapping[str, Span], outside: Span
) -> Span | None:
    if reason is None or not _within(reason, body):
        return reason
    return given.get(reason.text, outside)


# ---------------------------------------------------------------- names that fit


def elaborate_beside(f: Environment, e: ast.Expr, fits: Fits) -> Value:
    """What an expression means; a name that is not there is taken for one that fits."""
    if not isinstance(e, ast.Name):
        return f.elaborate(e)
    outer, f.fits = f.fits, fits
    try:
        return f.elaborate(e)
    finally:
        f.fits = outer


def is_size(binding: Binding) -> bool:
    return binding.kind in ("dim", "index", "hyper") or isinstance(binding.value, Static)


def has_shape(f: Environment, shape: Shape) -> Fits:
    """Names of values that have a shape, or are scalars."""

    def fits(binding: Binding) -> bool:
        match binding.value:
            case Tensor(shape=found):
                return not found or f.context.constraints.same_shape(found, shape)
            case Static() | Unknown():
                return binding.kind != "sub"
        return False

    return fits


def beside(f: Environment, op: str, other: Value | None) -> Fits:
    """Names that can stand beside a value in an operation."""
    if op == "@" and isinstance(other, Tensor):
        return lambda binding: isinstance(binding.value, Tensor) and bool(binding.value.shape)
    return has_shape(f, other.shape) if isinstance(other, Tensor) else f.fits
