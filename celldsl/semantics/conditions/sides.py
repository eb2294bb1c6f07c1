"""Sides of a comparison.  In: `2*H - depth`.  Out: an exact polynomial, with `depth` as `?depth`.

Dims and hyperparameters are its names, so that the facts can often decide a comparison for all
sizes.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Report
from celldsl.ir.size import NotIntegral, Size
from celldsl.semantics.names import names
from celldsl.semantics.tensors.data import data_in
from celldsl.semantics.walk.facts import simple
from celldsl.semantics.walk.settings import size_of_number
from celldsl.semantics.walk.values import FunctionValue, Real, Static, Tensor, Truth, Unknown
from celldsl.semantics.walk.walk import Frame
from celldsl.syntax import ast


class Undecided(Exception):
    """The condition cannot be understood; it has been reported."""


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
