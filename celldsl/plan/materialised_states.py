"""States that are read after the loop.  In: a Program.  Out: one whose loop keeps them.

after: %9 = add(h, %8)   ->   step: h@kept = copy(h);   after: %9 = add(h@kept, %8)

A state of the backward loop is held for one step; what follows for all rows needs all of them.
"""

from __future__ import annotations

from celldsl.ir.program import Node, Program
from celldsl.plan.graph import Graph
from celldsl.structs import replace


def keep_states(program: Program) -> Program:
    """Copy what the nodes after the loop read of its states, in every step."""
    graph = Graph(program)
    states = {link.name for link in program.states}
    here = states | {node.name for node in program.step}
    copies: dict[str, Node] = {}

    def kept(arg: str) -> str:
        if arg not in here or graph.root(arg) not in states:
            return arg
        copy = Node(f"{arg}@kept", "copy", (arg,), graph.types[arg])
        return copies.setdefault(arg, copy).name

    after = tuple(
        node
        if node.op in ("final", "total")
        else replace(node, args=tuple(kept(a) for a in node.args))
        for node in program.after
    )
    return replace(program, step=(*program.step, *copies.values()), after=after)
