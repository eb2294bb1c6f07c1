"""Put pieces side by side.  In: a Program.  Out: sums of padded pieces as a concat.

    pad(a, after=H) + pad(b, before=H)      concat(a, b)

Reverse mode makes such a sum of what was split: the cotangent of a whole from those of its slices.
"""

from __future__ import annotations

from celldsl.ir.attributes import AXIS, BEFORE
from celldsl.ir.builder import Builder
from celldsl.ir.program import Node, Program
from celldsl.ir.size import Size
from celldsl.transforms.rewrite import count_uses, rewrite, until_stable

Piece = tuple[Size, Size, str]


def join_pads(p: Program) -> Program:
    return until_stable(p, _once)


def _once(p: Program) -> Program:
    uses = count_uses(p)
    sums = [node for node in p.nodes() if node.op == "add"]
    inner = {arg for node in sums for arg in node.args if uses[arg] == 1}

    def rule(b: Builder, node: Node) -> str | None:
        return _joined(b, node, inner) if node.op == "add" and node.name not in inner else None

    return rewrite(p, rule)


def _joined(b: Builder, node: Node, inner: set[str]) -> str | None:
    """Join the pieces of a sum, whatever their order, and add the rest again."""
    pieces: dict[int, list[Piece]] = {}
    rest = []
    for value in _addends(b, node, inner):
        found = b.defined.get(value)
        if found is None or found.op != "pad":
            rest.append(value)
            continue
        axis, start = found[AXIS], found[BEFORE]
        stop = start + b.shape(found.args[0])[axis]
        pieces.setdefault(axis, []).append((start, stop, found.args[0]))
    joined = {axis: _join(b, axis, found) for axis, found in pieces.items()}
    if all(len(joined[axis]) == len(pieces[axis]) for axis in pieces):
        return None
    for axis, found_pieces in joined.items():
        size = node.type.shape[axis]
        for start, stop, value in found_pieces:
            rest.append(_padded(b, axis, start, size - stop, value))
    total, *others = rest
    for value in others:
        total = b.op("add", total, value)
    return total


def _addends(b: Builder, node: Node, inner: set[str]) -> list[str]:
    """What a tree of sums adds up, as far as its inner sums are read once."""
    found = []
    waiting = [*reversed(node.args)]
    while waiting:
        value = waiting.pop()
        deeper = b.defined.get(value)
        if deeper is not None and deeper.op == "add" and value in inner:
            waiting.extend(reversed(deeper.args))
        else:
            found.append(value)
    return found


def _join(b: Builder, axis: int, pieces: list[Piece]) -> list[Piece]:
    """Pieces where one's end is another's start become one, until none are left."""
    for first in pieces:
        for second in pieces:
            if first is not second and first[1] == second[0]:
                value = b.op("concat", *_parts(b, axis, first), *_parts(b, axis, second), axis=axis)
                others = [piece for piece in pieces if piece not in (first, second)]
                return _join(b, axis, [*others, (first[0], second[1], value)])
    return pieces


def _parts(b: Builder, axis: int, piece: Piece) -> tuple[str, ...]:
    node = b.defined.get(piece[2])
    joined = node is not None and node.op == "concat" and node[AXIS] == axis
    return node.args if node is not None and joined else (piece[2],)


def _padded(b: Builder, axis: int, before: Size, after: Size, value: str) -> str:
    if before == Size.of(0) == after:
        return value
    return b.op("pad", value, axis=axis, before=before, after=after)
