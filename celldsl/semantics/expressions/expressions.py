"""Expressions.  In: syntax.  Out: elaborated values, with their nodes in the program.

    elaborate(frame, `u * h`)       Tensor("%12", [H])
    elaborate(frame, `2*H`)         Static(2*H)

Arithmetic on numbers that are known early stays early; everything else becomes nodes.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix
from celldsl.ir.size import Size
from celldsl.semantics.declarations.initial import INITIALISERS
from celldsl.semantics.expressions.calls import call
from celldsl.semantics.expressions.folding import folded
from celldsl.semantics.messages.fitting import beside, elaborate_beside
from celldsl.semantics.names import names
from celldsl.semantics.names.attributes import read_inner
from celldsl.semantics.tensors import convert, indexing, products
from celldsl.semantics.tensors.broadcast import elementwise
from celldsl.semantics.walk.values import Listing, Real, Static, Tensor, Truth, Unknown, Value
from celldsl.semantics.walk.walk import Frame
from celldsl.syntax import ast

ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod", "**": "pow"}
COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "lt", ">=": "le"}
LOGIC = {"and": "and", "or": "or"}


def elaborate(f: Frame, e: ast.Expr) -> Value:
    """What an expression means here."""
    match e:
        case ast.Number(value):
            return Static(Size.of(value)) if isinstance(value, int) else Real(value)
        case ast.Boolean(value):
            return Truth(value)
        case ast.Name():
            return names.read(f, e)
        case ast.Attribute():
            return read_inner(f, e)
        case ast.Unary():
            return _unary(f, e)
        case ast.Binary():
            return _chain(f, e)
        case ast.Call():
            return call(f, e)
        case ast.ListOf(items):
            return Listing(tuple(elaborate(f, item) for item in items))
        case ast.Index():
            return indexing.index(f, e)
    _string(f, e)
    return Unknown()


def _string(f: Frame, e: ast.String) -> None:
    """`activation="relu"`"""
    known = names.find_function(f, e.value) is not None or e.value in INITIALISERS
    f.error(
        "E0124",
        "a string is not a value",
        e.span,
        help=f"names stand without quotes: `{e.value}`" if known else None,
        fix=Fix(e.span, e.value) if known else None,
    )


def _unary(f: Frame, e: ast.Unary) -> Value:
    if e.op == "not":
        found = convert.boolean(f, e.operand)
        return Unknown() if found is None else elementwise(f, "not", e.span, (e.operand, found))
    match elaborate(f, e.operand):
        case Static(size):
            return Static(-size if e.op == "-" else size)
        case Real(value):
            return Real(-value if e.op == "-" else value)
        case value:
            found = convert.number(f, value, e.operand.span)
    if found is None or e.op == "+":
        return Unknown() if found is None else found
    return elementwise(f, "neg", e.span, (e.operand, found))


def _chain(f: Frame, e: ast.Binary) -> Value:
    """A long sum is a deep tree on its left: walk down it without recursion."""
    chain: list[ast.Binary] = []
    left: ast.Expr = e
    while isinstance(left, ast.Binary):
        chain.append(left)
        left = left.left
    first = chain[-1]
    value = elaborate_beside(f, left, beside(f, first.op, _named(f, first.right)))
    for binary in reversed(chain):
        right = elaborate_beside(f, binary.right, beside(f, binary.op, value))
        value = _binary(f, binary, value, right)
    return value


def _named(f: Frame, e: ast.Expr) -> Value | None:
    """What stands on the right of a name, as far as that is a name too."""
    binding = f.find(e.id) if isinstance(e, ast.Name) else None
    return None if binding is None else binding.value


def _binary(f: Frame, e: ast.Binary, left: Value, right: Value) -> Value:
    early = folded(e.op, left, right)
    if early is not None:
        return early
    if e.op in LOGIC:
        a = convert.comparison(f, left, e.left.span)
        b = convert.comparison(f, right, e.right.span)
    else:
        a = convert.number(f, left, e.left.span)
        b = convert.number(f, right, e.right.span)
    if a is None or b is None:
        return Unknown()
    return _build(f, e, a, b)


def _build(f: Frame, e: ast.Binary, a: Tensor, b: Tensor) -> Value:
    if e.op == "@":
        return products.matmul(f, e, a, b)
    if e.op in (">", ">="):
        return elementwise(f, COMPARISONS[e.op], e.span, (e.right, b), (e.left, a), text=e.op)
    if e.op == "**" and isinstance(e.right, ast.Number) and e.right.value == 2:
        return elementwise(f, "square", e.span, (e.left, a))
    op = ARITHMETIC.get(e.op) or COMPARISONS.get(e.op) or LOGIC[e.op]
    return elementwise(f, op, e.span, (e.left, a), (e.right, b), text=e.op)
