"""What readers call values.  In: Programs.  Out: names, each of one value alone.

    titles(program)["%7"]        "r", or "r_u_sub": a part of what `r, u = …` computes

A value that an equation defines has the user's name, a prime written `_next`.  What else an
equation needs is called after its targets and the operation; of cotangents, after `d`.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from celldsl.ir.program import Node, Program

MOST_TARGETS = 3
# What some operations are called where their name says little.
WORDS = {"einsum": "product", "einsum_rows": "sum", "rowsum": "sum", "add_at": "sum"}


def labels(program: Program) -> dict[str, str]:
    """The user's own names alone."""
    found: dict[str, str] = {}
    for node in program.nodes():
        if node.label and node.label not in found.values():
            found[node.name] = node.label
    return found


def titles(program: Program) -> dict[str, str]:
    """A name for every node of a forward program."""
    return _with_titles(labels(program), list(program.nodes()), "")


def backward_titles(forward: Program, backward: Program) -> dict[str, str]:
    """As `titles`; what is on the tape or computed again is called as it is forward."""
    made = {node.name: (node.op, node.origin) for node in forward.nodes()}
    same = {leaf.name for leaf in backward.leaves}
    same |= {n.name for n in backward.nodes() if made.get(n.name) == (n.op, n.origin)}
    known = {value: title for value, title in titles(forward).items() if value in same}
    return _with_titles(known, list(backward.nodes()), "d_")


def _with_titles(found: dict[str, str], nodes: Collection[Node], prefix: str) -> dict[str, str]:
    taken = {*found.values()}
    for node in nodes:
        if node.name not in found:
            found[node.name] = _free(prefix + _described(node), taken)
            taken.add(found[node.name])
    return found


def _free(title: str, taken: Collection[str]) -> str:
    free, number = title, 2
    while free in taken:
        free, number = f"{title}_{number}", number + 1
    return free


def _described(node: Node) -> str:
    op = WORDS.get(node.op, node.op)
    if node.origin is None:
        return op
    left = node.origin.text.partition("=")[0]
    targets = re.findall(r"[A-Za-z]\w*'?", left)[:MOST_TARGETS]
    return "_".join([*(t.replace("'", "_next") for t in targets), op])
