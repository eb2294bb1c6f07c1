"""Integers that pick.  In: an index or a call with an integer.  Out: the element that it says.

    E[token]              row `token` of E
    A[:, token]           column `token`
    one_hot(token, V)     1 at `token`, else 0

The integer is below its limit, which must not be past the end of the axis.
"""

from __future__ import annotations

from celldsl.ir.size import Size
from celldsl.semantics import wording
from celldsl.semantics.context import Environment
from celldsl.semantics.environment import Tensor
from celldsl.syntax import ast


def picked(
    f: Environment, value: Tensor, axis: int, item: ast.Expr, index: Tensor
) -> Tensor | None:
    """The value without an axis, at the place on it that the integer says."""
    if not below(f, index, value.shape[axis], item, (value.why or (None,) * 9)[axis]):
        return None
    order = (axis, *(place for place in range(len(value.shape)) if place != axis))
    source = value.name
    if axis:
        source = f.context.op("transpose", source, perm=order)
    why = value.why or (None,) * len(value.shape)
    name = f.context.op("pick", source, index.name)
    return Tensor(name, f.context.shape(name), (*why[:axis], *why[axis + 1 :]))


def one_hot(f: Environment, index: Tensor, n: Size, why: ast.Expr) -> Tensor:
    w = f.context
    here = w.op("eq", w.op("arange", n=n), index.name)
    name = w.composed(w.op("where", here, 1.0, 0.0), "one_hot", index.name, n=n)
    return Tensor(name, w.shape(name), (why.span,))


def below(f: Environment, index: Tensor, length: Size, item: ast.Expr, why: object = None) -> bool:
    """Whether every value of the integer is a place on the axis."""
    limit, text = index.limit, wording.short(item.span)
    assert limit is not None
    if f.context.constraints.not_negative(length - limit):
        return True
    known = f.context.constraints.not_negative(limit - length - 1)
    f.error(
        "E0208",
        f"the index `{text}` {'goes' if known else 'may go'} past the end",
        item.span,
        f"`{text}` is below {limit}, and the axis has {length}",
        help=wording.counterexample(limit, length)
        if known
        else f'make both {limit}, or add `require {limit} <= {length}, "…"`',
    )
    return False
