"""Cells that grow.  In: a shape and a number of equations.  Out: the text of a cell.

text = grown("chain", 200)

chain    each equation reads the one before
fan      each reads the input and the state, and all are added up
gates    each is a product of weights with the input and the state
deep     each is a product of the one before
slices   each reads a slice of one product
loop     one equation in a `for`, which is unrolled
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

_HEADER = ["cell Grown[I, H]:", "    input x: [I]", "    state h: [H]", "    v0 = linear(x, H) + h"]


def grown(shape: str, count: int) -> str:
    """A cell of `count` equations, give or take two."""
    lines = [*_HEADER, *(f"    {line}" for line in SHAPES[shape](count)), "    output h'"]
    return "\n".join([*lines, ""])


def _chain(count: int) -> Iterator[str]:
    for k in range(1, count):
        yield f"v{k} = tanh(v{k - 1} * h) + {k % 7}.5 * v{max(0, k - 2)}"
    yield f"h' = v{count - 1}"


def _fan(count: int) -> Iterator[str]:
    for k in range(1, count // 2):
        yield f"g{k} = sigmoid({k}.5 * v0 + h)"
        yield f"v{k} = v{k - 1} + g{k} * h"
    yield f"h' = v{count // 2 - 1}"


def _gates(count: int) -> Iterator[str]:
    for k in range(1, count // 2):
        yield f"g{k} = sigmoid(linear([x, h], H))"
        yield f"v{k} = tanh(v{k - 1} * g{k})"
    yield f"h' = v{count // 2 - 1}"


def _deep(count: int) -> Iterator[str]:
    for k in range(1, count):
        yield f"v{k} = tanh(linear(v{k - 1}, H))"
    yield f"h' = v{count - 1}"


def _slices(count: int) -> Iterator[str]:
    yield f"s = linear([x, h], {count}*H)"
    for k in range(1, count):
        yield f"v{k} = v{k - 1} * tanh(s[{k}*H:{k + 1}*H])"
    yield f"h' = v{count - 1}"


def _loop(count: int) -> Iterator[str]:
    yield "v = v0"
    yield f"for k in 0..{count - 1}:"
    yield "    v = tanh(v * h) + k * v"
    yield "h' = v"


SHAPES: dict[str, Callable[[int], Iterator[str]]] = {
    "chain": _chain,
    "fan": _fan,
    "gates": _gates,
    "deep": _deep,
    "slices": _slices,
    "loop": _loop,
}
