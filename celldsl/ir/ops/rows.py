"""Operations over rows, for backward programs alone.  In: nothing.  Out: their entries.

They have no gradient: nothing differentiates a backward program.
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.ir.attributes import SPEC, Attributes
from celldsl.ir.ops.contractions import infer_einsum
from celldsl.ir.ops.op import Op, TypeMismatch, want_boolean
from celldsl.ir.program import Rows, Type


def _rowsum(types: Sequence[Type], _: Attributes) -> Type:
    want_boolean(types, False)
    if types[0].rows == Rows.ONCE:
        raise TypeMismatch("a value that exists once has no rows to sum")
    return Type(types[0].shape, Rows.ONCE)


def _einsum_rows(types: Sequence[Type], attributes: Attributes) -> Type:
    return _rowsum([infer_einsum(types, attributes)], attributes)


def _final(types: Sequence[Type], _: Attributes) -> Type:
    return Type(types[0].shape, Rows.BATCH)


ENTRIES = (
    Op("rowsum", "rows", 1, "the sum over all rows", _rowsum, "numerics.rowsum({0}, {rank})",
       None),
    Op("einsum_rows", "rows", 2, "rowsum(einsum(a, b)), in one product", _einsum_rows,
       "numerics.einsum_rows({spec}, {0}, {1})", None, loop="own", attributes=(SPEC,)),
    Op("total", "rows", 1, "a state after the loop, whatever it started from: a sum over the steps "
       "of each sequence", _final, "{0}", None, cost=0, loop="none"),
    Op("final", "rows", 1, "a state after the loop; zero where the caller gave its start", _final,
       "{0}", None, cost=0, loop="none"),
)  # fmt: skip
