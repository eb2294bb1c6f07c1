"""Arithmetic on what is known early.  In: an operator and two values.  Out: one, or None.

folded("*", Static(2), Static(H))       Static(2*H)
folded("+", Real(0.5), Static(1))       Real(1.5)
folded("*", Static(H), Tensor(…))       None: that is for the program
"""

from __future__ import annotations

import math

from celldsl.ir.size import NotIntegral, Size
from celldsl.semantics.constraints import simple
from celldsl.semantics.environment import Real, Static, Unknown, Value


def folded(op: str, left: Value, right: Value) -> Value | None:
    """Arithmetic on what is known early, where it stays exact or is of written numbers."""
    match left, right:
        case Unknown(), _:
            return Unknown()
        case _, Unknown():
            return Unknown()
        case Static(a), Static(b):
            return _fold_sizes(op, a, b)
        case (Real() | Static()) as one, (Real() | Static()) as other:
            return _fold_reals(op, one, other)
    return None


def _fold_sizes(op: str, a: Size, b: Size) -> Value | None:
    try:
        found = _exact(op, a, b)
    except NotIntegral:
        return None
    return None if found is None or not simple(found) else Static(found)


def _exact(op: str, a: Size, b: Size) -> Size | None:
    match op:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a / b if b.terms else None
        case "%":
            return _remainder(a, b)
        case "**":
            return _power(a, b)
    return None


def _remainder(a: Size, b: Size) -> Size | None:
    if a.constant is None or not b.constant:
        return None
    return Size.of(a.constant % b.constant)


def _power(a: Size, b: Size) -> Size | None:
    exponent = b.constant
    if exponent is None or not 0 <= exponent <= 16:
        return None
    total = Size.of(1)
    for _ in range(exponent):
        total = total * a
        if not simple(total):
            return None
    return total


def _fold_reals(op: str, left: Real | Static, right: Real | Static) -> Value | None:
    a, b = _written(left), _written(right)
    if a is None or b is None:
        return None
    try:
        match op:
            case "+":
                found = a + b
            case "-":
                found = a - b
            case "*":
                found = a * b
            case "/":
                found = a / b
            case "**":
                found = math.pow(a, b)
            case _:
                return None
    except (ArithmeticError, ValueError):
        return None
    return Real(found)


def _written(value: Real | Static) -> float | None:
    match value:
        case Real(number):
            return number
        case Static(size):
            return None if size.constant is None else float(size.constant)
