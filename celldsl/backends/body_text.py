"""Lines of a function body.  In: operands, stores, loops.  Out: text, as it grows.

text.put("for j0 in range(d_H):")
operand_code(text, Memory(place, strides), ["j0"])      "m_h[j0]"
"""

from __future__ import annotations

from collections.abc import Callable

from celldsl.backends.spelling import factor_code, size_code, value_name
from celldsl.ir.program import Origin
from celldsl.ir.size import Shape, Size
from celldsl.plan.arrays import word_of
from celldsl.plan.places import Extent, Hyper, Memory, Number, Operand, Place, Register, Store
from celldsl.record import entity, field

ZERO, ONE = Size.of(0), Size.of(1)


@entity
class Text:
    """Lines at a depth.

    `constants` are numbers of the cell's dtype, and `asked` hyperparameters, named once for each
    function: LLVM takes a loop that reads a float64 for one of float64, and half as many lanes.
    """

    lane: Callable[[Place], str]
    names: dict[str, str]
    hypers: dict[str, int]
    depth: int
    lines: list[str] = field(default_factory=list)
    constants: dict[float, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    said: set[Origin] = field(default_factory=set)
    keys: dict[tuple[object, str], str] = field(default_factory=dict)

    def put(self, line: str, extra: int = 0) -> None:
        self.lines.append("    " * (self.depth + extra) + line)

    def say(self, origin: Origin | None) -> None:
        """The equation, above the first line of the function that computes a part of it."""
        if origin is not None and origin not in self.said:
            self.said.add(origin)
            self.put(f"# {' '.join(origin.text.split())}")

    def number(self, value: float) -> str:
        if value == 0.0:
            return "zero"
        if value == 1.0:
            return "one"
        return self.constants.setdefault(value, f"c{len(self.constants)}")

    def hyper(self, name: str) -> str:
        if name not in self.asked:
            word = f"hyper_{word_of(name)}"
            taken = word in self.asked.values()
            self.asked[name] = f"{word}_{len(self.asked)}" if taken else word
        return self.asked[name]

    def name(self, value: str) -> str:
        return value_name(value, self.names)


def index_code(strides: Shape, indices: list[str]) -> str:
    """The element of a lane at the indices of the axes, which may be sums."""
    terms = []
    for stride, index in zip(strides, indices, strict=True):
        if stride == ONE:
            terms.append(index)
        elif stride != ZERO:
            factor = index if index.isidentifier() else f"({index})"
            terms.append(f"{factor_code(stride)} * {factor}")
    return " + ".join(terms) or "0"


def open_loops(text: Text, loops: list[tuple[str, Size]]) -> None:
    for name, size in loops:
        text.put(f"for {name} in range({size_code(size)}):")
        text.depth += 1


def operand_code(text: Text, operand: Operand, indices: list[str]) -> str:
    match operand:
        case Number(value):
            return text.number(value)
        case Extent(size):
            return f"real(parameters, {size_code(size)})"
        case Hyper(name):
            return text.hyper(name)
        case Register(value):
            return text.name(value)
        case Memory() as memory:
            code = f"{text.lane(memory.place)}[{index_code(memory.strides, indices)}]"
            return f"({code} != zero)" if memory.boolean else code
    raise AssertionError(operand)


def put_store(text: Text, store: Store, value: str, indices: list[str]) -> None:
    sign = "+=" if store.accumulate else "="
    text.put(f"{text.lane(store.place)}[{index_code(store.strides, indices)}] {sign} {value}")


def put_stores(text: Text, stores: tuple[Store, ...], value: str, indices: list[str]) -> None:
    for store in stores:
        put_store(text, store, value, indices)
