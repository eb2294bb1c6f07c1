"""What is drawn of a cell.  In: a lowered cell.  Out: a graph of its step, or its backward pass.

graph_for(lowered, gradient=True)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from celldsl.pictures.graph import Graph, graph_of

if TYPE_CHECKING:
    from celldsl.semantics.lower import Lowered


def graph_for(lowered: Lowered, gradient: bool) -> Graph:
    if not gradient:
        return graph_of(lowered.program, lowered.notes)
    from celldsl.ir.notes import Notes, titles
    from celldsl.pipeline import Artefacts

    forward, backward = Artefacts(lowered).differentiated
    saved = {leaf.name for leaf in backward.leaves}
    names = {v: n.replace("_next", "′") for v, n in titles(forward).items() if v in saved}
    return graph_of(backward, Notes(), names)
