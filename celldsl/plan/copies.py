"""Copies of what does not lie as its readers want it.  In: a Graph.  Out: nodes that copy.

h' = conv(transpose(h), …)      conv(copy, …): pixels of a line lie side by side there
sum of x[:, ::2] and d          every other element of x, in one piece
"""

from __future__ import annotations

from collections.abc import Mapping

from celldsl.ir.program import Node, Rows
from celldsl.ir.size import Shape, Size, contiguous
from celldsl.plan.fusion import reads_memory
from celldsl.plan.gemms import sum_of_outers
from celldsl.plan.graph import REGIONS, Graph, Region
from celldsl.plan.places import Place
from celldsl.plan.stores import Targets, widest

ONE, ZERO = Size.of(1), Size.of(0)


def lay_out_numbers(graph: Graph, targets: Targets, copies: dict[str, Region]) -> None:
    """Numbers that are read as an array are written into one."""
    for node in list(graph.nodes.values()):
        if not reads_memory(node):
            continue
        for arg in dict.fromkeys(node.args):
            if graph.constant(arg) is not None:
                copy = targets.copy(arg)
                copies[copy.name] = "once_before"
                node = graph.reread(node, arg, copy.name)


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


def lay_out_factors(
    graph: Graph, targets: Targets, places: Mapping[str, Place], copies: dict[str, Region]
) -> None:
    """What a sum over all rows multiplies lies in one piece: every other element is copied."""
    for node in list(graph.nodes.values()):
        form = sum_of_outers(graph, node) if node.op == "einsum_rows" else None
        if form is None:
            continue
        for arg, axis in (
            (form.left, form.left_labels.index(form.m)),
            (form.right, form.right_labels.index(form.n)),
        ):
            apart = _strides(graph, targets, places, arg)[axis] != ONE
            if apart and graph.types[arg].rows == Rows.STEP and arg in node.args:
                copy = targets.copy(arg)
                copies[copy.name] = "row_after"
                node = graph.reread(node, arg, copy.name)


def _strides(graph: Graph, targets: Targets, places: Mapping[str, Place], value: str) -> Shape:
    """Those of the axes of a value, where it will lie."""
    root = graph.root(value)
    strides = contiguous(graph.shape(root))
    if root in places:
        strides = places[root].strides
    elif targets.stores.get(root):
        strides = widest(targets.stores[root]).strides
    elif root in targets.slots:
        concat = targets.slots[root][0]
        whole = targets.wholes.get(concat)
        strides = contiguous(graph.shape(concat)) if whole is None else whole.strides
    return graph.view(value, Place("", ZERO, "row", ZERO, strides)).strides
