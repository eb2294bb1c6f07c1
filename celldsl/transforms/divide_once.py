"""One division for a whole value.  In: a Program.  Out: quotients by a scalar as products.

    v / broadcast(s)        v * broadcast(1 / s)

Layer norms, softmaxes and means divide every element by one number of the row.
"""

from __future__ import annotations

from celldsl.ir.builder import Builder
from celldsl.ir.program import Node, Program
from celldsl.transforms.rewrite import rewrite


def divide_once(p: Program) -> Program:
    return rewrite(p, lambda b, node: _rule(b, node) if node.op == "div" else None)


def _rule(b: Builder, node: Node) -> str | None:
    value, divisor = node.args
    stretched = b.defined.get(divisor)
    if not node.type.shape or stretched is None or stretched.op != "broadcast":
        return None
    (scalar,) = stretched.args
    if b.shape(scalar):
        return None
    inverse = b.broadcast(b.op("div", b.number(1.0), scalar), node.type.shape)
    return b.op("mul", value, inverse)
