"""Operations written in Python, from their entries: for whole arrays and for one element.

    value_text(node, ["x"], [1], str)       "x.sum(axis=-1)"
    scalar_value("max", [1.0, 2.0])         2.0

In the text for arrays `axis` counts from the end, since rows lead; sizes are written by the
caller's function.  What Python's `math` refuses for an element raises ValueError (a logarithm of 0)
or ArithmeticError.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable, Mapping, Sequence

from celldsl.ir.attributes import VALUE
from celldsl.ir.ops.element import Apply, Value, apply
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node
from celldsl.ir.size import Size


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


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def _whole(rounded: Callable[[float], int]) -> Callable[[float], float]:
    """Python's integers have no -0."""
    return lambda x: math.copysign(rounded(x), x)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _bfloat16(x: float) -> float:
    """By way of single precision, as `numerics.bfloat16` has it."""
    try:
        (bits,) = struct.unpack("<i", struct.pack("<f", x))
    except OverflowError:
        return math.copysign(math.inf, x)
    magnitude = bits & 0x7FFFFFFF
    if magnitude < 0x00800000:
        return math.copysign(0.0, x)
    if magnitude <= 0x7F800000:
        bits += 0x7FFF + (bits >> 16 & 1)
    (rounded,) = struct.unpack("<f", struct.pack("<i", bits & -0x10000))
    return float(rounded)


# Primitives in Python.
PYTHON: dict[str, Callable[..., float | bool]] = {
    "exp": math.exp, "log": math.log, "log1p": math.log1p, "expm1": math.expm1, "tanh": math.tanh,
    "sigmoid": _sigmoid, "softplus": _softplus, "erf": math.erf, "sin": math.sin, "cos": math.cos,
    "tan": math.tan, "atan": math.atan, "sqrt": math.sqrt, "hypot": math.hypot,
    "copysign": math.copysign, "floor": _whole(math.floor), "round": _whole(round),
    "bfloat16": _bfloat16, "pow": math.pow, "add": operator.add, "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv, "mod": operator.mod, "neg": operator.neg, "lt": operator.lt,
    "le": operator.le, "eq": operator.eq, "ne": operator.ne, "not": operator.not_,
    "and": lambda a, b: a and b, "or": lambda a, b: a or b,
}  # fmt: skip


def scalar_value(op: str, args: Sequence[float | bool]) -> float | bool:
    """The value of one element."""
    element = OPS[op].element
    value = element_value(apply(op, *args) if element is None else element(*args))
    return value if isinstance(value, bool) else float(value)


def written_number(nodes: Mapping[str, Node], name: str) -> float | None:
    """What a value of written numbers comes to: NaN where that is none, as in `1/0`.

    None where it depends on anything else.
    """
    node = nodes.get(name)
    if node is None or node.op == "number":
        return None if node is None else node[VALUE]
    parts = [written_number(nodes, arg) for arg in node.args]
    known = [part for part in parts if part is not None]
    if OPS[node.op].kind != "elementwise" or len(known) < len(parts):
        return None
    try:
        return float(scalar_value(node.op, known))
    except (ArithmeticError, ValueError):
        return math.nan


def element_value(value: Value) -> float | bool:
    """The number that an element of numbers is."""
    match value:
        case Apply("where", (condition, yes, no)):
            return element_value(yes if element_value(condition) else no)
        case Apply(primitive, args):
            return PYTHON[primitive](*map(element_value, args))
        case bool() | float() | int():
            return value
    raise AssertionError(f"{value} is no number")
