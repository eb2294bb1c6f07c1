"""Gradients that need no copy.  In: the backward Graph, places of gradients.  Out: places of sums.

gradient of r_u.W_x = slice(dW, 0, 2*H), of c.W_x = slice(dW, 2*H, 3*H)
->  the GEMM that makes dW writes the block of both
"""

from __future__ import annotations

from celldsl.ir.program import Node
from celldsl.plan.arrays import contiguous
from celldsl.plan.graph import Graph
from celldsl.plan.places import Place
from celldsl.record import record, replace

SUMS = ("rowsum", "einsum_rows")


@record
class Outs:
    """`places` of sums over rows; `params` whose gradients those write."""

    places: dict[str, Place]
    params: frozenset[str]

    def covered(self, param: str) -> bool:
        return param in self.params


NOWHERE = Outs({}, frozenset())


def direct_outs(graph: Graph, gradients: dict[str, Place]) -> Outs:
    """For each sum over rows, the place in the gradients that suits every view of it."""
    by_root: dict[str, list[tuple[str, str]]] = {}
    for result in graph.program.results:
        root = graph.root(result.value)
        if result.kind == "param" and root in graph.nodes and graph.nodes[root].op in SUMS:
            by_root.setdefault(root, []).append((result.name, result.value))
    places: dict[str, Place] = {}
    params: set[str] = set()
    for root, views in by_root.items():
        place = _common_place(graph, graph.nodes[root], views, gradients)
        if place is not None:
            places[root] = place
            params.update(
                name for name, value in views if _lands(graph, value, place, gradients[name])
            )
    return Outs(places, frozenset(params))


def _common_place(
    graph: Graph, node: Node, views: list[tuple[str, str]], gradients: dict[str, Place]
) -> Place | None:
    """Take the first view's block as a candidate and see that the whole sum fits there."""
    name, value = views[0]
    target = gradients[name]
    if value == node.name:
        return target
    shape = node.type.shape
    candidate = replace(target, strides=contiguous(shape), offset=target.offset)
    shift = graph.view(value, candidate).offset - candidate.offset
    candidate = replace(candidate, offset=target.offset - shift)
    fits = all(_lands(graph, value, candidate, gradients[name]) for name, value in views)
    covers = _covers(graph, node, [value for _, value in views])
    return candidate if fits and covers else None


def _lands(graph: Graph, value: str, place: Place, target: Place) -> bool:
    view = graph.view(value, place)
    return (view.base, view.offset, view.strides) == (target.base, target.offset, target.strides)


def _covers(graph: Graph, node: Node, values: list[str]) -> bool:
    """Whether the views tile the sum: what no parameter owns must not be written over."""
    from celldsl.ir.size import product

    views = dict.fromkeys(values)
    total = sum((product(graph.shape(v)) for v in views), product(node.type.shape) * 0)
    return total == product(node.type.shape)
