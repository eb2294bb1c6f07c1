"""Cut before computing.  In: a Program.  Out: slices stand as far up as they can.

    slice(tanh(z))          tanh(slice(z))          where z's tanh is read by slices alone
    slice(concat(a, b))     a, or a slice of it     where the bounds say so for all sizes
    slice(slice(z))         slice(z)
    slice(broadcast(v))     broadcast(v)
    slice(pad(v))           v                       where the bounds are those of v

What remains are slices of products and leaves, which are views of a buffer.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TypeAlias

from celldsl.ir.attributes import AXIS, BEFORE, START, STOP, Attributes
from celldsl.ir.builder import Builder
from celldsl.ir.ops.op import with_axis
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node, Program
from celldsl.ir.size import Shape, Size
from celldsl.transforms.rewrite import rewrite, until_stable

# Into how many pieces a value may be cut: each is computed by itself, and so is what it is made of.
MOST_PIECES = 16
Piece: TypeAlias = "tuple[str, Attributes]"


def sink_slices(p: Program) -> Program:
    return until_stable(p, _once)


def _once(p: Program) -> Program:
    cuts = _cuts(p)
    pieces: dict[Piece, str] = {}

    def rule(b: Builder, node: Node) -> str | None:
        if node.op == "slice":
            return pieces.get((node.args[0], node.attributes)) or _rule(b, node)
        for cut in cuts.get(node.name, ()):
            args = [_piece(b, arg, cut, pieces) for arg in node.args]
            pieces[node.name, cut] = b.op(node.op, *args, **dict(node.attributes))
        return None

    return rewrite(p, rule)


def _piece(b: Builder, value: str, cut: Attributes, pieces: dict[Piece, str]) -> str:
    if (value, cut) not in pieces:
        pieces[value, cut] = b.op("slice", value, **dict(cut))
    return pieces[value, cut]


def _cuts(p: Program) -> dict[str, dict[Attributes, None]]:
    """How elementwise values are cut that nobody reads whole: by slices, or to make such pieces."""
    whole = set(p.wanted())
    cuts: dict[str, dict[Attributes, None]] = defaultdict(dict)
    for node in reversed(list(p.nodes())):
        own = cuts.get(node.name, {})
        in_pieces = OPS[node.op].kind == "elementwise" and 0 < len(own) <= MOST_PIECES
        if node.op == "slice":
            cuts[node.args[0]][node.attributes] = None
        elif in_pieces and node.name not in whole:
            for arg in node.args:
                cuts[arg] |= own
        else:
            cuts.pop(node.name, None)
            whole.update(node.args)
    elementwise = {node.name for node in p.nodes() if OPS[node.op].kind == "elementwise"}
    return {name: own for name, own in cuts.items() if name in elementwise - whole}


def _rule(b: Builder, node: Node) -> str | None:
    axis, start, stop = node[AXIS], node[START], node[STOP]
    inner = b.defined.get(node.args[0])
    if inner is None:
        return None
    match inner.op:
        case "broadcast":
            return _cut_broadcast(b, inner, axis, start, stop)
        case "concat" if inner[AXIS] == axis:
            return _cut_concat(b, inner, axis, start, stop)
        case "pad" if inner[AXIS] == axis and inner[BEFORE] == start:
            (source,) = inner.args
            return source if start + b.shape(source)[axis] == stop else None
        case "slice" if inner[AXIS] == axis:
            offset = inner[START]
            return b.op("slice", inner.args[0], axis=axis, start=offset + start, stop=offset + stop)
    return None


def _cut_broadcast(b: Builder, inner: Node, axis: int, start: Size, stop: Size) -> str:
    """Along an axis that was stretched there is nothing to cut."""
    (source,) = inner.args
    shape: Shape = with_axis(inner.type.shape, axis, stop - start)
    own = b.shape(source)
    if own and own[axis] == inner.type.shape[axis]:
        source = b.op("slice", source, axis=axis, start=start, stop=stop)
    return b.broadcast(source, shape)


def _cut_concat(b: Builder, inner: Node, axis: int, start: Size, stop: Size) -> str | None:
    """The one part that the bounds lie in."""
    offset = Size.of(0)
    for part in inner.args:
        end = offset + b.shape(part)[axis]
        if (start, stop) == (offset, end):
            return part
        if never_negative(start - offset) and never_negative(end - stop):
            return b.op("slice", part, axis=axis, start=start - offset, stop=stop - offset)
        offset = end
    return None


def never_negative(size: Size) -> bool:
    """Whether a size is 0 or more for all (positive) dims, as far as its form shows."""
    return all(coefficient >= 0 for _, coefficient in size.terms)
