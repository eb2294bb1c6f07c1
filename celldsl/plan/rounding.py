"""Factors that products round as they pack them.  In: a Program.  Out: the same, and which do.

    %1 = bfloat16(x)
    %2 = bfloat16(W)
    %3 = einsum(%1, %2, "i,ij->j")      ->      %3 = einsum(x, W, "i,ij->j"), and %3 rounds

A product that packs its factors reads all of them anyway: rounded there, they need no memory of
their own and no loop.  Where a product is itself a loop, and for images of convolutions, which are
seen again at every place of a kernel, `bfloat16` stays in front of it.
"""

from __future__ import annotations

from collections.abc import Collection

from celldsl.ir.program import Node, Program, Rows
from celldsl.plan.gemms import rows_times_weight, sum_of_outers
from celldsl.plan.graph import Graph
from celldsl.structs import replace


def round_as_packed(program: Program, without: Collection[str]) -> tuple[Program, frozenset[str]]:
    """The Program to plan, and its products that round both factors."""
    if "round_as_packed" in without or all(n.op != "bfloat16" for n in program.nodes()):
        return program, frozenset()
    graph = Graph(program)
    found: set[str] = set()

    def changed(node: Node) -> Node:
        if not _packs(graph, node):
            return node
        sources = [_source(graph, arg) for arg in node.args]
        if sources == list(node.args):
            return node
        found.add(node.name)
        return replace(node, args=tuple(sources))

    regions = [
        tuple(changed(node) for node in nodes)
        for nodes in (program.before, program.step, program.after)
    ]
    return _without_unread(program.with_regions(*regions)), frozenset(found)


def _packs(graph: Graph, node: Node) -> bool:
    """Whether a node is certain to be planned as a product of two matrices."""
    if graph.convolution(node) is not None:
        return False
    if node.op == "einsum_rows":
        rows = {graph.types[arg].rows for arg in node.args}
        return rows == {Rows.STEP} and sum_of_outers(graph, node) is not None
    return rows_times_weight(graph, node) is not None


def _source(graph: Graph, factor: str) -> str:
    """What a factor is before it is rounded."""
    node = graph.nodes.get(factor)
    if node is None or node.op != "bfloat16" or graph.constant(node.args[0]) is not None:
        return factor
    return node.args[0]


def _without_unread(program: Program) -> Program:
    """Without the rounded values that nobody reads now."""
    read = {arg for node in program.nodes() for arg in node.args} | set(program.wanted())
    return program.with_regions(*(
        tuple(node for node in nodes if node.op != "bfloat16" or node.name in read)
        for nodes in (program.before, program.step, program.after)
    ))  # fmt: skip
