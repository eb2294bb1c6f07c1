"""Cotangents of states, in place.  In: a Planner that has scheduled.  Out: those not in place.

A backward step reads the cotangent of the next state and writes that of the state.  Both share one
buffer where every read comes before the first write; otherwise the new one is moved after the step.
"""

from __future__ import annotations

from celldsl.ir.program import Node
from celldsl.plan.places import Place
from celldsl.plan.planner import Planner
from celldsl.plan.regions import REGIONS

Carried = list[tuple[str, Place, Place]]
Moment = tuple[int, int, int]
STEP = REGIONS.index("step")


def carry_in_place(planner: Planner, carried: Carried) -> Carried:
    """Let new cotangents be written over the old ones where that is safe; the others are left."""
    left: Carried = []
    for name, inside, after in carried:
        writers = [value for value, places in planner.targets.stores.items() if after in places]
        if writers and _safe(planner, name, writers):
            for value in writers:
                places = planner.targets.stores[value]
                places[:] = [inside if place == after else place for place in places]
        else:
            left.append((name, inside, after))
    return left


def _safe(planner: Planner, state: str, writers: list[str]) -> bool:
    first_write = min(_moment(planner, writer) for writer in writers)
    reads = [_moment(planner, node.name) for node in _readers(planner, state)]
    return all(read < first_write for read in reads)


def _readers(planner: Planner, state: str) -> list[Node]:
    """The executed nodes of the step that read the state's cotangent, through views."""
    found = []
    for node in planner.graph.nodes.values():
        position = planner.position.get(node.name)
        if position is None or position[0] != STEP:
            continue
        args = list(node.args)
        if node.op == "add_at" and planner.merged(args[1]):
            args += planner.graph.nodes[args[1]].args
        if any(planner.graph.root(arg) == state for arg in args):
            found.append(node)
    return found


def _moment(planner: Planner, value: str) -> tuple[Moment, int]:
    """When a value is written or read: its stage, its nest, its place in the nest."""
    position = planner.position[value]
    group = planner.groups[REGIONS[position[0]], position[1]][position[2]]
    names = [node.name for node in group.nodes]
    return position, names.index(value)
