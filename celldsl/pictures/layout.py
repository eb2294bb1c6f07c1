"""A Graph on a page.  In: a Graph and a width.  Out: items with their places, and wires.

    picture = arrange(graph, 900)

Layers stand side by side until the page is full; the next ones follow below as another band, and a
value that leads there has a tag at the end of one band and at the beginning of the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from celldsl.pictures.graph import Box, End, Graph
from celldsl.pictures.items import (
    Group,
    Item,
    box_item,
    end_item,
    graph_states,
    layer_all,
    pass_item,
    rails,
    units,
)
from celldsl.pictures.placing import place
from celldsl.pictures.routing import Wire, channel, wires
from celldsl.structs import entity, field, record

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
    """What is the same at every depth; `tags` are those of values that go on in another band."""

    labels: Mapping[str, str]
    states: tuple[tuple[str, str], ...]
    tags: dict[str, str]


def labels_of(graph: Graph) -> dict[str, str]:
    """What stands on the line of each value: its name and shape; a shape alone where it changes."""
    shapes = {v: re.sub(r"(\d)\*", r"\1", text) for v, text in graph.shapes.items()}
    found = {v: f"{n} {shapes[v]}" for v, n in graph.names.items()}
    for box in graph.boxes:
        for value in box.gives:
            if value not in found and any(shapes[r] != shapes[value] for r in box.reads):
                found[value] = shapes[value]
    return found


def arrange(graph: Graph, width: float) -> Picture:
    page = Page(labels_of(graph), tuple(graph_states(graph)), {})
    return _level(page, graph.boxes, 0, graph.comes, graph.goes, width)


def _level(
    page: Page, boxes: Sequence[Box], depth: int, comes: Sequence[End], goes: Sequence[End],
    width: float,
) -> Picture:  # fmt: skip
    wanted = {end.value for end in goes}
    ends = 60 + sum(max((end_item(e, "come").width for e in side), default=0.0)
                    for side in (comes, goes))  # fmt: skip
    items = [_item(page, unit, depth, width - ends) for unit in units(boxes, depth, wanted)]
    layer_all(items)
    for number, path in enumerate(rails(items, page.states)):
        for item in path:
            item.rail = number
    bands = _bands(page, items, comes, goes, width - ends)
    picture = Picture()
    for layers in bands:
        _add(page, picture, layers)
    for item in picture.items:
        if item.kind == "go" and item.note == "port" and item.x < picture.width:
            y = item.y + item.height / 2
            line = ((item.x, y), (picture.width, y))
            picture.wires.append(Wire(item.reads[0], item, item, line))
    return picture


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


def _bands(
    page: Page, items: Sequence[Item], comes: Sequence[End], goes: Sequence[End], width: float
) -> list[list[list[Item]]]:
    groups = _groups(page, items, width)
    made_in = {v: k for k, group in enumerate(groups) for item in group for v in item.gives}
    last_use: dict[str, int] = {}
    for k, group in enumerate(groups):
        last_use.update((v, k) for item in group for v in item.reads)
    return [_band(page, k, group, comes, goes, made_in, last_use) for k, group in enumerate(groups)]


def _groups(page: Page, items: Sequence[Item], width: float) -> list[list[Item]]:
    """Items whose layers fit beside each other."""
    layers: dict[int, list[Item]] = {}
    for item in items:
        layers.setdefault(item.layer, []).append(item)
    groups: list[list[Item]] = [[]]
    used = 0.0
    for number in sorted(layers):
        here = layers[number]
        labels = [len(page.labels.get(v, "")) * 5.9 for i in here for v in i.gives]
        wide = max(i.width for i in here) + max(labels, default=0.0) + 34
        if groups[-1] and used + wide > width:
            groups.append([])
            used = 0.0
        groups[-1] += here
        used += wide
    small = len(groups[-1]) <= FEW and sum(item.width for item in groups[-1]) < NARROW
    if len(groups) > 1 and small:
        # A band of its own for two or three boxes takes more room than it saves.
        *groups, last = groups
        groups[-1] += last
    return groups


def _band(
    page: Page, k: int, group: list[Item], comes: Sequence[End], goes: Sequence[End],
    made_in: Mapping[str, int], last_use: Mapping[str, int],
) -> list[list[Item]]:  # fmt: skip
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
        end = known.get(value) or End(value, _tag(page, value), "tag")
        layers[0].append(end_item(end, "come"))
    if k == 0:
        unread = [e for e in comes if e.value not in last_use and e.value not in read]
        layers[0] += [end_item(e, "come") for e in unread if e.kind != "port"]
    onward = [v for v in inside if last_use.get(v, k) > k]
    last = [end_item(End(v, _tag(page, v), "tag"), "go") for v in onward]
    last += [end_item(end, "go") for end in leaving]
    layers.append(last)
    _pin_ends(page, layers)
    _add_passes(layers)
    return layers


def _tag(page: Page, value: str) -> str:
    if value not in page.tags:
        name = page.labels.get(value, "").partition(" [")[0]
        number = len(page.tags)
        page.tags[value] = f"{number + 1} {name}" if name[:1].isalpha() else f"{number + 1}"
    return page.tags[value]


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


def _add(page: Page, picture: Picture, layers: list[list[Item]]) -> None:
    """Appends a band below what the picture has."""
    height = place(layers)
    top = picture.height + (BETWEEN if picture.items else 0.0)
    for layer in layers:
        for item in layer:
            item.y += top
    x = _stand(layers[0], 0.0)
    for left, right in pairwise(layers):
        x = _connect(page, picture, left, right, x)
    picture.items += [item for layer in layers for item in layer]
    picture.width = max(picture.width, x)
    picture.height = top + height
    _note_ports(picture, layers)


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
