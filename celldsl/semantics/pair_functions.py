"""Functions of complex numbers, by their parts.  In: pairs.  Out: pairs.

    log(a + ib)      log |a + ib| + iφ, where -π ≤ φ ≤ π

Those with several values have the principal one, as NumPy's have, with the cut along the negative
real numbers, whose sides the sign of an imaginary 0 tells apart.  Every formula is smooth off its
cuts and poles, so that its derivative is the derivative of the function, and none of them cancels
near the real axis.  None of them, and no derivative of theirs, squares what may be large or small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from celldsl.semantics.pairs import (
    RULES,
    Attributes,
    Maker,
    NotComplex,
    Pair,
    Rule,
    aligned,
    filled,
    product,
    quotient_of_parts,
    shape_of,
)
from celldsl.structs import record

ALIGNED = frozenset({"add", "sub", "mul", "div", "pow", "where", "surrogate", "scale_gradient"})
Parts = tuple[str, str]


def lowered(w: Maker, op: str, operands: Sequence[Pair], attributes: Attributes) -> Pair | str:
    """The parts of what an operation gives, or its one value where that is always real."""
    rule = RULES.get(op) or FUNCTIONS.get(op)
    if rule is None:
        raise NotComplex(op)
    if op in ALIGNED:
        operands = aligned(w, operands)
    return rule(w, operands, attributes)


def _both(w: Maker, pair: Pair) -> Parts:
    shape = shape_of(w, pair)
    return filled(w, pair.real, shape), filled(w, pair.imag, shape)


def _negative(w: Maker, part: str) -> str:
    """Whether the sign is that of negative numbers; -0.0 has it."""
    return w.plain("lt", w.plain("copysign", 1.0, part), 0.0)


def _right(w: Maker, a: str) -> Parts:
    """|a|, whose derivative at 0 is 1 or -1, and whether a is on the left half."""
    left = _negative(w, a)
    return w.plain("where", left, w.plain("neg", a), a), left


@record
class Halved:
    """Half of |a|, of b and of |z|, all of which are numbers; and where z is 0, |z| is 1 there."""

    ahead: str
    b: str
    length: str
    left: str
    empty: str


def _halved(w: Maker, pair: Pair) -> Halved:
    a, b = (w.plain("mul", part, 0.5) for part in _both(w, pair))
    ahead, left = _right(w, a)
    length = w.plain("hypot", a, b)
    empty = w.plain("eq", length, 0.0)
    return Halved(ahead, b, w.plain("where", empty, 1.0, length), left, empty)


def _angle(w: Maker, pair: Pair) -> str:
    """Twice the angle at the circle, tan(φ/2) = b / (|z| + a), on the right half."""
    z = _halved(w, pair)
    half = w.plain("atan", w.plain("ratio", z.b, w.plain("add", z.length, z.ahead)))
    turned = w.plain("mul", half, 2.0)
    side = w.plain("copysign", math.pi, z.b)
    return w.plain("where", z.left, w.plain("sub", side, turned), turned)


def _log(w: Maker, operands: Sequence[Pair], _: Attributes) -> Pair:
    """log |z| is log |a| + log(1 + (b/a)²) / 2, where a is the longer part."""
    (z,) = operands
    longer, q = quotient_of_parts(w, _both(w, z))[1::2]
    size = _right(w, longer)[0]
    rest = w.plain("mul", w.plain("log1p", w.plain("square", q)), 0.5)
    return Pair(w.plain("add", w.plain("log", size), rest), _angle(w, z))


def _sqrt(w: Maker, operands: Sequence[Pair], _: Attributes) -> Pair:
    """On the right half t + ib / 2t with 2t² = |z| + a; on the left the two change places."""
    (given,) = operands
    z = _halved(w, given)
    t = w.plain("sqrt", w.plain("add", z.length, z.ahead))
    other = w.plain("ratio", z.b, t)
    real = w.plain("where", z.left, w.plain("mul", other, _sign(w, z.b)), t)
    imag = w.plain("where", z.left, w.plain("mul", t, _sign(w, z.b)), other)
    still = w.plain("stop_gradient", z.b)
    return Pair(w.plain("where", z.empty, 0.0, real), w.plain("where", z.empty, still, imag))


def _sign(w: Maker, part: str) -> str:
    return w.plain("copysign", 1.0, part)


def _tanh(w: Maker, operands: Sequence[Pair], _: Attributes) -> Pair:
    """(u + i sin b cos b (1 - u²)) / (cos² b + u² sin² b) with u = tanh(a): it never overflows."""
    (z,) = operands
    a, b = _both(w, z)
    u, sine, cosine = w.plain("tanh", a), w.plain("sin", b), w.plain("cos", b)
    squared = w.plain("square", u)
    below = w.plain(
        "add",
        w.plain("square", cosine),
        w.plain("mul", squared, w.plain("square", sine)),
    )
    beside = w.plain("mul", w.plain("mul", sine, cosine), w.plain("sub", 1.0, squared))
    return Pair(w.plain("div", u, below), w.plain("div", beside, below))


def _tan(w: Maker, operands: Sequence[Pair], _: Attributes) -> Pair:
    """tan(z) = -i tanh(iz)."""
    (z,) = operands
    a, b = _both(w, z)
    found = _tanh(w, [Pair(w.plain("neg", b), a)], {})
    assert found.real is not None
    return Pair(found.imag, w.plain("neg", found.real))


def _hyperbolic(w: Maker, b: str) -> Parts:
    """cosh(b) and sinh(b), which is exact near 0."""
    back = w.plain("neg", b)
    both = w.plain("add", w.plain("exp", b), w.plain("exp", back))
    apart = w.plain("sub", w.plain("expm1", b), w.plain("expm1", back))
    return w.plain("mul", both, 0.5), w.plain("mul", apart, 0.5)


def _sin(w: Maker, operands: Sequence[Pair], _: Attributes) -> Pair:
    a, b = _both(w, operands[0])
    cosh, sinh = _hyperbolic(w, b)
    sine, cosine = w.plain("sin", a), w.plain("cos", a)
    return Pair(w.plain("mul", sine, cosh), w.plain("mul", cosine, sinh))


def _cos(w: Maker, operands: Sequence[Pair], _: Attributes) -> Pair:
    a, b = _both(w, operands[0])
    cosh, sinh = _hyperbolic(w, b)
    sine, cosine = w.plain("sin", a), w.plain("cos", a)
    return Pair(w.plain("mul", cosine, cosh), w.plain("neg", w.plain("mul", sine, sinh)))


def _exp(w: Maker, operands: Sequence[Pair], _: Attributes) -> Pair:
    (z,) = operands
    assert z.imag is not None
    round = Pair(w.plain("cos", z.imag), w.plain("sin", z.imag))
    if z.real is None:
        return round
    return product(w, (Pair(w.plain("exp", z.real)), round), {})


def _abs(w: Maker, operands: Sequence[Pair], _: Attributes) -> str:
    """Its gradient at 0 is 0."""
    (z,) = operands
    if z.real is not None and z.imag is not None:
        return w.plain("hypot", z.real, z.imag)
    part = z.imag if z.real is None else z.real
    assert part is not None
    return w.plain("abs", part)


def _pow(w: Maker, operands: Sequence[Pair], attributes: Attributes) -> Pair:
    """exp(e log z).

    At z = 0 it is 0 where e has a positive real part, and 1 where e is 0, without a slope: the
    logarithm's, which is infinite there, would make NaN of it.
    """
    base, exponent = operands
    empty = w.plain("and", *(w.plain("eq", part, 0.0) for part in _both(w, base)))
    along, across = _both(w, exponent)
    vanishes = w.plain("lt", 0.0, along)
    flat = w.plain("and", w.plain("eq", along, 0.0), w.plain("eq", across, 0.0))
    settled = w.plain("and", empty, w.plain("or", vanishes, flat))
    a, b = _both(w, base)
    away = Pair(w.plain("where", settled, 1.0, a), w.plain("where", settled, 0.0, b))
    raised = _exp(w, [product(w, (exponent, _log(w, [away], {})), {})], {})
    real, imag = _both(w, raised)
    there = w.plain("where", vanishes, 0.0, 1.0)
    return Pair(w.plain("where", settled, there, real), w.plain("where", settled, 0.0, imag))


FUNCTIONS: dict[str, Rule] = {
    "abs": _abs,
    "exp": _exp,
    "log": _log,
    "sqrt": _sqrt,
    "sin": _sin,
    "cos": _cos,
    "tan": _tan,
    "tanh": _tanh,
    "pow": _pow,
}
