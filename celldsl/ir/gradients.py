"""The gradient of one number inside a program.  In: a builder, a value.  Out: nodes of gradients.

    gradients(builder, "%7", ["W"])      ["%12"]: d %7 / d W, or None where nothing gets to W

Reverse mode over the nodes between the two.  What it appends are nodes as any others, so that they
can be differentiated again.  The rules hold for each row: the gradient of a parameter is here that
of one example at one step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from celldsl.ir.builder import Builder
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node


def gradients(b: Builder, loss: str, wrt: Sequence[str]) -> list[str | None]:
    """`loss` has no axes.  Nodes that no gradient needs are taken back."""
    begin = len(b.nodes)
    parts: dict[str, list[str]] = {loss: [b.number(1.0)]}
    found: dict[str, str] = {}
    for node in reversed(between(b, loss, wrt)):
        if node.name in parts:
            found[node.name] = d = sum_of(b, parts[node.name])
            gradient = OPS[node.op].gradient
            assert gradient is not None, f"{node.op} stands in a forward program"
            for arg, part in zip(node.args, gradient(b, node, d), strict=True):
                if part is not None:
                    parts.setdefault(arg, []).append(part)
    for name in wrt:
        if name in parts and name not in found:
            found[name] = sum_of(b, parts[name])
    b.discard(begin, [found[name] for name in wrt if name in found])
    return [found.get(name) for name in wrt]


def between(b: Builder, loss: str, wrt: Iterable[str]) -> list[Node]:
    """The nodes that `loss` needs and that depend on `wrt`, and those of `wrt`, in order."""
    needed, waiting = {loss}, [loss]
    while waiting:
        node = b.defined.get(waiting.pop())
        new = set() if node is None else {*node.args} - needed
        needed |= new
        waiting += new
    changed = set(wrt)
    kept = []
    for node in b.nodes:
        if node.name in needed and (node.name in changed or not changed.isdisjoint(node.args)):
            changed.add(node.name)
            kept.append(node)
    return kept


def sum_of(b: Builder, parts: Sequence[str]) -> str:
    """Pair by pair, so that the sum of many contributions is not a deep chain."""
    parts = list(parts)
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=False)
        odd = parts[len(parts) // 2 * 2 :]
        parts = [*(b.op("add", *pair) for pair in pairs), *odd]
    return parts[0]
