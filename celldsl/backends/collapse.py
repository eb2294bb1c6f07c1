"""One loop for several axes.  In: a loop nest.  Out: the nest, with fewer axes where it can.

for j0: for j1: y[d_M*j0 + j1] = …        for j0 in range(d_N*d_M): y[j0] = …
"""

from __future__ import annotations

from collections.abc import Callable

from celldsl.ir.size import Shape, Size
from celldsl.ops.table import OPS
from celldsl.plan.arrays import contiguous
from celldsl.plan.loops import Loop, Statement
from celldsl.plan.places import Memory
from celldsl.record import replace

ZERO, ONE = Size.of(0), Size.of(1)


def collapse(nest: Loop) -> Loop:
    """One loop for several axes where everything lies in the order of the nest."""
    plain = contiguous(nest.domain)
    operands = [o for s in nest.statements for o in s.operands if isinstance(o, Memory)]
    stores = [store for s in nest.statements for store in s.stores]
    looks = [o.strides for o in operands] + [store.strides for store in stores]
    simple = all(_elementwise(s) for s in nest.statements)
    still = (ZERO,) * len(nest.domain)
    if len(nest.domain) < 2 or not simple or any(look not in (plain, still) for look in looks):
        return nest
    total = ONE
    for size in nest.domain:
        total = total * size

    def flat(strides: Shape) -> Shape:
        return (ONE,) if strides == plain and strides != still else (ZERO,)

    return Loop((total,), tuple(_flattened(s, flat) for s in nest.statements))


def _elementwise(statement: Statement) -> bool:
    return statement.op in ("copy", "rowsum") or OPS[statement.op].kind == "elementwise"


def _flattened(statement: Statement, flat: Callable[[Shape], Shape]) -> Statement:
    operands = tuple(
        replace(o, strides=flat(o.strides)) if isinstance(o, Memory) else o
        for o in statement.operands
    )
    stores = tuple(replace(s, strides=flat(s.strides)) for s in statement.stores)
    return replace(statement, operands=operands, stores=stores)
