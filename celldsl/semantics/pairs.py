"""Complex numbers as pairs of real values.  In: an operation and its operands.  Out: real nodes.

    exp(-ν + 1i * θ)      Pair(exp(-ν) * cos(θ), exp(-ν) * sin(θ))
    B @ x                 Pair(B_re @ x, B_im @ x) for a real x

A part that is None is 0, and costs nothing.  A complex value has a name of its own that stands for
its two parts; no node has that name, so that nothing behind the semantics knows of complex numbers.
Functions of complex numbers are in `pair_functions.py`; all other operations are of real numbers
alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from celldsl.ir.program import Rows, Type
from celldsl.ir.size import Shape, Size
from celldsl.structs import record

TWO = Size.of(2)
# The label of the axis that has both parts.
SIDE = "z"
Attributes = Mapping[str, Any]


@record
class Pair:
    """The parts of a value; a real value has no imaginary one.

    `array` keeps both along its last axis, where there is such an array already.
    """

    real: str | None
    imag: str | None = None
    array: str | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in (self.real, self.imag) if part is not None)


class NotComplex(Exception):
    """An operation of real numbers alone was given a complex one; `op` is its name."""

    def __init__(self, op: str) -> None:
        super().__init__(op)
        self.op = op


class Maker(Protocol):
    """Where nodes of real values are made."""

    def plain(self, name: str, *args: str | float, **attributes: Any) -> str: ...

    def shape(self, value: str) -> Shape: ...

    def type(self, value: str) -> Type: ...


Rule = Callable[[Maker, Sequence[Pair], Attributes], "Pair | str"]
Part = str | None


def stored(shape: Shape) -> Shape:
    """The shape of the array that keeps complex numbers: its last axis has both parts."""
    return (*shape, TWO)


def shape_of(w: Maker, pair: Pair) -> Shape:
    part = pair.imag if pair.real is None else pair.real
    assert part is not None
    return w.shape(part)


def parts_of(w: Maker, array: str) -> Pair:
    """The parts of an array that keeps them along its last axis."""
    *shape, _ = w.shape(array)
    axis = len(shape)

    def part(k: int) -> str:
        cut = w.plain("slice", array, axis=axis, start=Size.of(k), stop=Size.of(k + 1))
        return w.plain("reshape", cut, shape=tuple(shape))

    return Pair(part(0), part(1), array)


def joined(w: Maker, pair: Pair) -> str:
    """The array that keeps both parts along its last axis."""
    if pair.array is not None:
        return pair.array
    shape = shape_of(w, pair)
    column = (*shape, Size.of(1))
    parts = [w.plain("reshape", filled(w, part, shape), shape=column) for part in _both(pair)]
    return w.plain("concat", *parts, axis=len(shape))


def _both(pair: Pair) -> tuple[Part, Part]:
    return pair.real, pair.imag


def filled(w: Maker, part: Part, shape: Shape) -> str:
    """A part, where there is none an array of zeros."""
    if part is not None:
        return part
    return w.plain("broadcast", w.plain("number", value=0.0), shape=shape)


def aligned(w: Maker, operands: Sequence[Pair]) -> list[Pair]:
    """The operands of an elementwise operation in one shape: a scalar stands beside anything."""
    shape = max((shape_of(w, pair) for pair in operands), key=len)

    def stretched(part: Part) -> Part:
        if part is None or w.shape(part) == shape:
            return part
        return w.plain("broadcast", part, shape=shape)

    return [Pair(*map(stretched, _both(pair))) for pair in operands]


# ---------------------------------------------------------------- rules


def _each(op: str) -> Rule:
    """What moves, sums or stretches elements does so with each part; other operands are real."""

    def rule(w: Maker, operands: Sequence[Pair], attributes: Attributes) -> Pair:
        first, *others = operands
        if any(other.imag is not None for other in others):
            raise NotComplex(op)
        rest = [other.real for other in others if other.real is not None]
        return Pair(*(_through(w, op, part, rest, attributes) for part in _both(first)))

    return rule


def _through(w: Maker, op: str, part: Part, rest: list[str], attributes: Attributes) -> Part:
    return None if part is None else w.plain(op, part, *rest, **attributes)


def _whole(op: str, first: int = 0) -> Rule:
    """An operation on the parts of all operands from `first` on, with zeros where there is none."""

    def rule(w: Maker, operands: Sequence[Pair], attributes: Attributes) -> Pair:
        fixed = [pair.real for pair in operands[:first] if pair.real is not None]
        if len(fixed) < first or any(pair.imag is not None for pair in operands[:first]):
            raise NotComplex(op)
        found: list[Part] = []
        for side in zip(*map(_both, operands[first:]), strict=True):
            shapes = [shape_of(w, pair) for pair in operands[first:]]
            parts = [filled(w, part, shape) for part, shape in zip(side, shapes, strict=True)]
            found.append(w.plain(op, *fixed, *parts, **attributes) if any(side) else None)
        return Pair(*found)

    return rule


def _sum(w: Maker, a: Part, b: Part) -> Part:
    return (a or b) if a is None or b is None else w.plain("add", a, b)


def _difference(w: Maker, a: Part, b: Part) -> Part:
    if b is None:
        return a
    return w.plain("neg", b) if a is None else w.plain("sub", a, b)


def _add(w: Maker, operands: Sequence[Pair], _: Attributes) -> Pair:
    a, b = operands
    return Pair(_sum(w, a.real, b.real), _sum(w, a.imag, b.imag))


def _sub(w: Maker, operands: Sequence[Pair], _: Attributes) -> Pair:
    a, b = operands
    return Pair(_difference(w, a.real, b.real), _difference(w, a.imag, b.imag))


def _bilinear(op: str) -> Rule:
    """Products: of numbers, and sums of such."""

    def rule(w: Maker, operands: Sequence[Pair], attributes: Attributes) -> Pair:
        a, b = operands

        def times(x: Part, y: Part) -> Part:
            return None if x is None or y is None else w.plain(op, x, y, **attributes)

        return Pair(
            _difference(w, times(a.real, b.real), times(a.imag, b.imag)),
            _sum(w, times(a.real, b.imag), times(a.imag, b.real)),
        )

    return rule


def product(w: Maker, operands: Sequence[Pair], attributes: Attributes) -> Pair:
    """Of numbers, element by element."""
    found = _bilinear("mul")(w, operands, attributes)
    assert isinstance(found, Pair)
    return found


def _einsum(w: Maker, operands: Sequence[Pair], attributes: Attributes) -> Pair:
    """A product of weights and what changes is summed over both parts at once.

    The array of (z_re, z_im) meets that of (W_re, -W_im) and that of (W_im, W_re): two products
    with one factor, which are one later, in the place of four.
    """
    spec, weights = attributes["spec"], _weights(w, operands)
    if weights is None or None in (*_both(operands[0]), *_both(operands[1])):
        found = _bilinear("einsum")(w, operands, attributes)
        assert isinstance(found, Pair)
        return found
    fixed, moving = operands[weights], joined(w, operands[1 - weights])
    assert fixed.real is not None and fixed.imag is not None
    left, right, result = _labels(spec)
    both = f"{left}{SIDE},{right}{SIDE}->{result}"
    parts = []
    for pair in (conjugate(w, fixed), Pair(fixed.imag, fixed.real)):
        arrays = (joined(w, pair), moving) if weights == 0 else (moving, joined(w, pair))
        parts.append(w.plain("einsum", *arrays, spec=both))
    return Pair(*parts)


def _weights(w: Maker, operands: Sequence[Pair]) -> int | None:
    """Which operand of a product that sums is the same at all steps, where the other is not."""
    rows = [w.type(part).rows for pair in operands for part in _both(pair)[:1] if part is not None]
    if len(rows) < 2 or Rows.ONCE not in rows or rows[0] == rows[1]:
        return None
    return rows.index(Rows.ONCE)


def _labels(spec: str) -> tuple[str, str, str]:
    operands, result = spec.split("->")
    left, right = operands.split(",")
    return left, right, result


def conjugate(w: Maker, pair: Pair) -> Pair:
    return Pair(pair.real, None if pair.imag is None else w.plain("neg", pair.imag))


def _div(w: Maker, operands: Sequence[Pair], attributes: Attributes) -> Pair:
    a, b = operands
    if b.imag is None:
        return Pair(*(_through(w, "ratio", part, [b.real or ""], {}) for part in _both(a)))
    if b.real is None:
        turned = Pair(a.imag, None if a.real is None else w.plain("neg", a.real))
        return Pair(*(_through(w, "ratio", part, [b.imag], {}) for part in _both(turned)))
    return _quotient(w, a, (b.real, b.imag))


def _quotient(w: Maker, a: Pair, below: tuple[str, str]) -> Pair:
    """By the quotient q of the divisor's parts, which is at most 1 (Smith, 1962).

    With c + id below, where |d| <= |c| and q = d/c, it is ((a + bq) + i(b - aq)) / (c + dq);
    otherwise a and b change places, and so do c and d, and the imaginary part its sign.
    """
    real, imag = (part or 0.0 for part in _both(a))
    swapped, longer, shorter, q = quotient_of_parts(w, below)
    whole = w.plain("add", longer, w.plain("mul", shorter, q))
    first, second = w.plain("where", swapped, imag, real), w.plain("where", swapped, real, imag)
    along = w.plain("add", first, w.plain("mul", second, q))
    across = w.plain("sub", second, w.plain("mul", first, q))
    turned = w.plain("where", swapped, w.plain("neg", across), across)
    return Pair(w.plain("ratio", along, whole), w.plain("ratio", turned, whole))


def quotient_of_parts(w: Maker, parts: tuple[str, str]) -> tuple[str, str, str, str]:
    """Whether the imaginary part is the longer one; the longer, the shorter, their quotient.

    That is 0 where both are, and where the longer one is infinite.
    """
    real, imag = parts
    swapped = w.plain("lt", w.plain("abs", real), w.plain("abs", imag))
    longer, shorter = w.plain("where", swapped, imag, real), w.plain("where", swapped, real, imag)
    size = w.plain("abs", longer)
    apart = w.plain("or", w.plain("eq", size, 0.0), w.plain("eq", size, math.inf))
    q = w.plain(
        "ratio", w.plain("where", apart, 0.0, shorter), w.plain("where", apart, 1.0, longer)
    )
    return swapped, longer, shorter, q


def power(w: Maker, pair: Pair) -> str:
    """The square of the modulus."""
    squares = [None if part is None else w.plain("square", part) for part in _both(pair)]
    found = _sum(w, *squares)
    assert found is not None
    return found


def _square(w: Maker, operands: Sequence[Pair], _: Attributes) -> Pair:
    (z,) = operands
    if z.real is None or z.imag is None:
        return Pair(_difference(w, *(_through(w, "square", part, [], {}) for part in _both(z))))
    twice = w.plain("mul", w.plain("mul", z.real, z.imag), 2.0)
    real = w.plain("sub", w.plain("square", z.real), w.plain("square", z.imag))
    return Pair(real, twice)


RULES: dict[str, Rule] = {
    **{op: _each(op) for op in (
        "neg", "reshape", "broadcast", "slice", "transpose", "roll", "sum", "cumsum",
        "stop_gradient", "scale_gradient", "pick", "window",
    )},
    "concat": _whole("concat"),
    "surrogate": _whole("surrogate"),
    "where": _whole("where", first=1),
    "add": _add,
    "sub": _sub,
    "mul": product,
    "einsum": _einsum,
    "div": _div,
    "square": _square,
}  # fmt: skip
