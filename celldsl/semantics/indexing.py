"""Indices.  In: `v[k]`, `v[a:b]`, `A[:, 0]`, `E[token]`.  Out: slices and elements.

    E[token]              row `token` of E
    A[:, token]           column `token`
    one_hot(token, V)     1 at `token`, else 0

Bounds hold for all sizes.  An integer that picks is below its limit, which must not be past the end
of the axis.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix, Label
from celldsl.diagnostics.span import Span
from celldsl.ir.size import Size, shape_text
from celldsl.semantics import conversions as convert
from celldsl.semantics import sizes as written_sizes
from celldsl.semantics import wording
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import (
    FunctionValue,
    Listing,
    Several,
    Stack,
    Tensor,
    Unknown,
    Value,
)
from celldsl.syntax import ast

_LATER = "begin the loop later, or treat this case by an `if`"


def index(f: Environment, e: ast.Index) -> Value:
    stack = _filling(f, e.value)
    if stack is not None:
        return _slice_so_far(f, e, stack)
    value = f.elaborate(e.value)
    if isinstance(value, Listing | Several):
        f.error("E0111", f"`{wording.short(e.value.span)}` has no elements to index", e.span)
        return Unknown()
    if isinstance(value, FunctionValue):
        _ask_round(f, e)
        return Unknown()
    found = convert.as_tensor(f, value, e.value.span)
    if found is None:
        return Unknown()
    if len(e.items) > len(found.shape):
        wanted = f"{len(e.items)} axes" if len(e.items) > 1 else "axis"
        f.error(
            "E0210",
            f"`{wording.short(e.value.span)}` is {shape_text(found.shape)} and has no {wanted} to "
            "index",
            e.span,
            help="batch and time are no axes: a cell is written for one example at one step",
        )
        return Unknown()
    return _cut_by(f, found, e.items)


def _cut_by(f: Environment, found: Tensor, items: tuple[ast.Expr | ast.Range, ...]) -> Value:
    axis = 0
    for item in items:
        step = _range if isinstance(item, ast.Range) else _single
        sliced = step(f, found, axis, item)  # type: ignore[arg-type]
        if sliced is None:
            return Unknown()
        found = sliced
        axis += isinstance(item, ast.Range)
    return found


def _filling(f: Environment, e: ast.Expr) -> Stack | None:
    """What the loop around fills slice by slice, where `e` names it: `y` of `y[k] = …`, or `S'`."""
    if not isinstance(e, ast.Name) or (e.primed and e.id in f.nexts):
        return None
    return f.stacks.get(e.id + "'" * e.primed)


def _slice_so_far(f: Environment, e: ast.Index, stack: Stack) -> Value:
    """A slice that a line above has set, in this iteration or in an earlier one."""
    assert isinstance(e.value, ast.Name)
    name = e.value.id + "'" * e.value.primed
    first, *rest = e.items
    if isinstance(first, ast.Range):
        told = f"`{name}` is whole after the loop that sets its slices"
        help = (
            f"one slice can be read in it, after the line that sets it: `{name}[{stack.variable}]`"
        )
        f.error("E0103", told, e.span, help=help)
        return Unknown()
    if e.value.primed:
        f.context.usage.new_reads.setdefault(f.prefix + e.value.id, set()).add(e.value.span)
    else:
        f.context.usage.used.add(stack.span)
    place = written_sizes.integer(f, first, "an index")
    if place is None:
        return Unknown()
    if place < 0:
        told, help = f"`{wording.short(first.span)}` is {place} here", _LATER
        f.error("E0208", told, first.span, "indices begin at 0", help=help)
        return Unknown()
    if place not in stack.slices:
        there = ", ".join(f"{name}[{k}]" for k in sorted(stack.slices)) or "none"
        f.error(
            "E0103",
            f"`{name}[{place}]` is read before the line that sets it",
            e.value.span,
            f"set so far: {there}",
            secondary=(Label(stack.span, "its slices are set here"),),
            help=f"in an iteration, `{name}[{stack.variable}]` can be read below that line",
        )
        return Unknown()
    found = stack.slices[place]
    if found is None:
        return Unknown()
    if len(rest) > len(found.shape):
        told = f"`{wording.short(e.value.span)}[{place}]` is {shape_text(found.shape)}"
        f.error("E0210", f"{told} and has no {len(rest)} axes to index", e.span)
        return Unknown()
    return _cut_by(f, found, tuple(rest))


def _ask_round(f: Environment, e: ast.Index) -> None:
    """`tanh[x]`"""
    text = e.span.text
    inside = text.removeprefix(e.value.span.text).strip()[1:-1]
    better = f"{e.value.span.text}({inside})"
    help, told = f"write `{better}`", f"`{e.value.span.text}` is a function, and has no elements"
    f.error("E0111", told, e.span, help=help, fix=Fix(e.span, better))


def _range(f: Environment, value: Tensor, axis: int, item: ast.Range) -> Tensor | None:
    length = value.shape[axis]
    low = Size.of(0) if item.low is None else written_sizes.size(f, item.low, "an index")
    high = length if item.high is None else written_sizes.size(f, item.high, "an index")
    if low is None or high is None:
        return None
    if item.low is None and item.high is None:
        return value
    a, b = _text(item.low, low), _text(item.high, high)
    past = f"{b} may be past the end, {length}"
    ok = (
        within(f, low, item.low or item, length)
        and _shown(f, high - low - 1, item.span, f"{a}:{b} may be empty", f"{a} < {b}")
        and _shown(f, length - high, item.span, past, f"{b} <= {length}")
    )
    return cut(f, value, axis, low, high, item.span) if ok else None


def _text(written: ast.Expr | None, size: Size) -> str:
    """A bound as it was written: what stands for it now may be one choice of several."""
    return str(size) if written is None else wording.short(written.span)


def _single(f: Environment, value: Tensor, axis: int, item: ast.Expr) -> Tensor | None:
    length = value.shape[axis]
    if isinstance(item, ast.ListOf):
        told = "an index is one number or a range, not a list"
        help = "gathering is outside the language; slices can be joined: `concat([v[0:1], v[2:3]])`"
        f.error("E0124", told, item.span, help=help)
        return None
    binding = f.find(item.id) if isinstance(item, ast.Name) else None
    named = None if binding is None else binding.value
    if isinstance(named, Tensor) and named.limit is not None:
        index = f.elaborate(item)
        return picked(f, value, axis, item, index) if isinstance(index, Tensor) else None
    if _is_data(f, item):
        return None
    k = written_sizes.size(f, item, "an index")
    if k is None or not within(f, k, item, length):
        return None
    text, told = _text(item, k), wording.axis_told(f, length, (value.why or (None,))[axis])
    here = f"{text} may be past the end, {told}"
    if k.constant is not None and text != str(k):
        here = f"{text} is {k}, and the axis has {told}"
    # A condition knows no index of a loop.
    bound = str(k) if _counted(f, item) else text
    if not _shown(f, length - k - 1, item.span, here, f"{bound} < {length}"):
        return None
    part = cut(f, value, axis, k, k + 1, item.span)
    return dropped(f, part, axis)


def _is_data(f: Environment, item: ast.Expr) -> bool:
    """`E[x]`, `E[token + 1]`: what is known only while the cell runs, and is no integer input."""
    names = convert.data_in(f, item)
    if not names:
        return False
    first = f.find(names[0].id)
    text, help = (
        wording.short(item.span),
        "choose by data with `where`, or softly: `softmax(s) @ E`",
    )
    if first is not None and isinstance(first.value, Tensor) and first.value.limit is not None:
        help = f"an integer picks as it comes: let the caller add to `{names[0].id}`"
    elif first is not None and isinstance(first.value, Tensor) and first.value.boolean:
        help = f"choose: `where({text}, a, b)`"
    elif first is not None and first.kind == "input" and isinstance(item, ast.Name):
        help = f"to pick by it, declare it as an integer: `input {text}: int[V]`"
    told = "an index is known early, or an integer input"
    f.error("E0124", told, item.span, f"`{text}` is known only while the cell runs", help=help)
    return True


def _counted(f: Environment, item: ast.Expr) -> bool:
    bindings = [f.find(name.id) for name in convert.names_in(item)]
    return any(binding is not None and binding.kind == "index" for binding in bindings)


def within(f: Environment, low: Size, item: ast.Node, length: Size) -> bool:
    """Whether an index is 0 or more."""
    if f.context.constraints.not_negative(low):
        return True
    if low.constant is None and not f.context.constraints.not_negative(-low - 1):
        needed = f'add `require {low} >= 0, "…"`'
        f.error("E0208", f"the index {low} may be negative", item.span, help=needed)
        return False
    text = wording.short(item.span)
    help: str | None
    fix: Fix | None = None
    if isinstance(item, ast.Unary):
        better = str(length + low)
        told, label = f"the index {low} is negative", "indices count from the front"
        help, fix = f"from the end it is `{better}`", Fix(item.span, better)
    else:
        told, label = f"the index `{text}` is {low} here", "indices begin at 0"
        help = _LATER if f.iterations else None
    f.error("E0208", told, item.span, label, help=help, fix=fix)
    return False


def _shown(f: Environment, size: Size, span: Span, told: str, condition: str) -> bool:
    if f.context.constraints.not_negative(size):
        return True
    known = f.context.constraints.not_negative(-size - 1)
    f.error(
        "E0208",
        "an index is out of range" if known else "an index may be out of range",
        span,
        told.replace("may be", "is") if known else told,
        help=None if known else f'add `require {condition}, "…"`',
    )
    return False


def cut(f: Environment, value: Tensor, axis: int, low: Size, high: Size, span: Span) -> Tensor:
    """The elements `low` to `high` of an axis."""
    why = value.why or (None,) * len(value.shape)
    why = (*why[:axis], span, *why[axis + 1 :])
    if value.shape[axis] == high - low:
        return Tensor(value.name, value.shape, why, value.boolean)
    name = f.context.op("slice", value.name, axis=axis, start=low, stop=high)
    return Tensor(name, f.context.shape(name), why, value.boolean)


def dropped(f: Environment, value: Tensor, axis: int) -> Tensor:
    """The value without an axis of size 1."""
    shape = (*value.shape[:axis], *value.shape[axis + 1 :])
    why = value.why or (None,) * len(value.shape)
    name = f.context.op("reshape", value.name, shape=shape)
    return Tensor(name, shape, (*why[:axis], *why[axis + 1 :]), value.boolean)


# ---------------------------------------------------------------- integers that pick


def picked(
    f: Environment, value: Tensor, axis: int, item: ast.Expr, index: Tensor
) -> Tensor | None:
    """The value without an axis, at the place on it that the integer says."""
    if not below(f, index, value.shape[axis], item, (value.why or (None,) * 9)[axis]):
        return None
    order = (axis, *(place for place in range(len(value.shape)) if place != axis))
    source = value.name
    if axis:
        source = f.context.op("transpose", source, perm=order)
    why = value.why or (None,) * len(value.shape)
    name = f.context.op("pick", source, index.name)
    return Tensor(name, f.context.shape(name), (*why[:axis], *why[axis + 1 :]))


def one_hot(f: Environment, index: Tensor, n: Size, why: ast.Expr) -> Tensor:
    w = f.context
    here = w.op("eq", w.op("arange", n=n), index.name)
    name = w.composed(w.op("where", here, 1.0, 0.0), "one_hot", index.name, n=n)
    return Tensor(name, w.shape(name), (why.span,))


def below(f: Environment, index: Tensor, length: Size, item: ast.Expr, why: object = None) -> bool:
    """Whether every value of the integer is a place on the axis."""
    limit, text = index.limit, wording.short(item.span)
    assert limit is not None
    if f.context.constraints.not_negative(length - limit):
        return True
    known = f.context.constraints.not_negative(limit - length - 1)
    f.error(
        "E0208",
        f"the index `{text}` {'goes' if known else 'may go'} past the end",
        item.span,
        f"`{text}` is below {limit}, and the axis has {length}",
        help=wording.counterexample(limit, length)
        if known
        else f'make both {limit}, or add `require {limit} <= {length}, "…"`',
    )
    return False
