"""Keep or compute again.  In: forward and backward Programs.  Out: both, with a smaller tape.

    tape: u, 1 - u        tape: u;  the backward step computes 1 - u again

What depends on parameters alone is computed again, once.  A value of a step is computed again where
that is arithmetic on what the tape keeps anyway, or on one value of its size instead of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from celldsl.ir.program import Leaf, Node, Program, Rows
from celldsl.ops.table import OPS

CHEAP = 1


@dataclass(slots=True)
class _Choice:
    """`kept` are values on the tape, `again` nodes that the backward program repeats."""

    nodes: dict[str, Node]
    free: set[str]
    kept: set[str]
    again: set[str]


def choose_saved(forward: Program, backward: Program) -> tuple[Program, Program]:
    """The programs with fewer saved values."""
    nodes = {node.name: node for node in forward.nodes()}
    free = {leaf.name for leaf in forward.leaves} | {state.next for state in forward.states}
    kept = {leaf.name for leaf in backward.leaves if leaf.kind == "saved"}
    choice = _Choice(nodes, free, kept, set())
    for name in reversed(list(nodes)):
        if name in choice.kept:
            _consider(choice, nodes[name])
    return _apply(forward, backward, choice)


def _consider(choice: _Choice, node: Node) -> None:
    if node.type.rows == Rows.ONCE:
        _repeat_all(choice, node)
        return
    if node.name in choice.free or not _cheap(node):
        return
    missing = [arg for arg in node.args if not _available(choice, arg)]
    once = [arg for arg in missing if choice.nodes[arg].type.rows == Rows.ONCE]
    others = sorted(set(missing) - set(once))
    swaps = len(others) == 1 and choice.nodes[others[0]].type == node.type
    if not others or swaps:
        for arg in once:
            _repeat_all(choice, choice.nodes[arg])
        choice.kept.discard(node.name)
        choice.again.add(node.name)
        choice.kept.update(others)


def _cheap(node: Node) -> bool:
    entry = OPS[node.op]
    return entry.kind in ("elementwise", "source", "shape") and entry.cost <= CHEAP and (
        node.op not in ("mask", "concat", "window", "fold", "roll", "pad")
    )  # fmt: skip


def _available(choice: _Choice, value: str) -> bool:
    if value in choice.kept or value in choice.again:
        return True
    return value in choice.free and not _is_next(choice, value)


def _is_next(choice: _Choice, value: str) -> bool:
    """A next state is free on the tape, but only once the tape is told that it is read."""
    return value in choice.nodes


def _repeat_all(choice: _Choice, node: Node) -> None:
    """A value that depends on parameters alone, with all that it is computed from."""
    choice.kept.discard(node.name)
    choice.again.add(node.name)
    for arg in node.args:
        if arg in choice.nodes and arg not in choice.again:
            _repeat_all(choice, choice.nodes[arg])


def _apply(forward: Program, backward: Program, choice: _Choice) -> tuple[Program, Program]:
    there = {node.name for node in backward.nodes()}
    repeated = [n for name, n in choice.nodes.items() if name in choice.again and name not in there]
    known = {leaf.name for leaf in backward.leaves}
    leaves = [leaf for leaf in backward.leaves if leaf.name not in choice.again]
    added = sorted(choice.kept - known)
    leaves += [Leaf("saved", name, choice.nodes[name].type) for name in added]
    leaves += _missing_leaves(forward, leaves, repeated)
    repeated = [
        replace(node, args=tuple(_incoming(forward, a) for a in node.args)) for node in repeated
    ]
    before = tuple(node for node in repeated if node.type.rows == Rows.ONCE)
    step = tuple(node for node in repeated if node.type.rows != Rows.ONCE)
    saved = tuple(leaf.name for leaf in leaves if leaf.kind == "saved")
    order = {name: i for i, name in enumerate(choice.nodes)}
    saved = tuple(sorted(saved, key=lambda name: order.get(name, -1)))
    changed = replace(
        backward,
        leaves=tuple(leaves),
        before=(*before, *backward.before),
        step=(*step, *backward.step),
    )
    return replace(forward, saved=saved), changed


def _incoming(forward: Program, value: str) -> str:
    """A state as it came into the forward step is on the tape under a name of its own."""
    states = {leaf.name for leaf in forward.leaves if leaf.kind == "state"}
    return f"{value}@in" if value in states else value


def _missing_leaves(forward: Program, leaves: list[Leaf], repeated: list[Node]) -> list[Leaf]:
    have = {leaf.name for leaf in leaves}
    found: dict[str, Leaf] = {}
    for leaf in forward.leaves:
        name = _incoming(forward, leaf.name)
        if name not in have and any(leaf.name in node.args for node in repeated):
            kind = "saved" if leaf.kind == "state" else leaf.kind
            found[name] = Leaf(kind, name, leaf.type)
    return list(found.values())
