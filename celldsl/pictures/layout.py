"""A Graph on a page.  In: a Graph and a width.  Out: items with their places, and wires.

    picture = arrange(graph, 900)

Layers stand side by side until the page is full; the next ones follow below as another band, and a
value that leads there has a tag at the end of one band and at the beginning of the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from celldsl.pictures.graph import Box, End, Graph
from celldsl.pictures.items import (
    LETTER,
    SMALL,
    Group,
    Item,
    box_item,
    end_item,
    graph_states,
    layer_all,
    pass_item,
    put_on_rails,
    units,
)
from celldsl.pictures.placing import place
from celldsl.pictures.routing import Wire, channel, wires
from celldsl.structs import entity, field, record, replace

BETWEEN, PAD, TITLE = 34.0, 14.0, 20.0
FEW, NARROW = 3, 120.0


@entity
class Picture:
    """`ins` and `outs` are heights at which values cross the left and the right side."""

    width: float = 0.0
    height: float = 0.0
    items: list[Item] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    dots: list[tuple[float, float]] = field(default_factory=list)
    ins: list[tuple[str, float]] = field(default_factory=list)
    outs: list[tuple[str, float]] = field(default_factory=list)


@record
class Page:
    """What is the same at every depth; `tags` are numbers of values that go on in another band."""

    labels: Mapping[str, str]
    names: Mapping[str, str]
    states: tuple[tuple[str, str], ...]
    tags: dict[str, int]


def labels_of(graph: Graph) -> dict[str, str]:
    """What stands on the line of each value: its name and shape; a shape alone where it changes."""
    shapes = {v: _short(text) for v, text in graph.shapes.items()}
    found = {v: f"{_short(n)} {shapes[v]}" for v, n in graph.names.items()}
    for box in graph.boxes:
        for value in box.gives:
            if value not in found and any(shapes[r] != shapes[value] for r in box.reads):
                found[value] = shapes[value]
    return found


def _short(sizes: str) -> str:
    """`2H` for `2*H`."""
    return re.sub(r"(\d)\*", r"\1", sizes)


def arrange(graph: Graph, width: float) -> Picture:
    page = Page(labels_of(graph), graph.names, tuple(graph_states(graph)), {})
    picture = _level(page, graph.boxes, 0, graph.comes, graph.goes, width)
    _number_tags(page, picture)
    return picture


def _number_tags(page: Page, picture: Picture) -> None:
    """Tags are counted as a reader meets them, down the page."""
    tags = sorted(_tags(picture, 0.0), key=lambda found: found[0])
    for _, tag in tags:
        if tag.kind == "go":
            page.tags.setdefault(tag.reads[0], len(page.tags) + 1)
    for _, tag in tags:
        number = page.tags[(tag.reads or tag.gives)[0]]
        tag.label = f"{number} {tag.label}".strip()


def _tags(picture: Picture, top: float) -> Iterator[tuple[float, Item]]:
    for item in picture.items:
        if isinstance(item.inside, Picture):
            yield from _tags(item.inside, top + item.y + TITLE)
        elif item.note == "tag":
            yield top + item.y, item


def _level(
    page: Page, boxes: Sequence[Box], depth: int, comes: Sequence[End], goes: Sequence[End],
    width: float,
) -> Picture:  # fmt: skip
    wanted = {end.value for end in goes}
    inner = width - _room_of_ends(comes, goes)
    items = [_item(page, unit, depth, inner) for unit in units(boxes, depth, wanted)]
    layer_all(items)
    put_on_rails(items, page.states)
    picture, done, rest = Picture(), list[list[Item]](), _layers(items)
    while rest or not done:
        count, band = _next_band(page, done, rest, comes, goes, width)
        done.append(_flat(rest[:count]))
        rest = rest[count:]
        _put_below(picture, band)
    for item in picture.items:
        if item.kind == "go" and item.note == "port" and item.x < picture.width:
            y = item.y + item.height / 2
            line = ((item.x, y), (picture.width, y))
            picture.wires.append(Wire(item.reads[0], item, item, line))
    return picture


def _room_of_ends(comes: Sequence[End], goes: Sequence[End]) -> float:
    return 60 + sum(max((end_item(e, "come").width for e in side), default=0.0)
                    for side in (comes, goes))  # fmt: skip


def _item(page: Page, unit: Box | Group, depth: int, width: float) -> Item:
    if isinstance(unit, Box):
        return box_item(unit)
    comes = [End(v, "", "port") for v in unit.reads]
    goes = [End(v, "", "port") for v in unit.gives]
    inner = _level(page, unit.boxes, depth + 1, comes, goes, width - 2 * PAD)
    item = Item("frame", unit.name, inside=inner)
    item.width, item.height = inner.width + 2 * PAD, inner.height + PAD + TITLE
    item.ins = [(v, y + TITLE) for v, y in inner.ins]
    item.outs = [(v, y + TITLE) for v, y in inner.outs]
    return item


# ------------------------------------------------------------------ bands


def _layers(items: Sequence[Item]) -> list[list[Item]]:
    found: dict[int, list[Item]] = {}
    for item in items:
        found.setdefault(item.layer, []).append(item)
    return [found[number] for number in sorted(found)]


def _flat(layers: Sequence[list[Item]]) -> list[Item]:
    return [item for layer in layers for item in layer]


def _next_band(
    page: Page, done: Sequence[list[Item]], rest: Sequence[list[Item]], comes: Sequence[End],
    goes: Sequence[End], width: float,
) -> tuple[int, Picture]:  # fmt: skip
    """As many layers as fit, and how they stand beside each other."""
    count = _estimate(page, rest, width - _room_of_ends(comes, goes))
    while True:
        groups = [*done, _flat(rest[:count]), _flat(rest[count:])]
        band = _laid(page, _band(page, groups, len(done), comes, goes))
        if band.width <= width or count <= 1:
            return count, band
        count = max(1, min(count - 1, round(count * width / band.width)))


def _estimate(page: Page, layers: Sequence[list[Item]], width: float) -> int:
    """About how many layers, from the first, fit beside each other."""
    used = 0.0
    for count, here in enumerate(layers):
        labels = [len(page.labels.get(v, "")) * SMALL for i in here for v in i.gives]
        used += max(i.width for i in here) + max(labels, default=0.0) + 34
        rest = _flat(layers[count:])
        small = len(rest) <= FEW and sum(item.width for item in rest) < NARROW
        # A band of its own for two or three boxes takes more room than it saves.
        if count and used > width and not small:
            return count
    return len(layers)


def _band(
    page: Page, groups: Sequence[list[Item]], k: int, comes: Sequence[End], goes: Sequence[End]
) -> list[list[Item]]:
    """The layers of a group, with what comes from the ones before and goes on to later ones."""
    group = groups[k]
    made_in = {v: n for n, each in enumerate(groups) for item in each for v in item.gives}
    last_use: dict[str, int] = {}
    for n, each in enumerate(groups):
        last_use.update((v, n) for item in each for v in item.reads)
    first = min((item.layer for item in group), default=1) - 1
    layers: list[list[Item]] = [[]]
    for item in group:
        while len(layers) <= item.layer - first:
            layers.append([])
        layers[item.layer - first].append(item)
    # Dicts, which keep their order: a picture is the same in every process.
    read = dict.fromkeys(v for item in group for v in item.reads)
    leaving = [e for e in goes if made_in.get(e.value, 0) == k]
    read |= dict.fromkeys(e.value for e in leaving)
    inside = dict.fromkeys(v for item in group for v in item.gives)
    known = {e.value: e for e in comes}
    given = [v for v in read if v not in inside]
    for value in sorted(given, key=lambda v: list(known).index(v) if v in known else -1):
        end = known.get(value)
        layers[0].append(end_item(end, "come") if end else _tag(page, value, "come"))
    if k == 0:
        unread = [e for e in comes if e.value not in last_use and e.value not in read]
        layers[0] += [end_item(e, "come") for e in unread if e.kind != "port"]
    onward = [v for v in inside if last_use.get(v, k) > k]
    last = [_tag(page, v, "go") for v in onward]
    last += [end_item(end, "go") for end in leaving]
    layers.append(last)
    _pin_ends(page, layers)
    _add_passes(layers)
    return layers


def _tag(page: Page, value: str, side: str) -> Item:
    """What says that a value goes on elsewhere, with room for the number that it gets."""
    name = page.names.get(value, "")
    item = end_item(End(value, name if name[:1].isalpha() else "", "tag"), side)
    item.width += LETTER * (3 if item.label else 2)
    return item


def _pin_ends(page: Page, layers: list[list[Item]]) -> None:
    """Ends of states that run through stand on their rails."""
    on = {v: i.rail for layer in layers for i in layer if i.rail is not None for v in i.gives}
    read = {v: i.rail for layer in layers for i in layer if i.rail is not None for v in i.reads}
    for number, (start, end) in enumerate(page.states):
        for item in layers[0]:
            if read.get(item.gives[0]) == number and item.gives[0] in (start, *on):
                item.rail = number
        for item in layers[-1]:
            if item.reads[0] == end and on.get(end) == number:
                item.rail = number


def _add_passes(layers: list[list[Item]]) -> None:
    sources = {v: (k, i) for k, layer in enumerate(layers) for i in layer for v in i.gives}
    for value, (start, source) in list(sources.items()):
        readers = [(k, i) for k, layer in enumerate(layers) for i in layer if value in i.reads]
        stop = max((k for k, _ in readers), default=start)
        onward = [i for k, i in readers if k > start + 1 and i.rail is not None]
        for k in range(start + 1, stop):
            item = pass_item(value)
            if source.rail is not None and any(i.rail == source.rail for i in onward):
                until = max(j for j, i in readers if i.rail == source.rail)
                item.rail = source.rail if k < until else None
            layers[k].append(item)


# ------------------------------------------------------------------ coordinates


def _laid(page: Page, layers: list[list[Item]]) -> Picture:
    """A band by itself."""
    picture = Picture(height=place(layers))
    x = _stand(layers[0], 0.0)
    for left, right in pairwise(layers):
        x = _connect(page, picture, left, right, x)
    picture.items, picture.width = _flat(layers), x
    _note_ports(picture, layers)
    return picture


def _put_below(picture: Picture, band: Picture) -> None:
    top = picture.height + (BETWEEN if picture.items else 0.0)
    for item in band.items:
        item.y += top
    picture.items += band.items
    picture.wires += [
        replace(wire, points=tuple((x, y + top) for x, y in wire.points)) for wire in band.wires
    ]
    picture.dots += [(x, y + top) for x, y in band.dots]
    picture.ins += [(v, y + top) for v, y in band.ins]
    picture.outs += [(v, y + top) for v, y in band.outs]
    picture.width, picture.height = max(picture.width, band.width), top + band.height


def _connect(page: Page, picture: Picture, left: list[Item], right: list[Item], x: float) -> float:
    made = channel(left, right, page.labels)
    _stand(right, x + made.width)
    found, dots = wires(made, x + made.labels)
    picture.wires += found
    picture.dots += dots
    return x + made.width + max((item.width for item in right), default=0.0)


def _stand(layer: list[Item], x: float) -> float:
    """Sets where the items of a column stand, whose left side is `x`; returns its right side."""
    wide = max((item.width for item in layer), default=0.0)
    for item in layer:
        if item.kind == "pass":
            item.width = wide
        item.x = x if item.kind in ("come", "go") else x + (wide - item.width) / 2
    return x + wide


def _note_ports(picture: Picture, layers: list[list[Item]]) -> None:
    for item in layers[0]:
        if item.kind == "come" and item.note == "port":
            picture.ins.append((item.gives[0], item.y + item.height / 2))
    for item in layers[-1]:
        if item.kind == "go" and item.note == "port":
            picture.outs.append((item.reads[0], item.y + item.height / 2))
