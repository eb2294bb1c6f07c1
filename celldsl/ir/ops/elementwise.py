"""Elementwise operations.  In: nothing.  Out: their entries of the table.

At kinks: relu and abs at 0 give 0, ties of max and min share equally, clip passes at its bounds.
An entry without an `element` is a primitive, which every target prints.  An `element` is made of
primitives alone: not of `abs` or `relu`, which have elements of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from celldsl.ir.ops.element import Rule, Value, apply, greater, lesser, where
from celldsl.ir.ops.op import (
    Op,
    Slope,
    Term,
    formula,
    infer_comparison,
    infer_logic,
    infer_real,
    infer_where,
    no_gradient,
)

ANY = (-3.0, 3.0)
POSITIVE = (0.2, 3.0)


def _smooth(
    name: str,
    doc: str,
    slope: Callable[[Term, Term], Term | float],
    *,
    value: str = "",
    element: Rule | None = None,
    cost: int = 8,
    domain: tuple[float, float] = ANY,
    function: str | None = None,
) -> Op:
    """A function of one number; `slope(x, y)` is its derivative at x, where it is y."""
    return Op(
        name, "elementwise", 1, doc, infer_real, value or f"np.{name}({{0}})",
        formula(lambda x, y, d: [d * slope(x, y)]), element, cost, domain,
        function=name if function is None else function,
    )  # fmt: skip


def _flat(name: str, doc: str, value: str, element: Rule | None = None) -> Op:
    """A function of one number that is constant almost everywhere."""
    return Op(
        name, "elementwise", 1, f"{doc}; no gradient", infer_real, value, no_gradient, element,
        flat=True, function=name,
    )  # fmt: skip


def _binary(
    name: str,
    doc: str,
    value: str,
    rule: Callable[[Term, Term, Term, Term], Sequence[Term | None]],
    *,
    element: Rule | None = None,
    cost: int = 1,
    domain: tuple[float, float] = ANY,
    slope: Slope = "smooth",
) -> Op:
    """A function of two numbers; `rule(a, b, y, d)` gives both cotangents."""
    return Op(
        name, "elementwise", 2, doc, infer_real, value, formula(rule), element, cost, domain,
        slope,
    )  # fmt: skip


def _comparison(name: str, doc: str, sign: str) -> Op:
    value = f"(np.real({{0}}) {sign} np.real({{1}}))"
    return Op(name, "elementwise", 2, doc, infer_comparison, value, no_gradient)


def _logic(name: str, arity: int, doc: str, value: str) -> Op:
    return Op(name, "elementwise", arity, doc, infer_logic, value, no_gradient)


# Below this the inverse is infinite in single precision.
_NO_INVERSE = 1e-37


def _pow_gradient(a: Term, b: Term, y: Term, d: Term) -> list[Term | None]:
    """The exponent's part exists for positive bases alone.

    0 ** (0 - 1) must not be met, not even where it is not chosen: the gradient of this one would.
    """
    invertible = a.op("abs").op("lt", _NO_INVERSE).where(1.0, a)
    slope = b * b.op("eq", 0.0).where(invertible, a).op("pow", b - 1.0)
    positive = a.number(0.0).op("lt", a)
    growth = positive.where(y * positive.where(a, 1.0).op("log"), 0.0)
    return [d * slope, d * growth]


def _sign(x: Term) -> Term:
    """1 or -1, of zeros too."""
    return x.number(1.0).op("copysign", x)


def _hypot_gradient(a: Term, b: Term, y: Term, d: Term) -> list[Term | None]:
    """Nothing is squared, so that it has the range of the value."""
    empty = y.op("eq", 0.0)
    length = empty.where(1.0, y)
    return [d * empty.where(0.0, a / length), d * empty.where(0.0, b / length)]


def _choice(a: Term, b: Term, d: Term) -> tuple[Term, Term]:
    """What of `d` goes to a where a > b, and to b where b > a: half of it where they tie."""
    tied = a.op("eq", b).where(0.5, 0.0) * d
    return b.op("lt", a).where(d, tied), a.op("lt", b).where(d, tied)


def _clip_gradient(x: Term, lo: Term, hi: Term, _: Term, d: Term) -> list[Term | None]:
    below, above = x.op("lt", lo), hi.op("lt", x)
    inside = below.where(0.0, above.where(0.0, d))
    return [inside, below.where(d, 0.0), below.where(0.0, above.where(d, 0.0))]


def _clipped(x: Value, lo: Value, hi: Value) -> Value:
    return where(apply("lt", x, lo), lo, where(apply("lt", hi, x), hi, x))


def _signed(x: Value) -> Value:
    """x - x where x is neither above nor below 0, so that NaN stays, and -0.0 does not."""
    below = where(apply("lt", x, 0.0), -1.0, apply("sub", x, x))
    return where(apply("lt", 0.0, x), 1.0, below)


ARITHMETIC = (
    _binary("add", "a + b", "({0} + {1})", lambda a, b, y, d: [d, d]),
    _binary("sub", "a - b", "({0} - {1})", lambda a, b, y, d: [d, -d]),
    _binary("mul", "a * b", "({0} * {1})", lambda a, b, y, d: [d * b, d * a]),
    _binary("div", "a / b", "({0} / {1})", lambda a, b, y, d: [d / b, -(d * y) / b], cost=4,
            domain=POSITIVE),
    _binary("ratio", "a / b, whose gradient is not made of the square of b either, in any library",
            "({0} / {1})", lambda a, b, y, d: [d / b, -(d * y) / b],
            element=lambda a, b: apply("div", a, b), cost=4, domain=POSITIVE),
    _binary("pow", "a ** b; the gradient of b where a > 0", "numerics.power({0}, {1})",
            _pow_gradient, cost=8, domain=POSITIVE),
    _binary("mod", "a modulo b, with the sign of b", "numerics.modulo({0}, {1})",
            lambda a, b, y, d: [d, -(d * (a / b).op("floor"))], cost=4, domain=POSITIVE),
    _binary("max", "the greater of a and b; a tie shares its gradient",
            "numerics.maximum({0}, {1})", lambda a, b, y, d: _choice(a, b, d),
            element=greater, slope="kinked"),
    _binary("min", "the lesser of a and b; a tie shares its gradient",
            "numerics.minimum({0}, {1})", lambda a, b, y, d: _choice(a, b, d)[::-1],
            element=lesser, slope="kinked"),
    _binary("hypot", "the root of a * a + b * b, which may be beyond all numbers; 0 at 0",
            "numerics.hypot({0}, {1})", _hypot_gradient, cost=8),
    _binary("copysign", "|a| with the sign of b, which zeros have too",
            "numerics.copysign({0}, {1})",
            lambda a, b, y, d: [d * _sign(a) * _sign(b), None],
            slope="kinked"),
    _smooth("neg", "-x", lambda x, y: -1.0, value="(-{0})", cost=1, function=""),
    _smooth("square", "x * x", lambda x, y: 2.0 * x, element=lambda x: apply("mul", x, x), cost=1),
)  # fmt: skip

SMOOTH = (
    _smooth("exp", "e to the power of x", lambda x, y: y),
    _smooth("log", "natural logarithm", lambda x, y: x.number(1.0) / x, domain=POSITIVE),
    _smooth("log1p", "log(1 + x), exact near 0", lambda x, y: x.number(1.0) / (1.0 + x),
            domain=(-0.5, 3.0)),
    _smooth("expm1", "exp(x) - 1, exact near 0", lambda x, y: y + 1.0),
    _smooth("sqrt", "square root", lambda x, y: x.number(0.5) / y, cost=4, domain=POSITIVE),
    _smooth("sin", "sine", lambda x, y: x.op("cos")),
    _smooth("cos", "cosine", lambda x, y: -x.op("sin")),
    _smooth("tan", "tangent", lambda x, y: 1.0 + y * y, domain=(-1.4, 1.4)),
    _smooth("atan", "inverse tangent", lambda x, y: x.number(1.0) / (1.0 + x * x),
            value="np.arctan({0})"),
    _smooth("erf", "error function", lambda x, y: 2.0 / math.sqrt(math.pi) * (-(x * x)).op("exp"),
            value="numerics.erf({0})"),
    _smooth("sigmoid", "1 / (1 + exp(-x))", lambda x, y: y * (1.0 - y),
            value="numerics.sigmoid({0})"),
    _smooth("tanh", "hyperbolic tangent", lambda x, y: 1.0 - y * y),
    _smooth("softplus", "log(1 + exp(x))", lambda x, y: x.op("sigmoid"),
            value="numerics.softplus({0})"),
)  # fmt: skip

KINKED = (
    Op("relu", "elementwise", 1, "x where it is positive, else 0; its gradient at 0 is 0",
       infer_real, "numerics.relu({0})",
       formula(lambda x, y, d: [x.op("le", 0.0).where(0.0, d)]),
       lambda x: where(apply("le", x, 0.0), 0.0, x), slope="kinked", function="relu"),
    Op("abs", "elementwise", 1, "absolute value; its gradient at 0 is 0", infer_real,
       "numerics.absolute({0})", formula(lambda x, y, d: [d * x.op("sign")]),
       lambda x: where(apply("le", x, 0.0), apply("sub", 0.0, x), x), slope="kinked",
       function="abs"),
    Op("clip", "elementwise", 3, "x kept between lo and hi; its gradient passes at the bounds",
       infer_real, "numerics.clip({0}, {1}, {2})", formula(_clip_gradient), _clipped,
       slope="kinked"),
    _flat("sign", "-1, 0 or 1", "np.sign(np.real({0}))", _signed),
    _flat("floor", "the whole number below", "np.floor(np.real({0}))"),
    _flat("round", "the nearest whole number, a half to the even one", "np.rint(np.real({0}))"),
    _flat("step", "1 where x > 0, else 0", "np.where(np.real({0}) > 0.0, 1.0, 0.0)",
          lambda x: where(apply("lt", 0.0, x), 1.0, 0.0)),
)  # fmt: skip

CHOICES = (
    Op("where", "elementwise", 3, "a where the condition holds, else b", infer_where,
       "np.where({0}, {1}, {2})",
       formula(lambda c, a, b, y, d: [None, c.where(d, 0.0), c.where(0.0, d)])),
    _comparison("lt", "a < b", "<"),
    _comparison("le", "a <= b", "<="),
    _comparison("eq", "a equals b", "=="),
    _comparison("ne", "a differs from b", "!="),
    _logic("and", 2, "both conditions", "np.logical_and({0}, {1})"),
    _logic("or", 2, "either condition", "np.logical_or({0}, {1})"),
    _logic("not", 1, "the contrary", "np.logical_not({0})"),
    Op("stop_gradient", "elementwise", 1, "x, without its gradient", infer_real,
       "np.real({0})", no_gradient, lambda x: x, 0, slope="custom"),
    Op("surrogate", "elementwise", 2, "the value of the first, the gradient of the second",
       infer_real, "numerics.surrogate({0}, {1})", formula(lambda v, p, y, d: [None, d]),
       lambda v, p: v, 0, slope="custom"),
    Op("clip_gradient", "elementwise", 3, "v, whose gradient is kept between lo and hi",
       infer_real, "{0}",
       formula(lambda v, lo, hi, y, d: [d.op("clip", lo, hi), None, None]),
       lambda v, lo, hi: v, 0, slope="custom"),
    Op("scale_gradient", "elementwise", 2, "v, whose gradient is a times as large", infer_real,
       "numerics.scale_gradient({0}, {1})", formula(lambda v, a, y, d: [d * a, None]),
       lambda v, a: v, 0, slope="custom"),
    Op("bfloat16", "elementwise", 1, "x rounded to bfloat16; its gradient passes", infer_real,
       "numerics.bfloat16({0})", formula(lambda x, y, d: [d]), slope="custom"),
)  # fmt: skip

ENTRIES = (*ARITHMETIC, *SMOOTH, *KINKED, *CHOICES)
