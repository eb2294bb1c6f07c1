"""What stands in the columns of a picture.  In: a Graph.  Out: items in layers, band by band.

    units(boxes, 0, wanted)     boxes and frames of the outermost level
    layer_all(items)            gives each the column after all that it reads

An item is a box, a frame with a picture of its own inside, an end at the left or right, or the
passing of a value through a column where nothing reads it.  A state that runs through operations of
one element each keeps to one line, its rail.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from celldsl.ir.notes import Frame
from celldsl.pictures.graph import Box, End, Graph
from celldsl.structs import entity, field, record

LETTER, SMALL, ROUND, TALL, PORT, WORD = 7.4, 5.9, 28.0, 30.0, 9.0, 13.0
GAP = 18.0
SPREAD = 20.0
Port = tuple[str, float]


@entity
class Item:
    """`ins` and `outs` have a value and how far below the item's top its line meets it.

    `on_rail` is that of the value that runs through where the item is on a `rail`.
    """

    kind: str
    label: str = ""
    note: str = ""
    width: float = 0.0
    height: float = 0.0
    ins: list[Port] = field(default_factory=list)
    outs: list[Port] = field(default_factory=list)
    box: Box | None = None
    inside: object = None
    layer: int = 0
    x: float = 0.0
    y: float = 0.0
    rail: int | None = None
    on_rail: float | None = None

    @property
    def level(self) -> float:
        """How far below its top the rail meets it."""
        return self.height / 2 if self.on_rail is None else self.on_rail

    @property
    def radius(self) -> float:
        """Of its corners."""
        if self.box is None or self.box.kind not in ("point", "choice"):
            return 3.0 if self.box is not None and self.box.kind == "move" else 6.0
        return 6.0 if self.box.words else min(self.height / 2, ROUND / 2)

    @property
    def reads(self) -> list[str]:
        return [value for value, _ in self.ins]

    @property
    def gives(self) -> list[str]:
        return [value for value, _ in self.outs]


@record
class Group:
    """A frame that is not laid out yet: its name and the boxes in it."""

    name: str
    boxes: tuple[Box, ...]
    reads: tuple[str, ...]
    gives: tuple[str, ...]


def units(boxes: Sequence[Box], depth: int, wanted: Collection[str]) -> list[Box | Group]:
    """Boxes and frames of one level in an order in which all is made before it is read."""
    found: dict[object, list[Box]] = {}
    for box in boxes:
        key: object = box.frame[depth] if len(box.frame) > depth else box
        found.setdefault(key, []).append(box)
    result: list[Box | Group] = []
    for key, members in found.items():
        if isinstance(key, Box):
            result.append(key)
            continue
        made = {v for b in members for v in b.gives}
        read = dict.fromkeys(v for b in members for v in b.reads if v not in made)
        outside = {v for b in boxes if b not in members for v in b.reads} | set(wanted)
        gives = tuple(v for b in members for v in b.gives if v in outside)
        assert isinstance(key, Frame)
        result.append(Group(key.name, tuple(members), tuple(read), gives))
    return result


def box_item(box: Box) -> Item:
    """Its size is that of its words."""
    item = Item("box", box.label, box.note, box=box)
    text = len(box.label) * LETTER
    if box.label == "split":
        item.width, item.height = 10.0, max(SPREAD * len(box.gives), ROUND)
    elif box.kind in ("point", "choice"):
        item.width, item.height = max(ROUND, text + 16), ROUND
    else:
        item.width = max(38.0, text + 18, len(box.note) * SMALL + 14)
        item.height = TALL + (10 if box.note else 0)
    gap = WORD if box.words else PORT
    if box.words:
        item.width = max(ROUND, words_width(box) + text + 8 * bool(box.label))
    item.height = max(item.height, gap * len(box.reads) + 8, SPREAD * len(box.gives))
    item.ins = spread(box.reads, item.height, gap)
    item.outs = spread(box.gives, item.height, SPREAD)
    return item


def words_width(box: Box) -> float:
    """How much room the words at its inputs take."""
    return 12 + SMALL * max(map(len, box.words), default=0)


def spread(values: Sequence[str], height: float, gap: float) -> list[Port]:
    first = height / 2 - gap * (len(values) - 1) / 2
    return [(value, first + gap * k) for k, value in enumerate(values)]


def end_item(end: End, side: str) -> Item:
    """`side` is "come" or "go"."""
    wide = len(end.label) * LETTER + 20 if end.kind != "port" else 0.0
    item = Item(side, end.label, end.kind, wide, 24.0 if end.kind != "port" else 2.0)
    port = [(end.value, item.height / 2)]
    item.outs, item.ins = (port, []) if side == "come" else ([], port)
    return item


def pass_item(value: str) -> Item:
    return Item("pass", width=0.0, height=2.0, ins=[(value, 1.0)], outs=[(value, 1.0)])


def layer_all(items: Sequence[Item]) -> int:
    """Gives each item the layer after all that it reads; returns how many layers there are."""
    made: dict[str, int] = {}
    for item in items:
        item.layer = 1 + max((made[v] for v in item.reads if v in made), default=0)
        made.update(dict.fromkeys(item.gives, item.layer))
    readers: dict[str, list[Item]] = {}
    for item in items:
        for value in item.reads:
            readers.setdefault(value, []).append(item)
    for item in reversed(items):
        after = [r.layer for v in item.gives for r in readers.get(v, [])]
        if after and len(item.ins) <= len(item.outs) and item.inside is None:
            item.layer = max(item.layer, min(after) - 1)
    return max((item.layer for item in items), default=0)


def put_on_rails(items: Sequence[Item], states: Iterable[tuple[str, str]]) -> None:
    """Has each state run straight through operations of one element each, where there are such."""
    makers = {v: item for item in items for v in item.gives}
    taken: set[int] = set()
    for number, (start, end) in enumerate(states):
        path = _path(end, start, makers, taken)
        taken |= {id(item) for item in path}
        value = start
        for item in path:
            item.rail = number
            if item.box is not None and item.box.ordered:
                item.on_rail = dict(item.ins)[value]
                item.outs = [(v, item.on_rail) for v in item.gives]
            value = item.gives[0]


def _path(value: str, start: str, makers: dict[str, Item], taken: Collection[int]) -> list[Item]:
    """The shortest way back from a next state to the state through operations of one element."""
    pending: list[tuple[str, list[Item]]] = [(value, [])]
    seen: set[str] = set()
    while pending:
        current, path = pending.pop(0)
        if current == start:
            return path
        item = makers.get(current)
        if item is None or current in seen or id(item) in taken or item.box is None:
            continue
        seen.add(current)
        if item.box.kind in ("point", "choice"):
            pending += [(v, [item, *path]) for v in item.reads]
    return []


def graph_states(graph: Graph) -> list[tuple[str, str]]:
    return [pair for pair in graph.states if pair[0] != pair[1]]
