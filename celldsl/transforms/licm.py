"""Move work out of the time loop.  In: a Program.  Out: the same nodes, in better regions.

`before`: what needs no state and exists once or for each sequence; and a STEP einsum with an
operand that exists once, together with what it needs: it becomes one product over all rows.
`after`, in backward programs, whose tape has every state: what no state needs, if it is such an
einsum, or reads something that moved.  Elementwise work and products of two STEP values stay in the
step, where they are fused and nothing is stored; so do masks of a step, which hash its number, and
what reads a value of each sequence: outside the loop a row does not know its sequence.  A window
goes where all that read it went.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from celldsl.ir.program import Node, Program, Rows, Type


def licm(p: Program) -> Program:
    early = _early(p)
    step = [node for node in p.step if node.name not in early]
    late = _late(p, step) if p.reverse else set()
    return p.with_regions(
        (*p.before, *(node for node in p.step if node.name in early)),
        tuple(node for node in step if node.name not in late),
        (*(node for node in step if node.name in late), *p.after),
    )


def _early(p: Program) -> set[str]:
    """Nodes of the step that go before the loop."""
    types = p.types()
    bound = {leaf.name for leaf in p.leaves if leaf.kind == "state"}
    free = []
    for node in p.step:
        drawn = node.op == "mask" and node.type.rows == Rows.STEP
        if bound.isdisjoint(node.args) and not drawn and not _mixes(types, node):
            free.append(node)
        else:
            bound.add(node.name)
    wanted = {n.name for n in free if n.type.rows != Rows.STEP or _is_product(types, n)}
    return _with_needs(free, wanted)


def _late(p: Program, step: list[Node]) -> set[str]:
    """Nodes of the step that go after the loop."""
    types = p.types()
    mixed = {node.name for node in step if _mixes(types, node)}
    stays = _with_needs(step, {s.next for s in p.states} | mixed)
    late: set[str] = set()
    for node in step:
        moves = _is_product(types, node) or not late.isdisjoint(node.args)
        if node.name not in stays and moves:
            late.add(node.name)
    return late | _late_windows(p, step, stays, late)


def _late_windows(p: Program, step: list[Node], stays: set[str], late: set[str]) -> set[str]:
    """Windows of the step that nothing in it reads."""
    read = {arg for node in step if node.name not in late for arg in node.args}
    windows = {node.name for node in step if node.op == "window"}
    return windows - read - stays - set(p.wanted())


def _mixes(types: Mapping[str, Type], node: Node) -> bool:
    """Whether a value of every step reads one that each sequence has once."""
    return node.type.rows == Rows.STEP and Rows.BATCH in (types[arg].rows for arg in node.args)


def _is_product(types: Mapping[str, Type], node: Node) -> bool:
    """Whether an einsum has one operand that exists once: a product with a weight."""
    if node.op == "add_at":
        return True
    if node.op != "einsum":
        return False
    return sorted(types[arg].rows for arg in node.args) == [Rows.ONCE, Rows.STEP]


def _with_needs(nodes: Iterable[Node], wanted: set[str]) -> set[str]:
    """The nodes among `nodes` that `wanted` values are or need."""
    needed = set(wanted)
    found = set()
    for node in reversed(list(nodes)):
        if node.name in needed:
            found.add(node.name)
            needed.update(node.args)
    return found
