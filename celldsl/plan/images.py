"""Images line by line.  In: convolutions of a Graph.  Out: copies of what lies otherwise.

h' = conv(transpose(h), …)      conv(copy, …): pixels of a line lie side by side there
"""

from __future__ import annotations

from collections.abc import Mapping

from celldsl.ir.program import Node
from celldsl.plan.graph import REGIONS, Graph, Region
from celldsl.plan.stores import Targets


def lay_out_images(
    graph: Graph, targets: Targets, regions: Mapping[str, Region], copies: dict[str, Region]
) -> None:
    """Copies of what convolutions read and does not lie line by line."""
    for node in list(graph.nodes.values()):
        form = graph.convolution(node)
        if form is None:
            continue
        axes = len(form.pixels)
        if node.op == "einsum_rows" and not graph.in_lines(form.other, axes):
            copy = targets.copy(form.other)
            copies[copy.name] = _earliest(graph, regions, [node])
            graph.reread(graph.nodes[node.name], form.other, copy.name)
        if not graph.in_lines(form.image, axes):
            copy = targets.copy(form.image)
            copies[copy.name] = _earliest(graph, regions, graph.users[form.window])
            graph.reread(graph.nodes[form.window], form.image, copy.name)


def _earliest(graph: Graph, regions: Mapping[str, Region], readers: list[Node]) -> Region:
    """The first region in which one of them runs, an einsum with the sum that it is added to."""
    names = [reader.name for reader in readers]
    names += [user.name for name in names for user in graph.users[name]]
    places = [REGIONS.index(regions[name]) for name in names if name in regions]
    return REGIONS[min(places)]
