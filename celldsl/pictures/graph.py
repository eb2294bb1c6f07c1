"""What is drawn of a cell.  In: nothing.  Out: the records of boxes, and which reads which.

    Box("σ", "gate", reads=("x", "h"), gives=("%5",), …)
    without(graph, ["layer", "k = 0"])      `layer.0`, `layer.1` and one iteration are a box each

`celldsl.pictures.boxes` makes a Graph of a Program.  A frame, which is a loop, an inner cell or an
ode, goes by its whole name, or by the word that it begins with.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby

from celldsl.ir.notes import Frame
from celldsl.structs import entity, field, record, replace


@entity
class Box:
    """`kind` decides the colour; `frame` has what is drawn around it, outermost first.

    `reads` and `gives` are values; `note` stands small under the label.  Where the operation is not
    the same with its arguments exchanged, what it reads is `ordered`, and `words` may say of each
    what it is.
    """

    label: str
    kind: str
    reads: tuple[str, ...]
    gives: tuple[str, ...]
    frame: tuple[Frame, ...] = ()
    note: str = ""
    covers: set[str] = field(default_factory=set)
    ordered: bool = False
    words: tuple[str, ...] = ()


@record
class End:
    """A value that comes in at the left or goes out at the right of a picture."""

    value: str
    label: str
    kind: str


@record
class Graph:
    """`names` are those of authors; `shapes` are texts; `states` lead from what comes in to out."""

    title: str
    boxes: tuple[Box, ...]
    comes: tuple[End, ...]
    goes: tuple[End, ...]
    states: tuple[tuple[str, str], ...]
    names: Mapping[str, str]
    shapes: Mapping[str, str]


def names_of(graph: Graph) -> list[str]:
    return list(dict.fromkeys(frame.name for box in graph.boxes for frame in box.frame))


def is_meant(name: str, by: Collection[str]) -> bool:
    return name in by or re.split(r"[. ]", name)[0] in by


def without(graph: Graph, names: Collection[str]) -> Graph:
    """The graph with the outermost frames of these names as boxes."""
    if not names:
        return graph
    read = [v for box in graph.boxes for v in box.reads] + [end.value for end in graph.goes]
    return replace(graph, boxes=tuple(_boxes(graph, names, read)))


def _boxes(graph: Graph, names: Collection[str], read: list[str]) -> Iterator[Box]:
    for around, members in groupby(graph.boxes, lambda box: _outermost(box, names)):
        boxes = list(members)
        if not around:
            yield from boxes
            continue
        inside = [v for box in boxes for v in box.reads]
        made = [v for box in boxes for v in box.gives]
        reads = tuple(dict.fromkeys(v for v in inside if v not in made))
        gives = tuple(v for v in made if read.count(v) > inside.count(v))
        covers = {v for box in boxes for v in box.covers}
        yield Box(around[-1].name, "frame", reads, gives, around[:-1], covers=covers)


def _outermost(box: Box, names: Collection[str]) -> tuple[Frame, ...]:
    """The frames around a box up to the first that is to be folded; none where there is none."""
    places = [k for k, frame in enumerate(box.frame) if is_meant(frame.name, names)]
    return box.frame[: places[0] + 1] if places else ()
