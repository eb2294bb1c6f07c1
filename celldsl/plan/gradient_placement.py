"""Gradients where they belong.  In: the backward Graph.  Out: places of sums and cotangents.

    gradient of r_u.W_x = slice(dW, 0, 2*H), of c.W_x = slice(dW, 2*H, 3*H)
    ->  the GEMM that makes dW writes the block of both

A backward step reads the cotangent of the next state and writes that of the state.  Both share one
buffer where every read comes before the first write; otherwise the new one is moved after the step.
"""

from __future__ import annotations

from collections import defaultdict

from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node
from celldsl.ir.size import contiguous
from celldsl.plan.graph import REGIONS, Graph
from celldsl.plan.places import Place
from celldsl.plan.planner import Planner
from celldsl.structs import record, replace


@record
class Outs:
    """`places` of sums over rows; `params` whose gradients those write."""

    places: dict[str, Place]
    params: frozenset[str]

    def covered(self, param: str) -> bool:
        return param in self.params


NOWHERE = Outs({}, frozenset())


def place_gradients(graph: Graph, gradients: dict[str, Place]) -> Outs:
    """For each sum over rows, the place in the gradients that suits every view of it."""
    by_root: dict[str, list[tuple[str, str]]] = {}
    for result in graph.program.results:
        root = graph.root(result.value)
        if result.kind == "param" and root in graph.nodes and _sums_rows(graph.nodes[root]):
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


def _sums_rows(node: Node) -> bool:
    entry = OPS[node.op]
    return entry.kind == "rows" and entry.loop != "none"


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
    view = graph.seen_at(value, place)
    if view is None:
        return False
    return (view.base, view.offset, view.strides) == (target.base, target.offset, target.strides)


def _covers(graph: Graph, node: Node, values: list[str]) -> bool:
    """Whether the views tile the sum: what no parameter owns must not be written over."""
    from celldsl.ir.size import product

    views = dict.fromkeys(values)
    total = sum((product(graph.shape(v)) for v in views), product(node.type.shape) * 0)
    return total == product(node.type.shape)


Carried = list[tuple[str, Place, Place]]
Moment = tuple[int, int, int]
STEP = REGIONS.index("step")


def carry_in_place(planner: Planner, carried: Carried) -> Carried:
    """Let new cotangents be written over the old ones where that is safe; the others are left."""
    left: Carried = []
    readers = _readers(planner, {name for name, _, _ in carried})
    written: dict[Place, list[str]] = defaultdict(list)
    for value, places in planner.targets.stores.items():
        for place in dict.fromkeys(places):
            written[place].append(value)
    for name, inside, after in carried:
        writers = written[after]
        if writers and _safe(planner, readers[name], writers):
            for value in writers:
                places = planner.targets.stores[value]
                places[:] = [inside if place == after else place for place in places]
        else:
            left.append((name, inside, after))
    return left


def _safe(planner: Planner, readers: list[Node], writers: list[str]) -> bool:
    first_write = min(_moment(planner, writer) for writer in writers)
    return all(_moment(planner, node.name) < first_write for node in readers)


def _readers(planner: Planner, states: set[str]) -> dict[str, list[Node]]:
    """The executed nodes of the step that read each state's cotangent, through views."""
    found: dict[str, list[Node]] = {state: [] for state in states}
    for node in planner.graph.nodes.values():
        position = planner.position.get(node.name)
        if position is None or position[0] != STEP:
            continue
        args = list(node.args)
        if node.op == "add_at" and planner.merged(args[1]):
            args += planner.graph.nodes[args[1]].args
        for state in states & {planner.graph.root(arg) for arg in args}:
            found[state].append(node)
    return found


def _moment(planner: Planner, value: str) -> tuple[Moment, int]:
    """When a value is written or read: its stage, its nest, its place in the nest."""
    position = planner.position[value]
    group = planner.groups[REGIONS[position[0]], position[1]][position[2]]
    names = [node.name for node in group.nodes]
    return position, names.index(value)
