"""Products with one-hot vectors as picks.  In: a Program.  Out: rows of the weight instead.

    einsum(where(eq(arange(V), k), 1, 0), W: [V, H], "i,ij->j")       pick(W, k)

The weight is read at one row for each step, and its gradient adds to that row alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from celldsl.ir.attributes import SPEC, VALUE
from celldsl.ir.builder import Builder
from celldsl.ir.ops.contractions import spec_parts
from celldsl.ir.program import Node, Program
from celldsl.transforms.rewrite import rewrite


def pick_rows(p: Program) -> Program:
    defined = {node.name: node for node in p.nodes()}

    def rule(b: Builder, node: Node) -> str | None:
        if node.op != "einsum":
            return None
        left, right, out = spec_parts(node[SPEC])
        for hot, other, value, labels in (
            (node.args[0], node.args[1], left, right),
            (node.args[1], node.args[0], right, left),
        ):
            index = one_hot_index(defined, hot)
            if index is None or len(value) != 1 or value not in labels or value in out:
                continue
            order = (labels.index(value), *(labels.index(label) for label in out))
            if set(out) != set(labels) - {value} or b.shape(other)[order[0]] != b.shape(hot)[0]:
                continue
            source = other
            if order != tuple(range(len(order))):
                source = b.op("transpose", other, perm=order)
            return b.op("pick", source, index)
        return None

    return rewrite(p, rule)


def one_hot_index(defined: Mapping[str, Node], value: str) -> str | None:
    """The integer at whose place a vector is 1, where all else in it is 0."""
    match defined.get(value):
        case Node(op="where", args=(here, yes, no)):
            pass
        case _:
            return None
    if (_number(defined, yes), _number(defined, no)) != (1.0, 0.0):
        return None
    match defined.get(here):
        case Node(op="eq", args=(places, index)):
            counts, stretched = defined.get(places), defined.get(index)
        case _:
            return None
    if counts is None or counts.op != "arange" or stretched is None or stretched.op != "broadcast":
        return None
    source = stretched.args[0]
    return source if stretched.type.integer else None


def _number(defined: Mapping[str, Node], value: str) -> object:
    """The number that a value is throughout, None where it is not one."""
    node = defined.get(value)
    while node is not None and node.op == "broadcast":
        node = defined.get(node.args[0])
    return node[VALUE] if node is not None and node.op == "number" else None
