"""Fusion.  In: the nodes of a stage.  Out: groups that share one loop nest each.

    r, u: [H] · r*h: [H]             one nest over [H]
    mean(s): [H] -> []               joins the nest that makes s; its readers start another

A node joins the open nest when its index space is that of the nest and every value that it reads
of the nest is read at the same index.  Afterwards nodes move down:

    nest 1: a = v * gain, total = sum(v)       nest 1: total = sum(v)
    nest 2: y = a / total                      nest 2: a = v * gain, y = a / total

A node that only a later nest of the same index space reads moves there, where that keeps nothing
more in memory: then its value lives in a register.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node
from celldsl.ir.size import Shape
from celldsl.plan.graph import Graph
from celldsl.structs import entity

Reads = dict[str, set[str]]


@entity
class Group:
    """Nodes of one nest; `alone` for those that are a nest of their own kind."""

    domain: Shape
    nodes: list[Node]
    alone: bool = False


def _alone(node: Node) -> bool:
    return node.op in OPS and OPS[node.op].loop == "own"


def reads_memory(node: Node) -> bool:
    """Whether it reads its arguments at other indices than its own."""
    return node.op in OPS and OPS[node.op].reads_memory


def domain_of(graph: Graph, node: Node) -> Shape:
    """The index space of a node: that of what it reduces, else its own."""
    reduces = node.op in OPS and OPS[node.op].kind == "reduce"
    return graph.shape(node.args[0]) if reduces or node.op == "rowsum" else node.type.shape


Sources = Callable[[str], set[str]]


def fuse_nests(
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
    if "fuse_nests" in without:
        return [Group(domain_of(graph, n), [n], alone=_alone(n)) for n in nodes]
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
    scalars = [n for n in ready if not domain_of(graph, n) and not _alone(n)]
    if scalars:
        return _fill(graph, Group((), []), remaining, done, reads)
    for node in ready:
        if _alone(node):
            return Group(domain_of(graph, node), [node], alone=True)
    counts = Counter(domain_of(graph, n) for n in ready)
    first = max(ready, key=lambda n: counts[domain_of(graph, n)])
    return _fill(graph, Group(domain_of(graph, first), []), remaining, done, reads)


def _fill(graph: Graph, group: Group, remaining: list[Node], done: set[str], reads: Reads) -> Group:
    """Add every node that can join, in order; one can follow another at the same index."""
    here: set[str] = set()
    reduced: set[str] = set()
    for node in remaining:
        if _alone(node) or domain_of(graph, node) != group.domain:
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
