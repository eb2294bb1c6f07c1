"""Compute with numbers now.  In: a Program.  Out: without arithmetic that the compiler can do.

    mul(2.0, 3.0)    6.0            x * 1, x - 0    x
    -(-x)            x              x ** 2          square(x), and a few powers more
    reshape(reshape(x))             reshape(x)

Only what is right for every x is done: `x * 0` stays, since x may be infinite, and `x + 0` and
`0 - x` do, since x may be -0.0 or 0.0: they give 0.0 there.  Small powers become
products, which are rounded more often, and are much faster.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from celldsl.ir.attributes import BEFORE, PERM, PLACES, SIZE, START, VALUE
from celldsl.ir.builder import Builder
from celldsl.ir.ops.spelling import scalar_value
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node, Program
from celldsl.ir.size import Size
from celldsl.transforms.rewrite import rewrite


def fold_constants(p: Program) -> Program:
    return rewrite(p, _folded)


def _folded(b: Builder, node: Node) -> str | None:
    return _number(b, node) or _identity(b, node) or _same_elements(b, node)


def known_number(b: Builder, value: str) -> float | None:
    """The number that every element of a value is, if it is known."""
    node = b.defined.get(value)
    while node is not None and node.op in ("broadcast", "reshape"):
        node = b.defined.get(node.args[0])
    if node is None or node.op != "number":
        return None
    return node[VALUE]


def _number(b: Builder, node: Node) -> str | None:
    """An elementwise node of numbers; a size that is a number."""
    if node.op == "size":
        size = node[SIZE]
        return None if size.constant is None else b.number(size.constant)
    if OPS[node.op].kind != "elementwise" or node.type.boolean:
        return None
    numbers = [n for arg in node.args if (n := known_number(b, arg)) is not None]
    if len(numbers) != len(node.args):
        return None
    try:
        value = scalar_value(node.op, numbers)
    except (ArithmeticError, ValueError):
        return None
    return b.broadcast(b.number(value), node.type.shape)


def _identity(b: Builder, node: Node) -> str | None:
    args = node.args
    numbers = [known_number(b, arg) for arg in args]
    inner = [_negated(b, arg) for arg in args]
    match node.op, numbers:
        case ("add", [_, 0.0 as zero]) if _is_below(zero):
            return args[0]
        case ("sub", [_, 0.0 as zero]) if not _is_below(zero):
            return args[0]
        case ("add", [0.0 as zero, _]) if _is_below(zero):
            return args[1]
        case ("sub", [0.0 as zero, _]) if _is_below(zero):
            return b.op("neg", args[1])
        case ("mul" | "div" | "pow", [_, 1.0]):
            return args[0]
        case ("mul", [1.0, _]):
            return args[1]
        case ("mul" | "div", [_, -1.0]):
            return b.op("neg", args[0])
        case ("mul", [-1.0, _]):
            return b.op("neg", args[1])
        case "pow", [_, 2.0]:
            return b.op("square", args[0])
        case "pow", [_, 3.0]:
            return b.op("mul", b.op("square", args[0]), args[0])
        case "pow", [_, 4.0]:
            return b.op("square", b.op("square", args[0]))
        case "pow", [_, -1.0]:
            return b.op("div", b.broadcast(b.number(1.0), node.type.shape), args[0])
        case "neg", _:
            return inner[0]
        case "add", _ if inner[1]:
            return b.op("sub", args[0], inner[1])
        case "add", _ if inner[0]:
            return b.op("sub", args[1], inner[0])
        case "sub", _ if inner[1]:
            return b.op("add", args[0], inner[1])
        case "where", _ if args[1] == args[2]:
            return args[1]
    return None


def _is_below(zero: float) -> bool:
    """Whether it is -0.0."""
    return math.copysign(1.0, zero) < 0


def _negated(b: Builder, value: str) -> str | None:
    """x where the value is -x."""
    node = b.defined.get(value)
    return node.args[0] if node is not None and node.op == "neg" else None


def _same_elements(b: Builder, node: Node) -> str | None:
    """Shape operations that move nothing, and two in a row that are one."""
    if node.op not in _MOVES_NOTHING:
        return None
    (arg,) = node.args[:1]
    if b.types[arg].shape == node.type.shape and _MOVES_NOTHING[node.op](node):
        return arg
    before = b.defined.get(arg)
    if before is not None and node.op == before.op == "reshape":
        return b.op("reshape", before.args[0], shape=node.type.shape)
    return None


_MOVES_NOTHING: dict[str, Callable[[Node], bool]] = {
    "reshape": lambda node: True,
    "broadcast": lambda node: True,
    "slice": lambda node: node[START] == Size.of(0),
    "pad": lambda node: node[BEFORE] == Size.of(0),
    "concat": lambda node: len(node.args) == 1,
    "transpose": lambda node: node[PERM] == tuple(range(len(node.type.shape))),
    "roll": lambda node: node[PLACES] == 0,
}
