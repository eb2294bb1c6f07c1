"""Conditions on dims and hyperparameters.  In: `K > 1 and residual`.  Out: true or false.

Both sides of a comparison become exact polynomials over dims and hyperparameters, so that the
facts can often decide them for all sizes.  What they cannot decide, the structure does: its names
are fixed when code is generated, and while checking both ways are walked.
"""

from __future__ import annotations

import math
import operator

from celldsl.diagnostics.diagnostic import Report
from celldsl.ir.size import NotIntegral, Size
from celldsl.record import record
from celldsl.semantics import names
from celldsl.semantics.data import data_in
from celldsl.semantics.facts import simple
from celldsl.semantics.settings import fix, size_of_number
from celldsl.semantics.values import FunctionValue, Real, Static, Tensor, Truth, Unknown
from celldsl.semantics.walk import Frame
from celldsl.syntax import ast

COMPARE = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


ZERO = Size.of(0)


class Undecided(Exception):
    """The condition cannot be understood; it has been reported."""


@record
class Question:
    """`kind` of `size`: is it 0 (`zero`), below 0 (`negative`), a whole number (`whole`)?

    `sides` are what is compared, or number and divisor of a `whole`.
    """

    kind: str
    size: Size
    negated: bool = False
    sides: tuple[Size, Size] = (ZERO, ZERO)


def holds(f: Frame, e: ast.Expr) -> bool | None:
    """Whether a condition holds on this walk; None where it is wrong."""
    try:
        return _holds(f, e)
    except Undecided:
        return None


def _holds(f: Frame, e: ast.Expr) -> bool:
    match e:
        case ast.Boolean(value):
            return value
        case ast.Unary("not", operand):
            return not _holds(f, operand)
        case ast.Binary("and", left, right):
            return _holds(f, left) and _holds(f, right)
        case ast.Binary("or", left, right):
            return _holds(f, left) or _holds(f, right)
        case ast.Binary(op, left, right) if op in COMPARE:
            return _compare(f, e)
        case ast.Name():
            return _truth(f, e)
    f.error("E0301", "a condition compares numbers, or is true or false", e.span)
    raise Undecided


def _truth(f: Frame, e: ast.Name) -> bool:
    match names.read(f, e):
        case Truth(value):
            return value
        case Tensor(hyper=str(name)) if f.walk.hypers[name].default is None:
            fix(f.walk.choices, name, "boolean")
        case Unknown():
            raise Undecided
    help = f"compare it: `{e.id} > 0`"
    f.error("E0301", f"`{e.id}` is neither true nor false", e.span, help=help)
    raise Undecided


def _compare(f: Frame, e: ast.Binary) -> bool:
    question = ask(f, e)
    if isinstance(question, bool):
        return question
    answer = decide(f, question)
    return _undecided(f, question) if answer is None else answer != question.negated


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


def side(f: Frame, e: ast.Expr) -> Size | float:
    """A side of a comparison; hyperparameters are dims whose names begin with `?`."""
    match e:
        case ast.Number(value):
            return _number(float(value) if isinstance(value, float) else value)
        case ast.Unary("-" | "+" as op, operand):
            found = side(f, operand)
            return -found if op == "-" else found
        case ast.Binary("+" | "-" | "*" | "/" | "%" | "**" as op, left, right):
            return _arithmetic(f, e, op, side(f, left), side(f, right))
        case ast.Name():
            return _named(f, e)
    data = next(iter(data_in(f, e)), None)
    if data is not None:
        report_data(f, data)
        raise Undecided
    f.error("E0301", "conditions are on dims, hyperparameters and loop indices", e.span, "not this")
    raise Undecided


def _number(value: int | float) -> Size | float:
    if isinstance(value, int):
        return Size.of(value)
    exact = size_of_number(value)
    return value if exact is None else exact


def _named(f: Frame, e: ast.Name) -> Size | float:
    match names.read(f, e):
        case Static(size):
            return f.walk.facts.reduce(size)
        case Real(value):
            return _number(value)
        case Tensor(hyper=str(name)):
            return f.walk.facts.reduce(Size.dim(f"?{name}"))
        case Tensor(name=name) if name in f.walk.amounts:
            return f.walk.facts.reduce(f.walk.amounts[name])
        case Unknown():
            raise Undecided
        case Truth():
            f.error("E0301", f"`{e.id}` is true or false, not a number", e.span)
        case FunctionValue():
            told = "is a function, and functions are not compared"
            help = "let a hyperparameter of its own decide: `NAME = false`, and `if NAME:`"
            f.error("E0301", f"`{e.id}` {told}", e.span, help=help)
        case _ if _is_hyper(f, e.id):
            f.error(
                "E0301",
                f"`{e.id}` is computed in a way that conditions cannot follow",
                e.span,
                help="give a number, or a sum or product of dims and hyperparameters",
            )
        case _:
            report_data(f, e)
    raise Undecided


def report_data(f: Frame, e: ast.Name) -> None:
    f.error(
        "E0301",
        f"`{e.id}` is data, and conditions are static",
        e.span,
        "known only while the cell runs",
        help="to choose by data, write `where(condition, a, b)`",
    )


def _is_hyper(f: Frame, name: str) -> bool:
    binding = f.find(name)
    return binding is not None and binding.kind == "hyper"


def amount(f: Frame, e: ast.Expr) -> Size | None:
    """An expression over dims and hyperparameters as a condition sees it; None beyond that."""
    outer, f.walk.report = f.walk.report, Report()
    try:
        found = side(f, e)
    except Undecided:
        return None
    finally:
        f.walk.report = outer
    return found if isinstance(found, Size) else None


def _arithmetic(
    f: Frame, e: ast.Expr, op: str, left: Size | float, right: Size | float
) -> Size | float:
    try:
        if isinstance(left, Size) and isinstance(right, Size):
            found = _exact(op, left, right)
            if not simple(found):
                raise NotIntegral
            return found
        a, b = _plain(left), _plain(right)
        return float({"+": a + b, "-": a - b, "*": a * b}[op])
    except (NotIntegral, ArithmeticError, KeyError, ValueError):
        f.error("E0301", "this is too hard for a condition", e.span, "`+ - * / %` of sizes")
        raise Undecided from None


def _exact(op: str, left: Size, right: Size) -> Size:
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
    if left.constant is None or right.constant is None:
        raise NotIntegral
    if op == "%":
        return Size.of(left.constant % right.constant)
    if not 0 <= right.constant <= 16 or abs(left.constant) > 10_000:
        raise NotIntegral
    return Size.of(left.constant**right.constant)


def _plain(value: Size | float) -> float:
    if isinstance(value, float):
        return value
    if value.constant is None:
        raise NotIntegral
    return float(value.constant)


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


def _undecided(f: Frame, q: Question) -> bool:
    """Fix the names that decide, or while checking go one way and keep that in mind."""
    size = f.walk.facts.reduce(q.size)
    if not f.walk.choices.symbolic:
        name = min(size.dims)
        fix(f.walk.choices, name.lstrip("?"), "real" if name.startswith("?") else "dim")
    answer = f.walk.choices.either(f"{q.kind} {size}")
    assume(f, Question(q.kind, size, not answer, q.sides))
    return answer != q.negated


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
