"""Products that sum nothing are elementwise.  In: a Program.  Out: outer products as `mul`.

    einsum(k, v) spec="i,j->ij"        mul(broadcast(k), broadcast(v))

A loop that adds the product to a state then makes it on the way, and it never lies in memory.
"""

from __future__ import annotations

from celldsl.ir.attributes import SPEC
from celldsl.ir.builder import Builder
from celldsl.ir.ops.contractions import spec_parts, sums_nothing
from celldsl.ir.program import Node, Program
from celldsl.ir.size import Size
from celldsl.transforms.rewrite import rewrite

ONE = Size.of(1)


def inline_outer_products(p: Program) -> Program:
    return rewrite(p, lambda b, node: _rule(b, node) if node.op == "einsum" else None)


def _rule(b: Builder, node: Node) -> str | None:
    if not sums_nothing(node[SPEC]):
        return None
    left, right, out = spec_parts(node[SPEC])
    one, other = (
        _spread(b, value, labels, out, node)
        for value, labels in zip(node.args, (left, right), strict=True)
    )
    return b.op("mul", one, other)


def _spread(b: Builder, value: str, labels: str, out: str, node: Node) -> str:
    """An operand with the axes of the result, in its order."""
    order = tuple(labels.index(label) for label in out if label in labels)
    if order != tuple(range(len(labels))):
        value = b.op("transpose", value, perm=order)
    sizes = zip(out, node.type.shape, strict=True)
    shape = tuple(size if label in labels else ONE for label, size in sizes)
    if shape != b.shape(value):
        value = b.op("reshape", value, shape=shape)
    return b.broadcast(value, node.type.shape)
