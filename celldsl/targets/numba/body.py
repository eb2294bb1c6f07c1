"""Lines of a function body as they grow, and loops over several axes as one.

Lines of a function body.  In: operands, stores, loops.  Out: text, as it grows.

text.put("for j0 in range(d_H):")
operand_code(text, Memory(place, strides), ["j0"])      "m_h[j0]"

One loop for several axes.  In: a loop nest.  Out: the nest, with fewer axes where it can.

for j0: for j1: y[d_M*j0 + j1] = …        for j0 in range(d_N*d_M): y[j0] = …
"""

from __future__ import annotations

from collections.abc import Callable

from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Origin
from celldsl.ir.size import Shape, Size
from celldsl.plan.layout import contiguous, word_of
from celldsl.plan.operations import Loop, Statement
from celldsl.plan.places import Extent, Hyper, Memory, Number, Operand, Place, Register, Store
from celldsl.structs import entity, field, replace
from celldsl.targets.numba.spelling import factor_code, size_code, value_name

ZERO, ONE = Size.of(0), Size.of(1)


@entity
class Text:
    """Lines at a depth.

    `constants` are numbers of the cell's dtype, and `asked` hyperparameters, named once for each
    function: LLVM takes a loop that reads a float64 for one of float64, and half as many pointers.
    """

    pointer: Callable[[Place], str]
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
    """The element of a pointer at the indices of the axes, which may be sums."""
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
            code = f"{text.pointer(memory.place)}[{index_code(memory.strides, indices)}]"
            return f"({code} != zero)" if memory.boolean else code
    raise AssertionError(operand)


def put_store(text: Text, store: Store, value: str, indices: list[str]) -> None:
    sign = "+=" if store.accumulate else "="
    text.put(f"{text.pointer(store.place)}[{index_code(store.strides, indices)}] {sign} {value}")


def put_stores(text: Text, stores: tuple[Store, ...], value: str, indices: list[str]) -> None:
    for store in stores:
        put_store(text, store, value, indices)


def collapse(nest: Loop) -> Loop:
    """One loop for several axes where everything lies in the order of the nest."""
    plain = contiguous(nest.domain)
    operands = [o for s in nest.statements for o in s.operands if isinstance(o, Memory)]
    stores = [store for s in nest.statements for store in s.stores]
    looks = [o.strides for o in operands] + [store.strides for store in stores]
    simple = all(_elementwise(s) for s in nest.statements)
    still = (ZERO,) * len(nest.domain)
    if len(nest.domain) < 2 or not simple or any(look not in (plain, still) for look in looks):
        return nest
    total = ONE
    for size in nest.domain:
        total = total * size

    def flat(strides: Shape) -> Shape:
        return (ONE,) if strides == plain and strides != still else (ZERO,)

    return Loop((total,), tuple(_flattened(s, flat) for s in nest.statements))


def _elementwise(statement: Statement) -> bool:
    return statement.op in ("copy", "rowsum") or OPS[statement.op].kind == "elementwise"


def _flattened(statement: Statement, flat: Callable[[Shape], Shape]) -> Statement:
    operands = tuple(
        replace(o, strides=flat(o.strides)) if isinstance(o, Memory) else o
        for o in statement.operands
    )
    stores = tuple(replace(s, strides=flat(s.strides)) for s in statement.stores)
    return replace(statement, operands=operands, stores=stores)
