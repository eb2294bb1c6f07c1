"""Reductions and scans along one axis.  In: nothing.  Out: their entries of the table."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from celldsl.ir.attributes import AXIS, REVERSE, Attributes
from celldsl.ir.ops.element import Reduction, apply, greater, lesser
from celldsl.ir.ops.op import Op, Term, axis_of, formula_with, want_boolean, with_axis
from celldsl.ir.program import Node, Type
from celldsl.ir.size import Size

ONE = Size.of(1)


def _reduced(types: Sequence[Type], attributes: Attributes) -> Type:
    want_boolean(types, False)
    axis = axis_of(types[0].shape, attributes)
    return Type(with_axis(types[0].shape, axis), types[0].rows)


def _scanned(types: Sequence[Type], attributes: Attributes) -> Type:
    want_boolean(types, False)
    axis_of(types[0].shape, attributes)
    return types[0]


def _along(reduced: Term, axis: int, like: Term) -> Term:
    """A reduced value stretched again over the axis that was dropped."""
    kept = with_axis(like.shape, axis, ONE)
    return reduced.op("reshape", shape=kept).stretch(like.shape)


def _extreme_gradient(node: Node, x: Term, y: Term, d: Term) -> list[Term | None]:
    """The tied elements share equally."""
    axis = node[AXIS]
    tied = x.op("eq", _along(y, axis, x)).where(1.0, 0.0)
    return [tied * _along(d / tied.op("sum", axis=axis), axis, x)]


def _cumprod_gradient(node: Node, x: Term, y: Term, d: Term) -> list[Term | None]:
    """Element i, k of `others` is the product of the first k elements without the i-th.

    Dividing the products by the i-th element would fail where it is 0.
    """
    axis = node[AXIS]
    n = x.shape[axis]
    square = with_axis(x.shape, axis, n, n)

    def matrix(value: Term) -> Term:
        shape = tuple(n if place in (axis, axis + 1) else ONE for place in range(len(square)))
        return value.op("reshape", shape=shape).stretch(square)

    def repeated(value: Term) -> Term:
        shape = with_axis(value.shape, axis, ONE, n)
        return value.op("reshape", shape=shape).stretch(square)

    eye = x.source("eye", n=n)
    own, reached = matrix(eye), matrix(eye.op("cumsum", axis=1, reverse=False))
    others = x.number(0.0).stretch(square).op("lt", own).where(1.0, repeated(x))
    products = others.op("cumprod", axis=axis + 1) * reached
    return [(products * repeated(d)).op("sum", axis=axis + 1)]


SUM = Reduction(0.0, lambda total, x: apply("add", total, x))
ENTRIES = (
    Op("sum", "reduce", 1, "the sum along an axis", _reduced, "{0}.sum(axis={axis})",
       formula_with(lambda node, x, y, d: [_along(d, node[AXIS], x)]), reduction=SUM,
       function="sum", attributes=(AXIS,)),
    Op("amax", "reduce", 1, "the greatest along an axis; ties share the gradient", _reduced,
       "numerics.amax({0}, {axis})", formula_with(_extreme_gradient), slope="kinked",
       reduction=Reduction(-inf, lambda total, x: greater(x, total)), attributes=(AXIS,)),
    Op("amin", "reduce", 1, "the least along an axis; ties share the gradient", _reduced,
       "numerics.amin({0}, {axis})", formula_with(_extreme_gradient), slope="kinked",
       reduction=Reduction(inf, lambda total, x: lesser(x, total)), attributes=(AXIS,)),
    Op("cumsum", "scan", 1, "running sums along an axis, from its end if `reverse`", _scanned,
       "numerics.cumsum({0}, {axis}, {reverse})",
       formula_with(lambda node, x, y, d: [
           d.op("cumsum", axis=node[AXIS], reverse=not node[REVERSE])]),
       reduction=SUM, loop="own", function="cumsum",
       attributes=(AXIS, REVERSE)),
    Op("cumprod", "scan", 1, "running products along an axis", _scanned,
       "np.cumprod({0}, axis={axis})", formula_with(_cumprod_gradient),
       reduction=Reduction(1.0, lambda total, x: apply("mul", total, x)), loop="own",
       function="cumprod", attributes=(AXIS,)),
)  # fmt: skip
