"""A cell as a picture.  In: a lowered cell.  Out: SVG or text, of the step or its backward pass.

svg = picture(lowered, Wanted(gradient=True))
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from celldsl.pictures.graph import Graph, graph_of
from celldsl.structs import record

if TYPE_CHECKING:
    from celldsl.semantics.lower import Lowered


@record
class Wanted:
    """`width` is that of the page; `fold` names loops and inner cells to draw as one box."""

    gradient: bool = False
    width: float | None = None
    fold: tuple[str, ...] = ()
    theme: Literal["auto", "light", "dark"] = "auto"


def picture(lowered: Lowered, wanted: Wanted) -> str:
    """The text of an SVG file."""
    from celldsl.pictures.svg import svg_text

    graph = graph_for(lowered, wanted.gradient)
    return svg_text(graph, wanted.width, wanted.fold, wanted.theme)


def text(lowered: Lowered, gradient: bool) -> str:
    from celldsl.pictures.terminal import text_picture

    return text_picture(graph_for(lowered, gradient))


def graph_for(lowered: Lowered, gradient: bool) -> Graph:
    if not gradient:
        return graph_of(lowered.program, lowered.notes)
    from celldsl.ir.notes import Notes
    from celldsl.ir.titles import titles
    from celldsl.pipeline import Artefacts

    forward, backward = Artefacts(lowered).differentiated
    saved = {leaf.name for leaf in backward.leaves}
    names = {v: n.replace("_next", "′") for v, n in titles(forward).items() if v in saved}
    return graph_of(backward, Notes(), names)


def frames_of(graph: Graph) -> Collection[str]:
    """The names that `fold` may have."""
    return list(dict.fromkeys(name for box in graph.boxes for name in box.frame))
