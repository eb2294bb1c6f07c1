"""Where each node runs.  In: a Graph.  Out: for each part of a direction, the nodes to execute.

once_before    parameters alone: derived weights
batch_before   once for each sequence, ahead of the loop
row_before     for all rows at once, ahead of the loop: hoisted projections
step           in the loop
batch_after    once for each sequence, after the loop: gradients of start states
row_after      for all rows at once, after the loop: gradients of inputs and weights
once_after     what follows from gradients of derived weights
"""

from __future__ import annotations

from typing import Literal, get_args

from celldsl.ir.program import Node, Rows
from celldsl.plan.graph import CONSTANTS, Graph

Region = Literal[
    "once_before", "batch_before", "row_before", "step", "batch_after", "row_after", "once_after"
]
REGIONS: tuple[Region, ...] = get_args(Region)
BEFORE: dict[Rows, Region] = {
    Rows.ONCE: "once_before",
    Rows.BATCH: "batch_before",
    Rows.STEP: "row_before",
}
AFTER: dict[Rows, Region] = {
    Rows.ONCE: "once_after",
    Rows.BATCH: "batch_after",
    Rows.STEP: "row_after",
}


def assign_regions(graph: Graph) -> dict[str, Region]:
    """The region of every node that is executed; views, constants and `final` are not."""
    program = graph.program
    found: dict[str, Region] = {}
    for node in program.before:
        found[node.name] = BEFORE[node.type.rows]
    for node in program.step:
        found[node.name] = "step" if node.type.rows != Rows.ONCE else "once_before"
    for node in program.after:
        found[node.name] = _after(graph, node, found)
    return {name: region for name, region in found.items() if executed(graph, name)}


def executed(graph: Graph, name: str) -> bool:
    node = graph.nodes[name]
    return not graph.is_view(name) and node.op not in (*CONSTANTS, "final", "concat")


def _after(graph: Graph, node: Node, found: dict[str, Region]) -> Region:
    """A rowsum runs beside the value that it sums, so that nothing is kept for it."""
    if node.op == "einsum_rows":
        return "row_after"
    if node.op != "rowsum":
        return AFTER[node.type.rows]
    source = graph.root(node.args[0])
    if source in graph.nodes:
        if graph.nodes[source].op == "final":
            return "batch_after"
        return found.get(source, AFTER[node.type.rows])
    return "row_after"
