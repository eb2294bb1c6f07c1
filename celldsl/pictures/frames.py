"""Frames as one box each.  In: a Graph and names of frames.  Out: a Graph.

    without(graph, ["layer", "k = 0"])      `layer.0`, `layer.1` and one iteration are a box each

A frame goes by its whole name, or by the word that it begins with.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import groupby

from celldsl.ir.notes import Frame
from celldsl.pictures.graph import Box, Graph
from celldsl.structs import replace


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
