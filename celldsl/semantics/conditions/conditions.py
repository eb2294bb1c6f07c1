"""Conditions on dims and hyperparameters.  In: `K > 1 and residual`.  Out: true or false.

What the facts cannot decide for all sizes, the structure does: its names are fixed when code is
generated, and while checking both ways are walked.
"""

from __future__ import annotations

from celldsl.semantics.conditions.questions import COMPARE, Question, ask, assume, decide
from celldsl.semantics.conditions.sides import Undecided
from celldsl.semantics.names import names
from celldsl.semantics.walk.settings import fix
from celldsl.semantics.walk.values import Tensor, Truth, Unknown
from celldsl.semantics.walk.walk import Frame
from celldsl.syntax import ast


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
    raise no_condition(f, e)


def _truth(f: Frame, e: ast.Name) -> bool:
    match names.read(f, e):
        case Truth(value):
            return value
        case Tensor(hyper=str(name)) if f.walk.hypers[name].default is None:
            fix(f.walk.choices, name, "boolean")
        case Unknown():
            raise Undecided
    raise no_truth(f, e)


def _compare(f: Frame, e: ast.Binary) -> bool:
    question = ask(f, e)
    if isinstance(question, bool):
        return question
    answer = decide(f, question)
    return _undecided(f, question) if answer is None else answer != question.negated


def _undecided(f: Frame, q: Question) -> bool:
    """Fix the names that decide, or while checking go one way and keep that in mind."""
    size = f.walk.facts.reduce(q.size)
    if not f.walk.choices.symbolic:
        name = min(size.dims)
        fix(f.walk.choices, name.lstrip("?"), "real" if name.startswith("?") else "dim")
    answer = f.walk.choices.either(f"{q.kind} {size}")
    assume(f, Question(q.kind, size, not answer, q.sides))
    return answer != q.negated


def no_condition(f: Frame, e: ast.Expr) -> Undecided:
    f.error("E0301", "a condition compares numbers, or is true or false", e.span)
    return Undecided()


def no_truth(f: Frame, e: ast.Name) -> Undecided:
    help = f"compare it: `{e.id} > 0`"
    f.error("E0301", f"`{e.id}` is neither true nor false", e.span, help=help)
    return Undecided()
