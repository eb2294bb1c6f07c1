"""Computing late inside a stage.  In: the nests of a stage.  Out: the same, with nodes moved down.

    nest 1: a = v * gain, total = sum(v)       nest 1: total = sum(v)
    nest 2: y = a / total                      nest 2: a = v * gain, y = a / total

A node that only a later nest of the same index space reads moves there, where that keeps nothing
more in memory: then its value lives in a register.
"""

from __future__ import annotations

from collections.abc import Collection

from celldsl.ir.program import Node
from celldsl.plan.graph import Graph
from celldsl.plan.group import Group, Reads, domain_of
from celldsl.record import entity


@entity
class Sinking:
    """`at` is the nest of each node, `readers` the nodes of the stage that read it."""

    graph: Graph
    groups: list[Group]
    reads: Reads
    kept: Collection[str]
    at: dict[str, int]
    readers: dict[str, list[Node]]

    def target(self, node: Node) -> int | None:
        """The later nest that a node can move to."""
        own, readers = self.at[node.name], self.readers[node.name]
        if not readers or node.op == "rowsum" or domain_of(self.graph, node) != node.type.shape:
            return None
        first = min(self.at[reader.name] for reader in readers)
        group = self.groups[first]
        if first == own or group.alone or group.domain != self.groups[own].domain:
            return None
        direct = all(node.name in r.args for r in readers if self.at[r.name] == first)
        return first if direct and self._free(node, first) else None

    def _free(self, node: Node, target: int) -> bool:
        """Whether what the node reads is in memory by then, or can come along."""
        for need in self.reads[node.name]:
            others = [r for r in self.readers[need] if r.name != node.name]
            if need in self.kept or any(self.at[r.name] >= target for r in others):
                continue
            source = self.graph.nodes[need]
            elementwise = domain_of(self.graph, source) == source.type.shape
            same = self.at[need] == self.at[node.name] and elementwise
            if others or not same or not self._free(source, target):
                return False
        return True

    def move(self, node: Node, target: int) -> None:
        self.groups[self.at[node.name]].nodes.remove(node)
        self.groups[target].nodes.insert(0, node)
        self.at[node.name] = target


def sink_nodes(
    graph: Graph, groups: list[Group], reads: Reads, kept: Collection[str]
) -> list[Group]:
    """Move nodes down, the last ones first, so that what they read can follow."""
    nodes = [node for group in groups for node in group.nodes]
    at = {node.name: i for i, group in enumerate(groups) for node in group.nodes}
    readers: dict[str, list[Node]] = {node.name: [] for node in nodes}
    for node in nodes:
        for need in reads[node.name]:
            readers[need].append(node)
    sinking = Sinking(graph, groups, reads, kept, at, readers)
    for group in [group for group in reversed(groups) if not group.alone and group.domain]:
        for node in reversed(list(group.nodes)):
            target = sinking.target(node)
            if target is not None:
                sinking.move(node, target)
    return [group for group in groups if group.nodes]
