"""Conditions on dims and hyperparameters: `if` and `require`.

    if K > 1 and residual:      true or false
    require I == H, "…"         from here on I is H; code to check it by: v["I"] == v["H"]

What the constraints cannot decide for all sizes, the structure does: its names are fixed when code
is generated, and while checking both ways are gone through.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from celldsl.ir.size import Size
from celldsl.ir.spec import Condition
from celldsl.semantics import names
from celldsl.semantics.comparisons import (
    COMPARE,
    Question,
    Undecided,
    ask,
    assume,
    decide,
    report_data,
    side,
)
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Tensor, Truth, Unknown
from celldsl.semantics.structure import fix
from celldsl.syntax import ast


def holds(f: Environment, e: ast.Expr) -> bool | None:
    """Whether a condition holds on this walk; None where it is wrong."""
    try:
        return _holds(f, e)
    except Undecided:
        return None


def _holds(f: Environment, e: ast.Expr) -> bool:
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
    raise no_condition(f, e)


def _truth(f: Environment, e: ast.Name) -> bool:
    match names.read(f, e):
        case Truth(value):
            return value
        case Tensor(hyper=str(name)) if f.context.hypers[name].default is None:
            fix(f.context.choices, name, "boolean")
        case Unknown():
            raise Undecided
    raise no_truth(f, e)


def _compare(f: Environment, e: ast.Binary) -> bool:
    question = ask(f, e)
    if isinstance(question, bool):
        return question
    answer = decide(f, question)
    return _undecided(f, question) if answer is None else answer != question.negated


def _undecided(f: Environment, q: Question) -> bool:
    """Fix the names that decide, or while checking go one way and keep that in mind."""
    size = f.context.constraints.reduce(q.size)
    if not f.context.choices.symbolic:
        name = min(size.dims)
        fix(f.context.choices, name.lstrip("?"), "real" if name.startswith("?") else "dim")
    answer = f.context.choices.either(f"{q.kind} {size}")
    assume(f, Question(q.kind, size, not answer, q.sides))
    return answer != q.negated


def no_condition(f: Environment, e: ast.Expr) -> Undecided:
    f.error("E0301", "a condition compares numbers, or is true or false", e.span)
    return Undecided()


def no_truth(f: Environment, e: ast.Name) -> Undecided:
    binding = f.find(e.id)
    value = None if binding is None else binding.value
    if isinstance(value, Tensor) and value.boolean:
        told, help = (
            f"`{e.id}` is known only while the cell runs",
            f"choose by `where({e.id}, a, b)`",
        )
        f.error("E0301", told, e.span, help=help)
        return Undecided()
    help = f"compare it: `{e.id} > 0`"
    f.error("E0301", f"`{e.id}` is neither true nor false", e.span, help=help)
    return Undecided()


def require(f: Environment, s: ast.Require, data: Container[str] = ()) -> None:
    """`data` are the names of the cell whose values are known only while it runs."""
    for name in _names(s.condition):
        if name.id in data and f.find(name.id) is None:
            report_data(f, name)
            return
    try:
        code = _code(f, s.condition)
        answer = _assume(f, s.condition)
    except Undecided:
        return
    if answer is False:
        where = f" in the inner cell `{f.prefix[:-1]}`" if f.prefix else ""
        f.error("E0305", f"this cannot hold{where}: {s.why}", s.condition.span)
    elif answer is None:
        text = " ".join(s.condition.span.text.split())
        f.context.conditions.append(Condition(code, text, s.why))


def _names(e: ast.Expr) -> Iterator[ast.Name]:
    match e:
        case ast.Name():
            yield e
        case ast.Unary(_, operand):
            yield from _names(operand)
        case ast.Binary(_, left, right):
            yield from _names(left)
            yield from _names(right)


def _assume(f: Environment, e: ast.Expr) -> bool | None:
    """Whether the condition holds; what is open is assumed."""
    match e:
        case ast.Boolean(value):
            return value
        case ast.Binary("and", left, right):
            both = _assume(f, left), _assume(f, right)
            return False if False in both else (None if None in both else True)
        case ast.Binary(op) if op in COMPARE:
            return _assume_comparison(f, e)
    return None


def _assume_comparison(f: Environment, e: ast.Binary) -> bool | None:
    question = ask(f, e)
    if isinstance(question, bool):
        return question
    answer = decide(f, question)
    if answer is not None:
        return answer != question.negated
    assume(f, question)
    return None


def _code(f: Environment, e: ast.Expr) -> str:
    """The condition as Python over `v`, which maps names to numbers."""
    match e:
        case ast.Boolean(value):
            return str(value)
        case ast.Unary("not", operand):
            return f"not ({_code(f, operand)})"
        case ast.Binary("and" | "or" as op, left, right):
            return f"({_code(f, left)}) {op} ({_code(f, right)})"
        case ast.Binary(op, left, right) if op in COMPARE:
            return f"{_side_code(f, left)} {op} {_side_code(f, right)}"
        case ast.Name():
            return _truth_code(f, e)
    raise no_condition(f, e)


def _side_code(f: Environment, e: ast.Expr) -> str:
    match e:
        case ast.Binary("%", left, right):
            return f"({_side_code(f, left)}) % ({_side_code(f, right)})"
    found = side(f, e)
    if isinstance(found, float):
        return f'float("{found}")'
    return size_code(found)


def size_code(size: Size) -> str:
    """A size as Python over `v`."""
    terms: list[str] = []
    for monomial, coefficient in size.terms:
        above = [f'v["{name.lstrip("?")}"]' for name, p in monomial for _ in range(max(p, 0))]
        below = [f'v["{name.lstrip("?")}"]' for name, p in monomial for _ in range(max(-p, 0))]
        number = coefficient.numerator
        if number != 1 or not above:
            above.insert(0, str(number))
        if coefficient.denominator != 1:
            below.append(str(coefficient.denominator))
        terms.append(" / ".join([" * ".join(above), *below]))
    return " + ".join(terms) or "0"


def _truth_code(f: Environment, e: ast.Name) -> str:
    match names.read(f, e):
        case Truth(value):
            return str(value)
        case Tensor(hyper=str(name)):
            return f'v["{name}"]'
        case Unknown():
            raise Undecided
    raise no_truth(f, e)
