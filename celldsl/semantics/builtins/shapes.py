"""Functions that move elements.  In: tensors, counts, shapes.  Out: nodes without arithmetic.

r, u = split(v, 2)          h, p = split(v, [2*H, P])        concat([v, w])
reshape(v, [K, H/K])        expand(v, 1)                     roll(v, 1)
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix
from celldsl.diagnostics.span import Span
from celldsl.ir.size import Shape, Size, product, shape_text
from celldsl.semantics import conversions as convert
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics import wording
from celldsl.semantics.builtins.function import (
    Bound,
    Function,
    axis,
    divided,
    given,
    ranked,
    tensor,
)
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Several, Tensor, Unknown, Value
from celldsl.semantics.indexing import cut
from celldsl.syntax import ast

ONE = Size.of(1)
MAX_PARTS = 10_000


def _split(f: Environment, e: ast.Call, a: Bound) -> Value:
    if _turned_round(f, e, a):
        return Unknown()
    v = ranked(f, a, "v", 1, e)
    place = None if v is None else axis(f, a, len(v.shape))
    if v is None or place is None:
        return Unknown()
    parts = given(a, "parts")
    sizes = _sizes(f, v, place, parts) if isinstance(parts, ast.ListOf) else None
    if sizes is None and not isinstance(parts, ast.ListOf):
        sizes = _equal_parts(f, v, place, parts)
    if sizes is None:
        return Unknown()
    reasons = parts.items if isinstance(parts, ast.ListOf) else (e,) * len(sizes)
    return Several(tuple(_cuts(f, v, place, sizes, reasons)))


def _turned_round(f: Environment, e: ast.Call, a: Bound) -> bool:
    """TensorFlow's order of arguments: `split(2, v)`, or `split(0, 2, v)` with the axis first."""
    first, second, third = given(a, "v"), given(a, "parts"), a["axis"]
    if not isinstance(first, ast.Number):
        return False
    if third is not None and len(e.args) == 3:
        swapped = f"split({third.span.text}, {second.span.text}, axis={first.span.text})"
    else:
        more = "" if third is None else f", axis={third.span.text}"
        swapped = f"split({second.span.text}, {first.span.text}{more})"
    f.error(
        "E0125",
        "`split` takes the value first and the number of parts second",
        e.span,
        help=f"write `{wording.short_text(swapped)}`",
        fix=Fix(e.span, swapped),
    )
    return True


def _equal_parts(f: Environment, v: Tensor, place: int, parts: ast.Expr) -> list[Size] | None:
    count = written_sizes.integer(f, parts, "the number of parts")
    if count is None:
        return None
    if not 1 <= count <= MAX_PARTS:
        f.error("E0208", f"cannot split into {count} parts", parts.span)
        return None
    what = f"a part of {v.shape[place]} split into {count}"
    share = divided(f, v.shape[place], count, parts, what, _wider(v.shape[place], count))
    return None if share is None else [share] * count


def _wider(size: Size, count: int) -> str | None:
    """`3*H` split into 4: a part was forgotten, on one side or the other."""
    match size.terms:
        case ((((name, 1),), factor),) if factor not in (1, count) and factor.denominator == 1:
            return f"{count} parts of [{name}] need `{count}*{name}`"
    return None


def _sizes(f: Environment, v: Tensor, place: int, parts: ast.ListOf) -> list[Size] | None:
    sizes = [written_sizes.positive_size(f, item, "a part") for item in parts.items]
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        return None
    total = sum(known, Size.of(0))
    if not f.context.constraints.equal(total, v.shape[place]):
        told = wording.counterexample(total, v.shape[place])
        f.error(
            "E0209",
            f"the parts make {total}, and the value has {v.shape[place]}",
            parts.span,
            told,
        )
        return None
    return known


def _cuts(
    f: Environment, v: Tensor, place: int, sizes: list[Size], reasons: tuple[ast.Expr, ...]
) -> list[Tensor]:
    start, found = Size.of(0), []
    for size, reason in zip(sizes, reasons, strict=True):
        found.append(cut(f, v, place, start, start + size, reason.span))
        start = start + size
    return found


def _concat(f: Environment, e: ast.Call, a: Bound) -> Value:
    parts = given(a, "parts")
    if not isinstance(parts, ast.ListOf) or not parts.items:
        listed = [arg.span.text for arg in e.args] if len(e.args) > 1 else ["v", "w"]
        better = f"concat([{', '.join(listed)}])"
        f.error(
            "E0124",
            "`concat` takes a list of values",
            parts.span,
            help=f"write `{better}`",
            fix=Fix(e.span, better) if len(e.args) > 1 else None,
        )
        return Unknown()
    values = [convert.tensor(f, item) for item in parts.items]
    known = [v for v in values if v is not None]
    if len(known) < len(values):
        return Unknown()
    known = [_at_least_vector(f, v) for v in known]
    place = axis(f, {**a, "v": parts}, len(known[0].shape))
    if place is None or not _joinable(f, parts, known, place):
        return Unknown()
    name = f.context.op("concat", *(v.name for v in known), axis=place)
    return Tensor(name, f.context.shape(name), _why(known[0], place, e))


def _why(v: Tensor, place: int, e: ast.Call) -> tuple[Span | None, ...]:
    why = v.why or (None,) * len(v.shape)
    return (*why[:place], e.span, *why[place + 1 :])


def _at_least_vector(f: Environment, v: Tensor) -> Tensor:
    """A scalar counts as one element."""
    if v.shape:
        return v
    return Tensor(f.context.op("reshape", v.name, shape=(ONE,)), (ONE,), (None,))


def _joinable(f: Environment, parts: ast.ListOf, values: list[Tensor], place: int) -> bool:
    first = values[0]
    for item, v in zip(parts.items, values, strict=True):
        rest = [(*s[:place], *s[place + 1 :]) for s in (first.shape, v.shape)]
        if len(v.shape) != len(first.shape) or not f.context.constraints.same_shape(
            rest[0], rest[1]
        ):
            names = [wording.short(parts.items[0].span), wording.short(item.span)]
            f.error(
                "E0203",
                f"`{names[0]}` and `{names[1]}` cannot be joined along axis {place}",
                item.span,
                f"`{names[0]}` is {shape_text(first.shape)}, `{names[1]}` is {shape_text(v.shape)}",
            )
            return False
    return True


def _reshape(f: Environment, e: ast.Call, a: Bound) -> Value:
    v, shape = tensor(f, a, "v"), written_sizes.shape(f, given(a, "shape"), "the shape")
    if v is None or shape is None:
        return Unknown()
    before, after = product(v.shape), product(shape)
    if not f.context.constraints.equal(before, after):
        f.error(
            "E0203",
            f"{shape_text(v.shape)} cannot become {shape_text(shape)}",
            e.span,
            f"{before} elements against {after}",
            help=wording.counterexample(before, after) or None,
        )
        return Unknown()
    name = f.context.op("reshape", v.name, shape=shape)
    listing = given(a, "shape")
    assert isinstance(listing, ast.ListOf)
    return Tensor(name, shape, tuple(item.span for item in listing.items))


def _transpose(f: Environment, e: ast.Call, a: Bound) -> Value:
    v = ranked(f, a, "v", 2, e)
    if v is None:
        return Unknown()
    perm = tuple(range(len(v.shape)))[::-1] if a["axes"] is None else _axes(f, v, given(a, "axes"))
    if perm is None:
        return Unknown()
    name = f.context.op("transpose", v.name, perm=perm)
    why = v.why or (None,) * len(v.shape)
    return Tensor(name, f.context.shape(name), tuple(why[axis] for axis in perm))


def _axes(f: Environment, v: Tensor, axes: ast.Expr) -> tuple[int, ...] | None:
    if not isinstance(axes, ast.ListOf):
        f.error("E0124", "`axes` must be a list", axes.span, "write `[1, 0]`")
        return None
    found = [written_sizes.integer(f, item, "an axis") for item in axes.items]
    known = tuple(axis for axis in found if axis is not None)
    if len(known) < len(found):
        return None
    if sorted(known) != list(range(len(v.shape))):
        told = f"the value has axes 0 to {len(v.shape) - 1}"
        f.error("E0210", "`axes` must name every axis once", axes.span, told)
        return None
    return known


def _expand(f: Environment, e: ast.Call, a: Bound) -> Value:
    v = tensor(f, a, "v")
    place = None if v is None else axis(f, a, len(v.shape) + 1)
    if v is None or place is None or not may_expand(f, v, e.span):
        return Unknown()
    return expanded(f, v, place)


def may_expand(f: Environment, v: Tensor, span: Span) -> bool:
    if len(v.shape) < written_sizes.MAX_AXES:
        return True
    f.error("E0210", f"a value has at most {written_sizes.MAX_AXES} axes", span)
    return False


def expanded(f: Environment, v: Tensor, place: int) -> Tensor:
    """The value with an axis of size 1 put in."""
    shape: Shape = (*v.shape[:place], ONE, *v.shape[place:])
    why = v.why or (None,) * len(v.shape)
    name = f.context.op("reshape", v.name, shape=shape)
    return Tensor(name, shape, (*why[:place], None, *why[place:]))


def _roll(f: Environment, e: ast.Call, a: Bound) -> Value:
    v = ranked(f, a, "v", 1, e)
    k = written_sizes.integer(f, given(a, "k"), "the shift of `roll`")
    place = None if v is None else axis(f, a, len(v.shape))
    if v is None or k is None or place is None:
        return Unknown()
    return Tensor(f.context.op("roll", v.name, axis=place, k=k), v.shape, v.why)


ENTRIES = (
    Function("split", "v, parts, axis=-1", "equal parts, or parts of the sizes in a list", _split),
    Function("concat", "parts, axis=-1", "the values one after the other along an axis", _concat,
             too_many="the values stand in a list: `concat([v, w])`"),
    Function("reshape", "v, shape", "the same elements in order, in another shape", _reshape),
    Function("transpose", "v, axes=", "the axes in reverse order, or in that of `axes`",
             _transpose),
    Function("expand", "v, axis", "an axis of size 1 put in", _expand),
    Function("roll", "v, k, axis=-1", "element i is element i - k, around the end", _roll),
)  # fmt: skip
