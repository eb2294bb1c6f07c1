"""Comparisons of sizes.  In: `H > 2*K`.  Out: a Question about one size, and its answer.

    ask(f, `H > 2*K`)       is 2*K - H below 0?
    decide(f, question)     the answer where the constraints have one for all sizes
    assume(f, question)     from here on that is the answer

Each side is an exact polynomial, with hyperparameters among its names (`2*H - ?depth`), so that the
constraints can often decide a comparison for all sizes.
"""

from __future__ import annotations

import math
import operator

from celldsl.diagnostics.diagnostic import Report
from celldsl.ir.size import NotIntegral, Size
from celldsl.semantics import names
from celldsl.semantics.constraints import simple
from celldsl.semantics.context import Environment
from celldsl.semantics.conversions import data_in
from celldsl.semantics.environment import (
    CellValue,
    FunctionValue,
    Real,
    Static,
    Tensor,
    Truth,
    Unknown,
)
from celldsl.semantics.structure import fix, size_of_number
from celldsl.structs import record
from celldsl.syntax import ast


class Undecided(Exception):
    """The condition cannot be understood; it has been reported."""


def side(f: Environment, e: ast.Expr) -> Size | float:
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


def _named(f: Environment, e: ast.Name) -> Size | float:
    match names.read(f, e):
        case Static(size):
            return f.context.constraints.reduce(size)
        case Real(value):
            return _number(value)
        case Tensor(hyper=str(name)):
            return f.context.constraints.reduce(Size.dim(f"?{name}"))
        case Tensor(name=name) if name in f.context.amounts:
            return f.context.constraints.reduce(f.context.amounts[name])
        case Unknown():
            raise Undecided
        case Truth():
            f.error("E0301", f"`{e.id}` is true or false, not a number", e.span)
        case FunctionValue():
            told = "is a function, and functions are not compared"
            help = "let a hyperparameter of its own decide: `NAME = false`, and `if NAME:`"
            f.error("E0301", f"`{e.id}` {told}", e.span, help=help)
        case CellValue():
            told = "is a cell, and cells are not compared"
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


def report_data(f: Environment, e: ast.Name) -> None:
    f.error(
        "E0301",
        f"`{e.id}` is data, and conditions are static",
        e.span,
        "known only while the cell runs",
        help="to choose by data, write `where(condition, a, b)`",
    )


def _is_hyper(f: Environment, name: str) -> bool:
    binding = f.find(name)
    return binding is not None and binding.kind == "hyper"


def _arithmetic(
    f: Environment, e: ast.Expr, op: str, left: Size | float, right: Size | float
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


def amount(f: Environment, e: ast.Expr) -> Size | None:
    """An expression over dims and hyperparameters as a condition sees it; None beyond that."""
    outer, f.context.report = f.context.report, Report()
    try:
        found = side(f, e)
    except Undecided:
        return None
    finally:
        f.context.report = outer
    return found if isinstance(found, Size) else None


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


def ask(f: Environment, e: ast.Binary) -> Question | bool:
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


def _remainder(f: Environment, e: ast.Binary) -> Question | None:
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


def _with_infinity(f: Environment, op: str, left: Size | float, right: Size | float) -> bool:
    numbers: list[float] = []
    for size in (left, right):
        if isinstance(size, Size):
            for name in size.dims:
                fix(f.context.choices, name.lstrip("?"), "real")
            numbers.append(float(sum(c for _, c in size.terms)))
        else:
            numbers.append(size)
    return bool(COMPARE[op](*numbers))


def decide(f: Environment, q: Question) -> bool | None:
    """The answer for all sizes, without `negated`; None where it depends on them."""
    constraints = f.context.constraints
    size = constraints.reduce(q.size)
    if not size.dims:
        value = sum(c for _, c in size.terms)
        return {"zero": value == 0, "negative": value < 0, "whole": value == math.floor(value)}[
            q.kind
        ]
    match q.kind:
        case "whole":
            return True if constraints.whole(size) else None
        case "zero":
            return False if constraints.positive(size) or constraints.positive(-size) else None
    if constraints.not_negative(size):
        return False
    return True if constraints.not_negative(-size - 1) else None


def assume(f: Environment, q: Question) -> None:
    """Keep in mind that a question is answered by true (by false, where it is negated)."""
    constraints, whole = (
        f.context.constraints,
        not any(name.startswith("?") for name in q.size.dims),
    )
    match q.kind, q.negated:
        case "zero", False:
            constraints.assume_equal(*q.sides)
            f.context.refresh_types()
        case "whole", False:
            constraints.assume_divides(*q.sides)
        case "negative", True:
            constraints.assume_not_negative(q.size)
        case "negative", False:
            constraints.assume_not_negative(-q.size - 1 if whole else -q.size)
