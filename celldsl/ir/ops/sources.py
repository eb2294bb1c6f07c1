"""Values from nothing.  In: nothing.  Out: the entries of the table without (tensor) arguments.

A mask holds its scale: what dropout or zoneout multiplies by.  While training, a `dropout` mask is
0 with probability `rate`, else `1/(1 - rate)`, and a `zoneout` mask is 1 with probability `rate`,
else 0.  Otherwise they are what `value` says: 1, and `rate`.
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.ir.attributes import KIND, LENGTH, PER, SHAPE, SITE, SIZE, VALUE, Attributes
from celldsl.ir.ops.element import Number, apply, where
from celldsl.ir.ops.op import Op, TypeMismatch, never, no_gradient, want_boolean
from celldsl.ir.program import Rows, Type

MASK_ROWS = {"step": Rows.STEP, "sequence": Rows.BATCH, "parameter": Rows.ONCE}


def _scalar(_: Sequence[Type], attributes: Attributes) -> Type:
    return Type((), Rows.ONCE)


def _eye(_: Sequence[Type], attributes: Attributes) -> Type:
    return Type((attributes[LENGTH], attributes[LENGTH]), Rows.ONCE)


def _arange(_: Sequence[Type], attributes: Attributes) -> Type:
    return Type((attributes[LENGTH],), Rows.ONCE)


def _mask(types: Sequence[Type], attributes: Attributes) -> Type:
    want_boolean(types, False)
    if types[0].shape or types[0].rows != Rows.ONCE:
        raise TypeMismatch("a mask takes one rate for the call")
    if attributes[KIND] not in ("dropout", "zoneout"):
        raise TypeMismatch(f"no mask of kind {attributes[KIND]}")
    return Type(attributes[SHAPE], MASK_ROWS[attributes[PER]])


ENTRIES = (
    Op("number", "source", 0, "the number `value`", _scalar, "np.float64({value})", no_gradient,
       cost=0, loop="none", attributes=(VALUE,)),
    Op("size", "source", 0, "a size as a number", _scalar, "np.float64({size})", no_gradient,
       cost=0, loop="none", attributes=(SIZE,)),
    Op("eye", "source", 0, "the identity matrix", _eye, "np.eye({n})", no_gradient, cost=0,
       gather=lambda g: where(apply("eq", *g.indices), 1.0, 0.0), attributes=(LENGTH,)),
    Op("arange", "source", 0, "0, 1, … n - 1", _arange, "np.arange({n}, dtype=np.float64)",
       no_gradient, cost=0, gather=lambda g: Number(g.indices[0]), attributes=(LENGTH,)),
    Op("mask", "source", 1, "what dropout or zoneout draws for `site`, with its scale; `per` is "
       "step, sequence or parameter", _mask, "numerics.resting_mask({kind}, {0}, {shape})",
       no_gradient, again=never, attributes=(KIND, PER, SHAPE, SITE)),
)  # fmt: skip
