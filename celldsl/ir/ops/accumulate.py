"""Sums that happen in place.  In: nothing.  Out: the entry of `add_at`.

    add_at(pre: [3*H], product: [2*H]) axis=0 start=0 : [3*H]

Passes make it where a product can be added by the GEMM itself, into the buffer of its base.
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.ir.attributes import AXIS, START, Attributes
from celldsl.ir.ops.op import (
    Op,
    Term,
    TypeMismatch,
    axis_of,
    formula_with,
    rows_of,
    want_boolean,
    with_axis,
)
from celldsl.ir.program import Node, Type


def _infer(types: Sequence[Type], attributes: Attributes) -> Type:
    want_boolean(types, False)
    base, added = (t.shape for t in types)
    axis = axis_of(base, attributes)
    if len(base) != len(added) or with_axis(base, axis) != with_axis(added, axis):
        raise TypeMismatch("add_at takes two values that differ in one axis alone")
    return Type(base, rows_of(types))


def _gradient(node: Node, base: Term, added: Term, y: Term, d: Term) -> list[Term | None]:
    axis, start = node[AXIS], node[START]
    if added.shape == base.shape:
        return [d, d]
    return [d, d.op("slice", axis=axis, start=start, stop=start + added.shape[axis])]


ENTRIES = (
    Op("add_at", "contract", 2, "base, with the second value added to an axis from `start`",
       _infer, "numerics.add_at({0}, {1}, {axis}, {start})", formula_with(_gradient), loop="own",
       attributes=(AXIS, START)),
)  # fmt: skip
