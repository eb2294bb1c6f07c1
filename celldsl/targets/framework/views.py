"""Indices, shapes and products as expressions.  In: a node, its arguments.  Out: a Text.

    slice(a)                "a[..., :H]"
    reshape(a)              "a[..., None, :]"
    einsum(x, W)            "x @ W"          spec="i,ij->j"

Indices are Python's; a reshape is one where only axes of size 1 come or go.
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.ir.attributes import AXIS, SPEC, START, STOP
from celldsl.ir.ops.contractions import spec_parts
from celldsl.ir.program import Node, Rows
from celldsl.ir.size import Shape, Size
from celldsl.structs import replace
from celldsl.targets.framework.text import ANY, ATOM, ONE, PRODUCT, UNARY, Enclosing, Text, whole


def index_code(node: Node, arg: Text, at: Enclosing, drop: bool = False) -> str:
    """`..., a:b, :` for a slice; its one element where the axis is dropped."""
    axis = node[AXIS]
    assert arg.shape is not None
    start, stop = node[START], node[STOP]
    begin = "" if start == Size.of(0) and not drop else at.size(start)
    end = "" if stop == arg.shape[axis] else at.size(stop)
    piece = begin if drop else f"{begin}:{end}"
    return ", ".join(["...", piece, *[":"] * (len(arg.shape) - 1 - axis)])


def reshaped(node: Node, arg: Text, full: Text, result: Text, at: Enclosing) -> Text:
    """An index where only axes of size 1 come or go."""
    old, new = at.types[node.args[0]].shape, node.type.shape
    if arg.shape is None and all(size == ONE for size in new):
        return arg
    if arg.shape is not None and len(arg.shape) == len(old):
        index = _inserted(old, new)
        if index is not None:
            shown = iter(arg.shape)
            shape = tuple(ONE if item == "None" else next(shown) for item in index)
            code = f"{arg.at(ATOM)}[{', '.join(['...', *index])}]"
            return replace(result, code=code, shape=shape)
    dropped = _inserted(new, old)
    if dropped is not None and dropped.count("None") == 1:
        cut = at.inlined(node.args[0])
        if cut is not None and cut.op == "slice" and cut[AXIS] == dropped.index("None"):
            source = whole(at.read(cut.args[0]), at.types[cut.args[0]], at)
            return replace(
                result, code=f"{source.at(ATOM)}[{index_code(cut, source, at, drop=True)}]"
            )
        axis = dropped.index("None") - len(dropped)
        return replace(result, code=f"{full.at(ATOM)}.squeeze({axis})")
    sizes = [at.size(size) for size in new]
    return replace(result, code=f"reshape({', '.join([full.at(ANY), str(len(old)), *sizes])})")


def _inserted(old: Shape, new: Shape) -> list[str] | None:
    """How `new` is `old` with axes of size 1 put in: `[":", "None"]`; None where it is not."""
    index: list[str] = []
    left = list(old)
    for place, size in enumerate(new):
        rest = len(new) - place
        if left and size == left[0] and (size != ONE or rest == len(left)):
            index.append(":")
            left.pop(0)
        elif size == ONE:
            index.append("None")
        else:
            return None
    return index if not left and "None" in index else None


def contraction(node: Node, args: Sequence[Text], result: Text, at: Enclosing) -> Text:
    left, right, out = spec_parts(node[SPEC])
    alone = [at.types[name].rows == Rows.ONCE for name in node.args]
    match list(left), list(right), list(out):
        case ([*rows, k], [m, n], [*kept, j]) if (
            rows == kept and k == m and n == j and (alone[1] or len(rows) == 1)
        ):
            return _matmul(args[0], args[1], result)
        case ([m, n], [k], [j]) if n == k and m == j and alone[0]:
            if alone[1]:
                return _matmul(args[0], args[1], result)
            return _matmul(args[1], replace(args[0], code=f"{args[0].at(ATOM)}.mT"), result)
        case ([i], [j], []) if i == j:
            product = f"{args[0].at(PRODUCT)} * {args[1].at(UNARY)}"
            return replace(result, code=f"({product}).sum(-1)")
        case ([i], [j], [m, n]) if (i, j) == (m, n) and i != j:
            outer = f"{args[0].at(ATOM)}[..., :, None] * {args[1].at(ATOM)}[..., None, :]"
            return replace(result, code=outer, binds=PRODUCT)
    dots = ["" if one else "..." for one in alone]
    spec = f"{dots[0]}{left},{dots[1]}{right}->{max(dots)}{out}"
    call = at.dialect.calls["einsum"].format(args[0].at(ANY), args[1].at(ANY), spec=f'"{spec}"')
    return replace(result, code=call)


def _matmul(a: Text, b: Text, result: Text) -> Text:
    return replace(result, code=f"{a.at(UNARY)} @ {b.at(UNARY)}", binds=PRODUCT)
