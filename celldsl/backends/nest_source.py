"""Loop nests as text.  In: nests of a stage.  Out: lines of Python that Numba compiles.

for j0 in range(d_H):
    # r = sigmoid(linear([x, h], H))
    v_r = sigmoid(m_pre[j0] + m_b[j0])
    m_r[j0] = v_r
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from celldsl.backends.spelling import factor_code, size_code, value_name
from celldsl.ir.program import Origin
from celldsl.ir.size import Shape, Size
from celldsl.ops.table import OPS
from celldsl.plan.arrays import contiguous
from celldsl.plan.plan import (
    Contract,
    Extent,
    Fold,
    Hyper,
    Loop,
    Memory,
    Nest,
    Number,
    Operand,
    Place,
    Register,
    Scan,
    Statement,
    Store,
)

ZERO, ONE = Size.of(0), Size.of(1)
REDUCE_START = {"sum": "zero", "amax": "-inf", "amin": "inf"}
REDUCE_STEP = {
    "sum": "{acc} + {x}",
    "amax": "{x} if ({x} > {acc}) or ({x} != {x}) else {acc}",
    "amin": "{x} if ({x} < {acc}) or ({x} != {x}) else {acc}",
}


@dataclass(slots=True)
class Text:
    """Lines at a depth; `constants` are numbers of the cell's dtype, named once per function."""

    lane: Callable[[Place], str]
    names: dict[str, str]
    hypers: dict[str, int]
    depth: int
    lines: list[str] = field(default_factory=list)
    constants: dict[float, str] = field(default_factory=dict)
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

    def name(self, value: str) -> str:
        return value_name(value, self.names)


def write_nest(text: Text, nest: Nest) -> None:
    match nest:
        case Loop():
            _loop(text, nest)
        case Contract():
            _contract(text, nest)
        case Scan():
            _scan(text, nest)
        case Fold():
            _fold(text, nest)


def index_code(strides: Shape, indices: list[str]) -> str:
    """The element of a lane at the indices of the axes."""
    terms = []
    for stride, index in zip(strides, indices, strict=True):
        if stride == ONE:
            terms.append(index)
        elif stride != ZERO:
            terms.append(f"{factor_code(stride)} * {index}")
    return " + ".join(terms) or "0"


def _loop(text: Text, nest: Loop) -> None:
    nest = collapse(nest)
    indices = [f"j{axis}" for axis in range(len(nest.domain))]
    inner = [s for s in nest.statements if _inner_reduction(s, nest.domain)]
    outer = [s for s in nest.statements if _reduction(s) and s not in inner]
    for statement in outer:
        _start_outer(text, statement, nest.domain, indices)
    depth = text.depth
    for axis, size in enumerate(nest.domain):
        if axis == len(nest.domain) - 1:
            for statement in inner:
                text.put(f"{text.name(statement.value)} = {_start(text, statement.op)}")
        text.put(f"for {indices[axis]} in range({size_code(size)}):")
        text.depth += 1
    for statement in nest.statements:
        _statement(text, statement, indices, statement in inner)
    text.depth = depth + max(len(nest.domain) - 1, 0)
    for statement in inner:
        _store_all(text, statement.stores, text.name(statement.value), indices[:-1] + ["0"])
    text.depth = depth


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


def _reduction(statement: Statement) -> bool:
    return statement.op in REDUCE_START


def _inner_reduction(statement: Statement, domain: Shape) -> bool:
    return _reduction(statement) and dict(statement.attributes)["axis"] == len(domain) - 1


def _start(text: Text, op: str) -> str:
    start = REDUCE_START[op]
    return start if start == "zero" else text.number(float(start))


def _start_outer(text: Text, statement: Statement, domain: Shape, indices: list[str]) -> None:
    """Fill what an outer reduction adds up in with its neutral element."""
    axis = dict(statement.attributes)["axis"]
    depth = text.depth
    for i, size in enumerate(domain):
        if i != axis:
            text.put(f"for {indices[i]} in range({size_code(size)}):")
            text.depth += 1
    _store(text, statement.stores[0], _start(text, statement.op), indices)
    text.depth = depth


def _statement(text: Text, statement: Statement, indices: list[str], inner: bool) -> None:
    text.say(statement.origin)
    name = text.name(statement.value)
    if _reduction(statement):
        value = _operand(text, statement.operands[0], indices)
        if inner:
            text.put(f"{name} = {REDUCE_STEP[statement.op].format(acc=name, x=value)}")
            return
        text.put(f"x = {value}")
        store = statement.stores[0]
        held = f"{text.lane(store.place)}[{index_code(store.strides, indices)}]"
        text.put(f"{held} = {REDUCE_STEP[statement.op].format(acc=held, x='x')}")
        return
    if statement.op in ("copy", "rowsum") and statement.stores:
        _store_all(text, statement.stores, _operand(text, statement.operands[0], indices), indices)
        return
    text.put(f"{name} = {_expression(text, statement, indices)}")
    value = f"(one if {name} else zero)" if statement.boolean else name
    _store_all(text, statement.stores, value, indices)


def _store_all(text: Text, stores: tuple[Store, ...], value: str, indices: list[str]) -> None:
    for store in stores:
        _store(text, store, value, indices)


def _store(text: Text, store: Store, value: str, indices: list[str]) -> None:
    sign = "+=" if store.accumulate else "="
    text.put(f"{text.lane(store.place)}[{index_code(store.strides, indices)}] {sign} {value}")


def _expression(text: Text, statement: Statement, indices: list[str]) -> str:
    match statement.op:
        case "copy" | "rowsum":
            return _operand(text, statement.operands[0], indices)
        case "eye":
            return f"one if {indices[0]} == {indices[1]} else zero"
        case "arange":
            return f"real(parameters, {indices[0]})"
        case "mask":
            return _masked(text, statement, indices)
        case "roll":
            return _rolled(text, statement, indices)
        case "pad":
            return _padded(text, statement, indices)
        case "window":
            return _windowed(text, statement, indices)
    operands = [_operand(text, operand, indices) for operand in statement.operands]
    code = OPS[statement.op].code
    code = re.sub(r"\b0\.0\b", "zero", re.sub(r"\b1\.0\b", "one", code))
    return code.format(*operands)


def _masked(text: Text, statement: Statement, indices: list[str]) -> str:
    """What dropout multiplies by, or zoneout mixes by: drawn in training, at rest otherwise."""
    at = dict(statement.attributes)
    per = str(at["per"])
    key = text.keys.setdefault((at["site"], per), f"key_{at['site']}")
    shape = at["shape"]
    assert isinstance(shape, tuple)
    index = index_code(contiguous(shape), indices)
    drawn = f"mask_uniform(parameters, {key}, {index})"
    rate = _operand(text, statement.operands[0], indices)
    if at["kind"] == "dropout":
        return f"(one if resting else (zero if {drawn} < {rate} else one / (one - {rate})))"
    return f"({rate} if resting else (one if {drawn} < {rate} else zero))"


def mask_keys(text: Text) -> list[str]:
    """What must be known of each mask before the loops over a row."""
    when = {"step": "t + rows[-1], b", "sequence": "-1, b", "parameter": "-1, -1"}
    return [
        f"{name} = mask_key(hyper, rows, {site}, {when[per]})"
        for (site, per), name in text.keys.items()
    ]


def _operand(text: Text, operand: Operand, indices: list[str]) -> str:
    match operand:
        case Number(value):
            return text.number(value)
        case Extent(size):
            return f"real(parameters, {size_code(size)})"
        case Hyper(name):
            return f"real(parameters, hyper[{text.hypers[name]}])"
        case Register(value):
            return text.name(value)
        case Memory() as memory:
            code = f"{text.lane(memory.place)}[{index_code(memory.strides, indices)}]"
            return f"({code} != zero)" if memory.boolean else code
    raise AssertionError(operand)


def _memory(statement: Statement) -> Memory:
    source = statement.operands[0]
    assert isinstance(source, Memory)
    return source


def _rolled(text: Text, statement: Statement, indices: list[str]) -> str:
    source, at = _memory(statement), dict(statement.attributes)
    axis = at["axis"]
    assert isinstance(axis, int)
    moved = list(indices)
    moved[axis] = f"(({indices[axis]} - {at['k']}) % {factor_code(_source(statement)[axis])})"
    return f"{text.lane(source.place)}[{index_code(source.strides, moved)}]"


def _source(statement: Statement) -> Shape:
    """The shape of what a shifted operation reads."""
    shape = dict(statement.attributes)["source"]
    assert isinstance(shape, tuple)
    return shape


def _padded(text: Text, statement: Statement, indices: list[str]) -> str:
    source, at = _memory(statement), dict(statement.attributes)
    axis, before = at["axis"], at["before"]
    assert isinstance(axis, int) and isinstance(before, Size)
    size = _source(statement)[axis]
    index = f"({indices[axis]} - {factor_code(before)})"
    moved = [index if i == axis else name for i, name in enumerate(indices)]
    inside = f"{index} >= 0 and {index} < {factor_code(size)}"
    return f"({text.lane(source.place)}[{index_code(source.strides, moved)}] if {inside} else zero)"


def _windowed(text: Text, statement: Statement, indices: list[str]) -> str:
    """Element [c, k…, l…] is the source at [c, l + k - reach…], zero beyond the border."""
    source, at = _memory(statement), dict(statement.attributes)
    kernel, sizes = at["kernel"], _source(statement)[1:]
    assert isinstance(kernel, tuple)
    rank = len(kernel)
    places = [
        f"({indices[1 + rank + i]} + {indices[1 + i]} - {kernel[i] // 2})" for i in range(rank)
    ]
    inside = " and ".join(
        f"{place} >= 0 and {place} < {factor_code(size)}"
        for place, size in zip(places, sizes, strict=True)
    )
    index = index_code(source.strides, [indices[0], *places])
    return f"({text.lane(source.place)}[{index}] if {inside} else zero)"


def _contract(text: Text, nest: Contract) -> None:
    """Loops over all labels; the innermost is one along which most operands are contiguous."""
    text.say(nest.origin)
    operands, _, out = nest.spec.partition("->")
    left, _, right = operands.partition(",")
    sizes = dict(nest.sizes)
    looks = [(left, nest.left.strides), (right, nest.right.strides), (out, nest.stores[0].strides)]

    def unit(label: str) -> int:
        return sum(label in axes and s[axes.index(label)] == ONE for axes, s in looks)

    inner = max(sizes, key=unit)
    order = [x for x in out if x != inner] + [x for x in sizes if x not in out and x != inner]
    order.append(inner)
    names = {label: f"j{i}" for i, label in enumerate(order)}
    a = f"{text.lane(nest.left.place)}[{index_code(nest.left.strides, [names[x] for x in left])}]"
    b = f"{text.lane(nest.right.place)}[{index_code(nest.right.strides, [names[x] for x in right])}]"
    store = nest.stores[0]
    at = [names[label] for label in out]
    target = f"{text.lane(store.place)}[{index_code(store.strides, at)}]"
    depth = text.depth
    if inner in out:
        if not store.accumulate:
            _over(text, [(names[x], sizes[x]) for x in out])
            text.put(f"{target} = zero")
            text.depth = depth
        _over(text, [(names[x], sizes[x]) for x in order])
        text.put(f"{target} += {a} * {b}")
    else:
        _over(text, [(names[x], sizes[x]) for x in out])
        held = text.depth
        text.put("total = zero")
        _over(text, [(names[x], sizes[x]) for x in order if x not in out])
        text.put(f"total += {a} * {b}")
        text.depth = held
        text.put(f"{target} {'+=' if store.accumulate else '='} total")
    text.depth = depth
    for other in nest.stores[1:]:
        _over(text, [(names[x], sizes[x]) for x in out])
        _store(text, other, target, at)
        text.depth = depth


def _over(text: Text, loops: list[tuple[str, Size]]) -> None:
    for name, size in loops:
        text.put(f"for {name} in range({size_code(size)}):")
        text.depth += 1


def _scan(text: Text, nest: Scan) -> None:
    text.say(nest.origin)
    depth = text.depth
    indices = [f"j{i}" for i in range(len(nest.domain))]
    _over(text, [(indices[i], s) for i, s in enumerate(nest.domain) if i != nest.axis])
    text.put(f"total = {'zero' if nest.op == 'cumsum' else 'one'}")
    size = factor_code(nest.domain[nest.axis])
    text.put(f"for step in range({size}):")
    text.depth += 1
    text.put(f"{indices[nest.axis]} = {f'{size} - 1 - step' if nest.reverse else 'step'}")
    source = f"{text.lane(nest.source.place)}[{index_code(nest.source.strides, indices)}]"
    text.put(f"total {'+=' if nest.op == 'cumsum' else '*='} {source}")
    _store(text, nest.store, "total", indices)
    text.depth = depth


def _fold(text: Text, nest: Fold) -> None:
    """out[c, l…] = the sum over k of source[c, k…, l - k + reach…]."""
    text.say(nest.origin)
    depth, rank = text.depth, len(nest.kernel)
    out = [f"j{i}" for i in range(rank + 1)]
    _over(text, list(zip(out, nest.domain, strict=True)))
    text.put("total = zero")
    held = text.depth
    taps = [f"k{i}" for i in range(rank)]
    _over(text, [(tap, Size.of(k)) for tap, k in zip(taps, nest.kernel, strict=True)])
    seen = [f"({out[1 + i]} - {taps[i]} + {nest.kernel[i] // 2})" for i in range(rank)]
    inside = " and ".join(
        f"{place} >= 0 and {place} < {factor_code(size)}"
        for place, size in zip(seen, nest.domain[1:], strict=True)
    )
    text.put(f"if {inside}:")
    index = index_code(nest.source.strides, [out[0], *taps, *seen])
    text.put(f"total += {text.lane(nest.source.place)}[{index}]", 1)
    text.depth = held
    _store(text, nest.store, "total", out)
    text.depth = depth
