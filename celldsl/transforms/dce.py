"""Remove what nobody reads.  In: a Program.  Out: without unread nodes and unread saved leaves."""

from __future__ import annotations

from celldsl.ir.program import Program
from celldsl.structs import replace


def dce(p: Program) -> Program:
    needed = set(p.wanted())
    for node in reversed(list(p.nodes())):
        if node.name in needed:
            needed.update(node.args)
    before, step, after = (
        tuple(node for node in nodes if node.name in needed)
        for nodes in (p.before, p.step, p.after)
    )
    leaves = tuple(x for x in p.leaves if x.kind != "saved" or x.name in needed)
    return replace(p, leaves=leaves, before=before, step=step, after=after)
