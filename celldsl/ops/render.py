"""Value templates as text.  In: a node and the text of its arguments.  Out: a NumPy expression.

    value_text(node, ["x"], [1], str)       "x.sum(axis=-1)"

`axis` counts from the end, since rows lead; sizes are written by the caller's function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from celldsl.ir.program import Node
from celldsl.ir.size import Size
from celldsl.ops.table import OPS


def value_text(
    node: Node, args: Sequence[str], ranks: Sequence[int], size: Callable[[Size], str]
) -> str:
    """`ranks` are those of the arguments' own shapes; `size` writes a size as an integer."""
    rank = ranks[0] if ranks else 0
    fields = {name: _attribute(value, size) for name, value in node.attributes}
    if "axis" in fields:
        fields["axis"] = str(int(fields["axis"]) - rank)
    return OPS[node.op].value.format(*args, args=", ".join(args), rank=rank, **fields)


def _attribute(value: object, size: Callable[[Size], str]) -> str:
    match value:
        case Size():
            return size(value)
        case tuple():
            return "(" + "".join(_attribute(item, size) + ", " for item in value).rstrip() + ")"
        case float() if math.isinf(value) or math.isnan(value):
            return f"float('{value}')"
    return repr(value)
