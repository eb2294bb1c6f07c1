"""Broadcasting.  In: tensors of several shapes.  Out: one node, or what does not fit and why.

    [K, H] * [H]       the shorter one fits at the end
    [H, H] * [H]       error: it would fit in two places, `expand(v, 0)` or `expand(v, 1)`
    [2*H] * [H]        error: says where each size comes from

The rules are NumPy's, but only a literal size 1 stretches.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Label
from celldsl.diagnostics.span import Span
from celldsl.ir.size import Shape, Size
from celldsl.semantics import wording
from celldsl.semantics.constraints import Constraints
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Tensor, Unknown, Value
from celldsl.syntax import ast

ONE = Size.of(1)
Operand = tuple[ast.Expr, Tensor]
COMPARISONS = {"lt", "le", "eq", "ne", "and", "or", "not"}
LONGEST_CAUSE = 20  # characters


def elementwise(f: Environment, op: str, span: Span, *operands: Operand, text: str = "") -> Value:
    """An elementwise operation on operands that broadcasting brings to one shape."""
    found = together(f, span, operands, text)
    if found is None:
        return Unknown()
    values, why = found
    result = f.context.op(op, *values)
    kind = f.context.type(result)
    return Tensor(result, kind.shape, why, kind.boolean)


def together(
    f: Environment, span: Span, operands: tuple[Operand, ...], text: str = ""
) -> tuple[list[str], tuple[Span | None, ...]] | None:
    """The operands' values in one shape, and where its sizes come from."""
    longest = max((t for _, t in operands), key=lambda t: len(t.shape))
    shape, why = longest.shape, longest.why
    for expression, other in operands:
        joined = _join(f.context.constraints, shape, why, other)
        if joined is None or ambiguous(f, shape, other.shape):
            _explain(f, span, operands, (expression, other), text)
            return None
        shape, why = joined
    return [stretched(f, t, shape) for _, t in operands], why


def stretched(f: Environment, value: Tensor, shape: Shape) -> str:
    """The value with leading axes of size 1 put in and then stretched to `shape`."""
    if value.shape == shape:
        return value.name
    name = value.name
    if value.shape and len(value.shape) < len(shape):
        lead = (ONE,) * (len(shape) - len(value.shape))
        name = f.context.op("reshape", name, shape=lead + value.shape)
    return f.context.op("broadcast", name, shape=shape)


def _join(
    constraints: Constraints, shape: Shape, why: tuple[Span | None, ...], other: Tensor
) -> tuple[Shape, tuple[Span | None, ...]] | None:
    """The shape of both together, or None where they do not fit."""
    lead = len(shape) - len(other.shape)
    sizes, reasons = list(shape), list(why or (None,) * len(shape))
    reasons_of_other = other.why or (None,) * len(other.shape)
    for axis, size in enumerate(other.shape):
        mine = sizes[lead + axis]
        if mine == ONE and size != ONE:
            sizes[lead + axis], reasons[lead + axis] = size, reasons_of_other[axis]
        elif size != ONE and not constraints.equal(mine, size):
            return None
    return tuple(sizes), tuple(reasons)


def ambiguous(f: Environment, long: Shape, short: Shape) -> bool:
    """Whether the shorter shape would fit in more than one place."""
    if not short or len(short) == len(long) or all(size == ONE for size in short):
        return False
    return len(_places(f.context.constraints, long, short)) > 1


def meet(constraints: Constraints, a: Shape, b: Shape) -> bool:
    """Whether two shapes stand beside each other, from the last axis on."""
    pairs = zip(a[::-1], b[::-1], strict=False)
    return all(ONE in pair or constraints.equal(*pair) for pair in pairs)


def _places(constraints: Constraints, long: Shape, short: Shape) -> list[int]:
    def fits(start: int) -> bool:
        pairs = zip(long[start:], short, strict=False)
        return all(b == ONE or constraints.equal(a, b) for a, b in pairs)

    return [start for start in range(len(long) - len(short) + 1) if fits(start)]


def _explain(
    f: Environment, span: Span, operands: tuple[Operand, ...], bad: Operand, text: str
) -> None:
    """Report operands that do not fit, with the reason for each side's size."""
    first = next((o for o in operands if _clash(f, o[1], bad[1])), operands[0])
    if first is bad:
        first = operands[0] if operands[0] is not bad else operands[-1]
    (e1, a), (e2, b) = first, bad
    long, short = ((e1, a), (e2, b)) if len(a.shape) >= len(b.shape) else ((e2, b), (e1, a))
    named = f"`{wording.short(e1.span)}` is {wording.told(f, a)}"
    label = f"{named}, `{wording.short(e2.span)}` is {wording.told(f, b)}"
    if ambiguous(f, long[1].shape, short[1].shape):
        name = wording.short(short[0].span)
        f.error(
            "E0205",
            f"`{name}` {wording.told(f, short[1])} fits {wording.told(f, long[1])} in more than "
            "one place",
            span,
            label,
            help=f"say which: `expand({name}, 0)` for rows, `expand({name}, 1)` for columns"
            + _or_product(text, long, short),
        )
        return
    f.error(
        "E0203",
        f"shapes do not match in `{wording.short(span)}`",
        span,
        label,
        secondary=reasons(f, (e1, a), (e2, b), span),
        help=_help(f, (e1, a), (e2, b), long, short, text),
    )


def _or_product(text: str, long: Operand, short: Operand) -> str:
    if text != "*" or (len(long[1].shape), len(short[1].shape)) != (2, 1):
        return ""
    names = wording.short(long[0].span), wording.short(short[0].span)
    return f"; the matrix product is `{names[0]} @ {names[1]}`"


def _clash(f: Environment, a: Tensor, b: Tensor) -> bool:
    if len(a.shape) < len(b.shape):
        a, b = b, a
    return _join(f.context.constraints, a.shape, a.why, b) is None or ambiguous(f, a.shape, b.shape)


def reasons(f: Environment, one: Operand, other: Operand, span: Span) -> tuple[Label, ...]:
    """Labels that say why each side has its shape, where that was written elsewhere.

    The shape of something declared with dims is plain: it is told only where nothing else is.
    """
    told: list[Label] = []
    plain: list[Label] = []
    for expression, value in (one, other):
        for axis, place in enumerate(value.why):
            if place is None or (span.start <= place.start and place.end <= span.end):
                continue
            if _matching(one[1].shape, other[1].shape, axis):
                continue
            name, shape = wording.short(expression.span), wording.told(f, value)
            label = Label(place, f"`{name}` is {shape} because of {_cause(place)}")
            (plain if _declared(f, expression) else told).append(label)
    kept = told or plain
    return tuple(x for i, x in enumerate(kept) if x.span not in [y.span for y in kept[:i]])


def _cause(place: Span) -> str:
    """What is underlined needs no words of its own where it is long."""
    return f"`{place.text}` here" if len(place.text) <= LONGEST_CAUSE else "this"


def _declared(f: Environment, e: ast.Expr) -> bool:
    binding = f.find(e.id) if isinstance(e, ast.Name) else None
    if binding is None or binding.kind not in ("input", "state", "param", "const"):
        return False
    shape = binding.value.shape if isinstance(binding.value, Tensor) else ()
    return all(str(size).isidentifier() for size in shape)


def product_hint(f: Environment, e: ast.Expr) -> str | None:
    """Where `*` stands for `@` in an expression, or the reverse, as far as shapes show it."""
    match e:
        case ast.Binary("*" | "@" as op, left, right):
            a, b = _shape_of(f, left), _shape_of(f, right)
            text = [wording.short(side.span) for side in (left, right)]
            if op == "*" and (len(a), len(b)) == (2, 1) and f.context.constraints.equal(a[1], b[0]):
                return f"did you mean the product `{text[0]} @ {text[1]}`?"
            if op == "@" and len(a) == 1 == len(b):
                told = "`@` of two vectors is one number; "
                return told + f"elementwise is `{text[0]} * {text[1]}`"
            return product_hint(f, left) or product_hint(f, right)
        case ast.Binary(_, left, right):
            return product_hint(f, left) or product_hint(f, right)
        case ast.Unary(_, operand):
            return product_hint(f, operand)
        case ast.Call(args=args):
            return next((hint for arg in args if (hint := product_hint(f, arg))), None)
    return None


def _shape_of(f: Environment, e: ast.Expr) -> Shape:
    """The shape of a part that is a name, possibly called or negated; () where it is more."""
    match e:
        case ast.Name():
            binding = f.find(e.id)
            value = f.nexts.get(e.id) if e.primed else binding and binding.value
            return value.shape if isinstance(value, Tensor) else ()
        case ast.Unary(_, operand):
            return _shape_of(f, operand)
        case ast.Call(args=(operand,)):
            return _shape_of(f, operand)
    return ()


def _matching(a: Shape, b: Shape, axis: int) -> bool:
    return len(a) == len(b) and a[axis] == b[axis]


def _help(
    f: Environment, one: Operand, other: Operand, long: Operand, short: Operand, text: str
) -> str | None:
    """What would make the shapes fit, where that can be guessed."""
    a, b = one[1].shape, other[1].shape
    constraints = f.context.constraints
    hint = product_hint(f, one[0]) or product_hint(f, other[0])
    if hint is not None:
        return hint
    if len(a) == 1 == len(b):
        for (expression, value), rest in ((one, b[0]), (other, a[0])):
            parts = _ratio(value.shape[0], rest)
            if parts is not None and 2 <= parts <= 16:
                names = ", ".join(_part_names(wording.short(expression.span), parts))
                return f"split it first: `{names} = split(…, {parts})`"
        return wording.usual_size(f, a[0], b[0]) or wording.counterexample(a[0], b[0]) or None
    if len(a) == 2 and a == b[::-1]:
        return f"transposed it fits: `transpose({wording.short(other[0].span)})`"
    if text == "*" and len(a) + len(b) in (3, 4):
        for (left, x), (right, y) in ((one, other), (other, one)):
            if _products_fit(constraints, x.shape, y.shape):
                told = f"{wording.short(left.span)} @ {wording.short(right.span)}"
                return f"did you mean the product `{told}`?"
    places = _places(constraints, long[1].shape, short[1].shape) if short[1].shape else []
    if len(short[1].shape) < len(long[1].shape) and places:
        return f"insert an axis of size 1: `expand({wording.short(short[0].span)}, 1)`"
    pairs = [(x, y) for x, y in zip(a[::-1], b[::-1], strict=False) if not constraints.equal(x, y)]
    return wording.counterexample(*pairs[0]) or None if pairs else None


def _products_fit(constraints: Constraints, a: Shape, b: Shape) -> bool:
    """Whether `@` would take these shapes."""
    inner = b[0] if len(b) <= 2 else None
    return inner is not None and bool(a) and len(a) <= 2 and constraints.equal(a[-1], inner)


def _ratio(a: Size, b: Size) -> int | None:
    try:
        return (a / b).constant
    except ValueError:
        return None


def _part_names(name: str, parts: int) -> list[str]:
    if parts == 2 and name == "u":
        return ["r", "u"]
    stem = name if name.isidentifier() else "a"
    return [f"{stem}{index}" for index in range(parts)]
