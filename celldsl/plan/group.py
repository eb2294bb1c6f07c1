"""Nodes of one loop nest.  In: nothing.  Out: what a group is, and the index space of a node."""

from __future__ import annotations

from celldsl.ir.program import Node
from celldsl.ir.size import Shape
from celldsl.ops.table import OPS
from celldsl.plan.graph import Graph
from celldsl.record import entity

Reads = dict[str, set[str]]
ALONE = (
    "einsum", "einsum_rows", "cumsum", "cumprod", "window", "fold", "roll", "pad", "add_at",
    "reshape",
)  # fmt: skip
# Ops that read their arguments at other indices than their own, which a register has none of.
READS_MEMORY = tuple(op for op in ALONE if op != "reshape")


@entity
class Group:
    """Nodes of one nest; `alone` for those that are a nest of their own kind."""

    domain: Shape
    nodes: list[Node]
    alone: bool = False


def domain_of(graph: Graph, node: Node) -> Shape:
    """The index space of a node: that of what it reduces, else its own."""
    reduces = node.op in OPS and OPS[node.op].kind == "reduce"
    return graph.shape(node.args[0]) if reduces or node.op == "rowsum" else node.type.shape
