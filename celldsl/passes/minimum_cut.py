"""A minimum cut.  In: a flow network.  Out: the nodes on the source's side of the cheapest cut.

    network = Network()
    network.edge("source", "a", 3); network.edge("a", "sink", 2)
    network.source_side()            {"source", "a"}

Dinic's algorithm: augment along shortest paths, level by level.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import pairwise

from celldsl.record import entity, field

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
