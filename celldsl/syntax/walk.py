"""Ways through a tree.  In: statements or an expression.  Out: what stands inside.

list(equations(cell.body))      those in loops and under `if` too, in the order of the file
list(parts(expression))         the expressions right below it
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from celldsl.syntax import ast


def statements(body: Iterable[ast.Statement]) -> Iterator[ast.Statement]:
    """Every statement of a body, and after each what stands in it; of an `if` both ways."""
    for statement in body:
        yield statement
        match statement:
            case ast.For(body=inner):
                yield from statements(inner)
            case ast.If(body=inner, orelse=other):
                yield from statements((*inner, *(other or ())))


def equations(body: Iterable[ast.Statement]) -> Iterator[ast.Equation]:
    """The equations among them."""
    return (s for s in statements(body) if isinstance(s, ast.Equation))


def parts(expression: ast.Expr) -> Iterator[ast.Expr]:
    """The values that an expression is made of, but for bounds of loops and indices."""
    match expression:
        case ast.Unary(_, operand):
            yield operand
        case ast.Binary(_, left, right):
            yield left
            yield right
        case ast.Call(args=args, keywords=keywords):
            yield from args
            yield from (keyword.value for keyword in keywords)
        case ast.ListOf(items):
            yield from items
        case ast.Index(value) | ast.Over(body=value):
            yield value
