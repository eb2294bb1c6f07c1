"""What is known only while a cell runs.  In: an expression.  Out: the names of such values in it.

data_in(f, "r * h")         [r, h]; dims, hyperparameters and loop indices are none
"""

from __future__ import annotations

from celldsl.semantics.walk.walk import Frame
from celldsl.syntax import ast

DATA = ("input", "state", "param", "const", "value")


def data_in(f: Frame, e: ast.Expr) -> list[ast.Name]:
    """In the order in which they stand there."""
    return [name for name in _names_in(e) if _is_data(f, name)]


def _names_in(e: ast.Expr) -> list[ast.Name]:
    match e:
        case ast.Name():
            return [e]
        case ast.Index(value=value):
            return _names_in(value)
        case ast.Call(args=args):
            return [name for arg in args for name in _names_in(arg)]
        case ast.Unary(_, operand):
            return _names_in(operand)
        case ast.Binary(_, left, right):
            return _names_in(left) + _names_in(right)
    return []


def _is_data(f: Frame, name: ast.Name) -> bool:
    binding = f.find(name.id)
    return binding is not None and binding.kind in DATA
