"""Lines between two columns.  In: items that stand.  Out: wires, and how wide the channel is.

A channel begins with room for the labels of what the left column gives, where lines run straight;
behind it every line that changes its height has a track of its own, so that no two lie on each
other.  Lines are horizontal outside of channels, in rows that items leave free: none crosses an
item or a label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from celldsl.pictures.items import SMALL, Item
from celldsl.structs import entity, field, record

TRACK, MARGIN = 9.0, 12.0


@record
class Wire:
    """A line of `value` from `source` to `target`, through points; `dots` are where it parts."""

    value: str
    source: Item
    target: Item
    points: tuple[tuple[float, float], ...]


@entity
class Net:
    """All lines of one value in one channel."""

    value: str
    source: Item
    y: float
    targets: list[tuple[Item, float]] = field(default_factory=list)
    track: int = -1

    @property
    def straight(self) -> bool:
        return all(abs(y - self.y) < 0.5 for _, y in self.targets)

    @property
    def span(self) -> tuple[float, float]:
        heights = [self.y, *(y for _, y in self.targets)]
        return min(heights), max(heights)


@record
class Channel:
    nets: tuple[Net, ...]
    labels: float
    tracks: int

    @property
    def width(self) -> float:
        return self.labels + 2 * MARGIN + TRACK * max(self.tracks - 1, 0)


def channel(left: Sequence[Item], right: Sequence[Item], labels: Mapping[str, str]) -> Channel:
    nets = []
    for source in left:
        for value, dy in source.outs:
            met = [(t, t.y + d) for t in right for v, d in t.ins if v == value]
            if met:
                nets.append(Net(value, source, source.y + dy, met))
    wide = [
        len(labels.get(v, "")) * SMALL + 4
        for item in left
        if item.kind == "box"
        for v in item.gives
        if labels.get(v)
    ]
    return Channel(
        tuple(nets), max(wide, default=0.0), _tracks([n for n in nets if not n.straight])
    )


def _tracks(nets: list[Net]) -> int:
    """Numbers tracks from the left; a line whose target row another's source row is comes later."""
    rest, tracks = sorted(nets, key=lambda n: n.span), 0
    while rest:
        free = [n for n in rest if not any(_before(o, n) for o in rest if o is not n)] or rest[:1]
        bottom = float("-inf")
        placed = []
        for net in sorted(free, key=lambda n: n.span):
            if net.span[0] > bottom + 3:
                net.track, bottom = tracks, net.span[1]
                placed.append(net)
        rest = [n for n in rest if n not in placed]
        tracks += 1
    return tracks


def _before(a: Net, b: Net) -> bool:
    """Whether `a` must turn ahead of `b`, since it begins in the row in which `b` ends."""
    return any(abs(a.y - y) < 4 for _, y in b.targets)


def wires(made: Channel, labels_to: float) -> tuple[list[Wire], list[tuple[float, float]]]:
    """The lines of a channel whose labels end at `labels_to`, and the dots where lines part."""
    found: list[Wire] = []
    dots: list[tuple[float, float]] = []
    for net in made.nets:
        x = labels_to + MARGIN + TRACK * max(net.track, 0)
        begin = (net.source.x + net.source.width, net.y)
        for target, y in net.targets:
            passed = target.width if target.kind == "pass" else 0.0
            end = (target.x + passed + indent(target, y - target.y), y)
            bend = () if abs(y - net.y) < 0.5 else ((x, net.y), (x, y))
            found.append(Wire(net.value, net.source, target, (begin, *bend, end)))
        dots += _dots(net, x)
    return found, dots


def _dots(net: Net, x: float) -> list[tuple[float, float]]:
    heights = {round(y, 1) for _, y in net.targets}
    if len(net.targets) < 2 or net.straight:
        return []
    low, high = net.span
    inner = [h for h in heights if low + 0.5 < h < high - 0.5]
    own = round(net.y, 1)
    ways = (own in heights) + (min(heights) < own) + (max(heights) > own)
    if ways >= 2 and own not in inner:
        inner.append(own)
    return [(x, h) for h in inner]


def indent(item: Item, dy: float) -> float:
    """How far right of its left side a round item begins at a height."""
    if item.box is None or item.box.kind not in ("point", "choice"):
        return 0.0
    radius = item.radius
    beyond = max(radius - dy, dy - (item.height - radius), 0.0)
    return float(radius - max(radius * radius - beyond * beyond, 0.0) ** 0.5)
