"""Fusing row work.  In: the nodes of a stage.  Out: groups that share one loop nest.

    r, u: [H] · r*h: [H]             one nest over [H]
    mean(s): [H] -> []               joins the nest that makes s; its readers start another

A node joins the open nest when its index space is that of the nest and every value that it reads
of the nest is read at the same index.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

from celldsl.ir.program import Node
from celldsl.plan.graph import Graph
from celldsl.plan.group import ALONE, Group, Reads, domain_of
from celldsl.plan.sinking import sink_nodes

Sources = Callable[[str], set[str]]


def group_nests(
    graph: Graph,
    nodes: list[Node],
    sources: Sources,
    kept: frozenset[str] = frozenset(),
    without: Collection[str] = (),
) -> list[Group]:
    """Groups in an order in which each reads only what came before.

    `sources` are the executed nodes that a value is made of, through views and concats; `kept` are
    values that are in memory wherever they are computed.
    """
    if "group_nests" in without:
        return [Group(domain_of(graph, n), [n], alone=n.op in ALONE) for n in nodes]
    inside = {node.name for node in nodes}
    reads = {n.name: {s for arg in n.args for s in sources(arg)} & inside for n in nodes}
    remaining = list(nodes)
    done: set[str] = set()
    groups: list[Group] = []
    while remaining:
        group = _next_group(graph, remaining, done, reads)
        groups.append(group)
        done.update(node.name for node in group.nodes)
        remaining = [node for node in remaining if node.name not in done]
    return groups if "sink_nodes" in without else sink_nodes(graph, groups, reads, kept)


def _next_group(graph: Graph, remaining: list[Node], done: set[str], reads: Reads) -> Group:
    ready = [n for n in remaining if reads[n.name] <= done]
    scalars = [n for n in ready if not domain_of(graph, n) and n.op not in ALONE]
    if scalars:
        return _fill(graph, Group((), []), remaining, done, reads)
    for node in ready:
        if node.op in ALONE:
            return Group(domain_of(graph, node), [node], alone=True)
    counts = Counter(domain_of(graph, n) for n in ready)
    first = max(ready, key=lambda n: counts[domain_of(graph, n)])
    return _fill(graph, Group(domain_of(graph, first), []), remaining, done, reads)


def _fill(graph: Graph, group: Group, remaining: list[Node], done: set[str], reads: Reads) -> Group:
    """Add every node that can join, in order; one can follow another at the same index."""
    here: set[str] = set()
    reduced: set[str] = set()
    for node in remaining:
        if node.op in ALONE or domain_of(graph, node) != group.domain:
            continue
        outside = reads[node.name] - here
        direct = {graph.root(a) for a in node.args if graph.root(a) in here}
        same_index = all(a in here or graph.root(a) not in here for a in node.args)
        hidden = (reads[node.name] & here) - direct
        if outside <= done and same_index and not direct & reduced and not hidden:
            group.nodes.append(node)
            here.add(node.name)
            reduced |= {node.name} if _reduces(graph, node) else set()
    return group


def _reduces(graph: Graph, node: Node) -> bool:
    return domain_of(graph, node) != node.type.shape and node.op != "rowsum"
