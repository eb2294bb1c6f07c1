"""Keep a value or compute it again.  In: forward and backward Programs.  Out: both, a smaller tape.

    tape: u, 1 - u        tape: u;  the backward step computes 1 - u again

What depends on parameters alone is computed again, once.  Arithmetic, reductions and outer products
of a step are computed again where that keeps the tape smaller; products that sum, transcendental
functions and random masks are not.  Which values to keep is a minimum cut between what the forward
pass knows and what the backward pass reads, where cutting a value costs its size (Dinic: augment
along shortest paths, level by level).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise

from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Leaf, Node, Program, Rows, incoming
from celldsl.ir.size import Shape
from celldsl.structs import entity, field, replace

SOURCE, SINK = "source", "sink"
UNLIMITED = 1 << 60


@entity
class Network:
    """`room[u][v]` is how much may still flow from u to v."""

    room: dict[str, dict[str, int]] = field(default_factory=dict)

    def edge(self, start: str, end: str, capacity: int) -> None:
        forth = self.room.setdefault(start, {})
        forth[end] = min(forth.get(end, 0) + capacity, UNLIMITED)
        self.room.setdefault(end, {}).setdefault(start, 0)

    def source_side(self) -> set[str]:
        """What the source still reaches when no more can flow to the sink."""
        self.room.setdefault(SOURCE, {})
        while SINK in (levels := self._levels()):
            ends = {node: iter(list(targets)) for node, targets in self.room.items()}
            while self._augment(levels, ends):
                pass
        return set(levels)

    def _levels(self) -> dict[str, int]:
        levels = {SOURCE: 0}
        waiting = deque([SOURCE])
        while waiting:
            node = waiting.popleft()
            for target, room in self.room[node].items():
                if room and target not in levels:
                    levels[target] = levels[node] + 1
                    waiting.append(target)
        return levels

    def _augment(self, levels: dict[str, int], ends: Mapping[str, Iterator[str]]) -> bool:
        """Send what one path to the sink takes; a loop, since paths can be long."""
        path = [SOURCE]
        while path:
            node = path[-1]
            if node == SINK:
                self._send(path)
                return True
            for target in ends[node]:
                if self.room[node][target] and levels.get(target) == levels[node] + 1:
                    path.append(target)
                    break
            else:
                path.pop()
        return False

    def _send(self, path: list[str]) -> None:
        steps = list(pairwise(path))
        amount = min(self.room[start][end] for start, end in steps)
        for start, end in steps:
            if self.room[start][end] != UNLIMITED:
                self.room[start][end] -= amount
            self.room[end][start] = min(self.room[end][start] + amount, UNLIMITED)


# Sizes are symbols; to compare shapes every dim counts as this many.
TYPICAL = 64
DEAREST = 4
KINDS = ("elementwise", "shape", "reduce", "source")


def rematerialize(
    forward: Program, backward: Program, smallest: bool = True
) -> tuple[Program, Program]:
    """The programs with the smallest tape; the backward one repeats what is not kept.

    Without `smallest` the tape has all that is read of each step or sequence.
    """
    nodes = {node.name: node for node in forward.nodes()}
    read = [leaf.name for leaf in backward.leaves if leaf.kind == "saved" and leaf.name in nodes]
    kept = _cut(forward, nodes, read) if smallest else _with_rows(nodes, read)
    again: set[str] = set()
    pending = [name for name in read if name not in kept]
    while pending:
        name = pending.pop()
        if name in nodes and name not in again and name not in kept:
            again.add(name)
            pending += nodes[name].args
    return _apply(forward, backward, nodes, kept & _read(nodes, again, read), again)


def _with_rows(nodes: dict[str, Node], values: list[str]) -> set[str]:
    return {name for name in values if nodes[name].type.rows != Rows.ONCE}


def _read(nodes: dict[str, Node], again: set[str], read: list[str]) -> set[str]:
    """What the backward program reads in the end."""
    return {*read, *(arg for name in again for arg in nodes[name].args)}


def _cut(forward: Program, nodes: dict[str, Node], read: list[str]) -> set[str]:
    """The values to keep.  States are on the tape anyway and cost nothing."""
    following = {state.next for state in forward.states}
    network = Network()
    for name in read:
        network.edge(f"{name} out", SINK, UNLIMITED)
    for name in _ancestors(nodes, read):
        node = nodes.get(name)
        known = node is None or node.type.rows == Rows.ONCE
        free = known or name in following
        network.edge(f"{name} in", f"{name} out", 0 if free else _extent(nodes[name].type.shape))
        if node is None or known or not _again(node):
            network.edge(SOURCE, f"{name} in", UNLIMITED)
        else:
            for arg in node.args:
                network.edge(f"{arg} out", f"{name} in", UNLIMITED)
            if not node.args:
                network.edge(SOURCE, f"{name} in", UNLIMITED)
    side = network.source_side()
    return {
        name
        for name, node in nodes.items()
        if node.type.rows != Rows.ONCE and f"{name} in" in side and f"{name} out" not in side
    }


def _ancestors(nodes: dict[str, Node], values: list[str]) -> list[str]:
    """The values and all that they are computed from, as far as that may be computed again."""
    found: dict[str, None] = {}
    pending = list(values)
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = None
            node = nodes.get(name)
            if node is not None and node.type.rows != Rows.ONCE and _again(node):
                pending += node.args
    return list(found)


def _again(node: Node) -> bool:
    entry = OPS[node.op]
    if entry.again is not None:
        return entry.again(node)
    return entry.kind in KINDS and entry.cost <= DEAREST


def _extent(shape: Shape) -> int:
    total = 1
    for size in shape:
        total *= max(size.evaluate_about(TYPICAL), 1)
    return total


def _apply(
    forward: Program, backward: Program, nodes: dict[str, Node], kept: set[str], again: set[str]
) -> tuple[Program, Program]:
    there = {node.name for node in backward.nodes()}
    repeated = [n for name, n in nodes.items() if name in again and name not in there]
    old = [leaf for leaf in backward.leaves if leaf.name not in nodes or leaf.kind != "saved"]
    leaves = [*old, *(Leaf("saved", name, nodes[name].type) for name in nodes if name in kept)]
    states = {leaf.name for leaf in forward.leaves if leaf.kind == "state"}
    leaves += _missing_leaves(forward, states, leaves, repeated)
    repeated = [
        replace(node, args=tuple(_incoming(states, a) for a in node.args)) for node in repeated
    ]
    # Values of a whole sequence stand before the steps here too: others there may read them.
    ahead = {n.name for n in nodes.values() if n.type.rows == Rows.ONCE}
    ahead |= {n.name for n in forward.before}
    before = tuple(n for n in repeated if n.name in ahead)
    step = tuple(n for n in repeated if n.name not in ahead)
    # What is repeated may read numbers that the backward program makes already.
    numbers = tuple(node for node in backward.before if node.name in nodes)
    own = tuple(node for node in backward.before if node.name not in nodes)
    saved = [leaf.name for leaf in leaves if leaf.kind == "saved"]
    changed = replace(
        backward,
        leaves=tuple(leaves),
        before=(*numbers, *before, *own),
        step=(*step, *backward.step),
    )
    return replace(forward, saved=tuple(saved)), changed


def _incoming(states: Collection[str], value: str) -> str:
    """A state as it came into the forward step is on the tape under a name of its own."""
    return incoming(value) if value in states else value


def _missing_leaves(
    forward: Program, states: Collection[str], leaves: list[Leaf], repeated: list[Node]
) -> list[Leaf]:
    have = {leaf.name for leaf in leaves}
    read = {arg for node in repeated for arg in node.args}
    found: dict[str, Leaf] = {}
    for leaf in forward.leaves:
        name = _incoming(states, leaf.name)
        if name not in have and leaf.name in read:
            kind = "saved" if leaf.kind == "state" else leaf.kind
            found[name] = Leaf(kind, name, leaf.type)
    return list(found.values())
