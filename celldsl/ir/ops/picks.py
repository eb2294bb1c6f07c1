"""Elements by an index that is data.  In: nothing.  Out: their entries of the table.

    pick(E: [V, N], k)           [N]: row k
    place(d: [N], k) n=V         [V, N]: d in row k, zeros elsewhere; the adjoint of pick
    scatter_rows(d, k) n=V       [V, N] for the call: the sum of that over all rows

An index is within the axis: whoever hands integers in has checked them.
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.ir.attributes import LENGTH, Attributes
from celldsl.ir.ops.element import Gather, Value, Whole, apply, where
from celldsl.ir.ops.op import (
    Op,
    Term,
    TypeMismatch,
    formula,
    formula_with,
    never,
    rows_of,
    want_boolean,
    want_index,
)
from celldsl.ir.program import Node, Rows, Type


def _infer_pick(types: Sequence[Type], _: Attributes) -> Type:
    source, index = types
    want_boolean([source], False)
    want_index(index)
    if not source.shape:
        raise TypeMismatch("there is nothing to pick from in a value without axes")
    return Type(source.shape[1:], rows_of(types))


def _infer_place(types: Sequence[Type], attributes: Attributes) -> Type:
    value, index = types
    want_boolean([value], False)
    want_index(index)
    return Type((attributes[LENGTH], *value.shape), rows_of(types))


def _infer_scatter(types: Sequence[Type], attributes: Attributes) -> Type:
    placed = _infer_place(types, attributes)
    if placed.rows == Rows.ONCE:
        raise TypeMismatch("a value that exists once has no rows to sum")
    return Type(placed.shape, Rows.ONCE)


def _picked(g: Gather) -> Value:
    return g.read((Whole(g.others[0]), *g.indices))


def _placed(g: Gather) -> Value:
    here = apply("eq", g.indices[0], Whole(g.others[0]))
    return where(here, g.read(g.indices[1:]), 0.0)


def _place_gradient(node: Node, x: Term, k: Term, y: Term, d: Term) -> list[Term | None]:
    return [d.op("pick", k), None]


ENTRIES = (
    Op("pick", "shape", 2, "the element of the first axis that an integer says", _infer_pick,
       "numerics.pick({0}, {1}, {rank})",
       formula(lambda x, k, y, d: [d.op("place", k, n=x.shape[0]), None]), cost=0, gather=_picked,
       loop="own"),
    Op("place", "shape", 2, "zeros but for the element of a new first axis that an integer says",
       _infer_place, "numerics.place({0}, {1}, {rank}, {n})", formula_with(_place_gradient), cost=0,
       gather=_placed, loop="own", again=never, attributes=(LENGTH,)),
    Op("scatter_rows", "rows", 2, "rowsum(place(d, k))", _infer_scatter,
       "numerics.scatter_rows({0}, {1}, {rank}, {n})", None, loop="own",
       attributes=(LENGTH,)),
)  # fmt: skip
