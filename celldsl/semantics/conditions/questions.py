"""Comparisons as questions about one size.  In: `H > 2*K`.  Out: a Question, and its answer.

ask(f, `H > 2*K`)       is 2*K - H below 0?
decide(f, question)     the answer where the facts have one for all sizes
assume(f, question)     from here on that is the answer
"""

from __future__ import annotations

import math
import operator

from celldsl.ir.size import NotIntegral, Size
from celldsl.record import record
from celldsl.semantics.conditions.sides import side
from celldsl.semantics.walk.settings import fix
from celldsl.semantics.walk.walk import Frame
from celldsl.syntax import ast

COMPARE = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
ZERO = Size.of(0)


@record
class Question:
    """`kind` of `size`: is it 0 (`zero`), below 0 (`negative`), a whole number (`whole`)?

    `sides` are what is compared, or number and divisor of a `whole`.
    """

    kind: str
    size: Size
    negated: bool = False
    sides: tuple[Size, Size] = (ZERO, ZERO)


def ask(f: Frame, e: ast.Binary) -> Question | bool:
    """A comparison as a question about one size."""
    remainder = _remainder(f, e)
    if remainder is not None:
        return remainder
    left, right = side(f, e.left), side(f, e.right)
    if isinstance(left, float) or isinstance(right, float):
        return _with_infinity(f, e.op, left, right)
    match e.op:
        case "==" | "!=":
            return Question("zero", _signed(left - right), e.op == "!=", (left, right))
        case "<" | ">=":
            return Question("negative", left - right, e.op == ">=")
    return Question("negative", right - left, e.op == "<=")


def _signed(size: Size) -> Size:
    """One of `a - b` and `b - a`, so that both are the same question."""
    return -size if size.terms and size.terms[0][1] < 0 else size


def _remainder(f: Frame, e: ast.Binary) -> Question | None:
    """`H % 4 == 0`."""
    match e:
        case ast.Binary("==" | "!=", ast.Binary("%", number, divisor), ast.Number(0)):
            a, b = side(f, number), side(f, divisor)
            if isinstance(a, float) or isinstance(b, float) or (a.constant and b.constant):
                return None
            try:
                return Question("whole", a / b, e.op == "!=", (a, b))
            except (NotIntegral, ZeroDivisionError):
                return None
    return None


def _with_infinity(f: Frame, op: str, left: Size | float, right: Size | float) -> bool:
    numbers: list[float] = []
    for size in (left, right):
        if isinstance(size, Size):
            for name in size.dims:
                fix(f.walk.choices, name.lstrip("?"), "real")
            numbers.append(float(sum(c for _, c in size.terms)))
        else:
            numbers.append(size)
    return bool(COMPARE[op](*numbers))


def decide(f: Frame, q: Question) -> bool | None:
    """The answer for all sizes, without `negated`; None where it depends on them."""
    facts = f.walk.facts
    size = facts.reduce(q.size)
    if not size.dims:
        value = sum(c for _, c in size.terms)
        return {"zero": value == 0, "negative": value < 0, "whole": value == math.floor(value)}[
            q.kind
        ]
    match q.kind:
        case "whole":
            return True if facts.whole(size) else None
        case "zero":
            return False if facts.positive(size) or facts.positive(-size) else None
    if facts.not_negative(size):
        return False
    return True if facts.not_negative(-size - 1) else None


def assume(f: Frame, q: Question) -> None:
    """Keep in mind that a question is answered by true (by false, where it is negated)."""
    facts, whole = f.walk.facts, not any(name.startswith("?") for name in q.size.dims)
    match q.kind, q.negated:
        case "zero", False:
            facts.assume_equal(*q.sides)
            f.walk.refresh_types()
        case "whole", False:
            facts.assume_divides(*q.sides)
        case "negative", True:
            facts.assume_not_negative(q.size)
        case "negative", False:
            facts.assume_not_negative(-q.size - 1 if whole else -q.size)
