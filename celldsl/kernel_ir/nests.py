"""Loop nests of a row.  In: a Loop of a plan.  Out: statements.

    for j0 in range(d_H):
        # r = sigmoid(linear([x, h], H))
        v_r = sigmoid(m_pre[j0] + m_b[j0])
        m_r[j0] = v_r

Two axes that everything goes along as along one are one loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from celldsl.ir.attributes import AXIS, KIND, PER, SHAPE, SITE, SOURCE
from celldsl.ir.ops.element import Gather, Reduction
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Origin
from celldsl.ir.size import Shape, Size, contiguous, product
from celldsl.kernel_ir.places import element
from celldsl.kernel_ir.statements import (
    Apply,
    Call,
    Count,
    Load,
    Name,
    Number,
    Setting,
    Value,
    Writer,
    apply,
    less,
    where,
)
from celldsl.plan.operations import Loop, Statement
from celldsl.plan.places import Extent, Hyper, Memory, Operand, Place, Register, Store
from celldsl.plan.places import Number as Constant
from celldsl.structs import entity, field, replace

MOVES = ("copy", "rowsum")
Axes = list[tuple[str, Size]]


@entity
class Row:
    """What the nests of a stage share: the statements, names of values, pointers, keys of masks."""

    pointer: Callable[[Place], Name]
    name: Callable[[str], str]
    out: Writer = field(default_factory=Writer)
    said: set[Origin] = field(default_factory=set)
    keys: dict[tuple[int, str], str] = field(default_factory=dict)

    def say(self, origin: Origin | None) -> None:
        """The equation, above the first line of the function that computes a part of it."""
        if origin is not None and origin not in self.said:
            self.said.add(origin)
            self.out.note(origin.text)

    def load(self, memory: Memory, indices: Sequence[Value]) -> Load:
        at = element(memory.strides, indices)
        return Load(self.pointer(memory.place), at, memory.boolean)

    def target(self, store: Store, indices: Sequence[Value]) -> Load:
        return Load(self.pointer(store.place), element(store.strides, indices))

    def store(self, stores: Sequence[Store], value: Value, indices: Sequence[Value]) -> None:
        for store in stores:
            target = self.target(store, indices)
            (self.out.add if store.accumulate else self.out.assign)(target, value)

    def operand(self, operand: Operand, indices: Sequence[Value]) -> Value:
        match operand:
            case Constant(value):
                return value
            case Extent(size):
                return Number(Count(size))
            case Hyper(name):
                return Setting(name)
            case Register(value):
                return Name(self.name(value))
            case Memory():
                return self.load(operand, indices)


def write_loop(row: Row, nest: Loop) -> None:
    """Reductions along the last axis add up in a variable, others in memory."""
    nest = collapse(nest)
    names = [f"j{axis}" for axis in range(len(nest.domain))]
    indices = [Name(name) for name in names]
    axes = list(zip(names, nest.domain, strict=True))
    inner = [s for s in nest.statements if _reduction(s) and _axis(s) == len(axes) - 1]
    outer = [s for s in nest.statements if _reduction(s) and s not in inner]
    for statement in outer:
        with row.out.loops(_without(axes, _axis(statement))):
            target = row.target(statement.stores[0], indices)
            row.out.assign(target, _rule(statement).start)
    with row.out.loops(axes[:-1]):
        for statement in inner:
            row.out.let(row.name(statement.value), _rule(statement).start)
        with row.out.loops(axes[-1:]):
            _write_body(row, nest, indices, inner)
        for statement in inner:
            value = Name(row.name(statement.value))
            row.store(statement.stores, value, [*indices[:-1], 0])
    for statement in outer:
        _copy_total(row, statement, axes, indices)


def _write_body(row: Row, nest: Loop, indices: list[Name], inner: list[Statement]) -> None:
    read = {o.value for s in nest.statements for o in s.operands if isinstance(o, Register)}
    for statement in nest.statements:
        row.say(statement.origin)
        if statement in inner:
            total = Name(row.name(statement.value))
            _go_on(row, statement, total, row.operand(statement.operands[0], indices))
        elif _reduction(statement):
            value = row.operand(statement.operands[0], indices)
            _go_on(row, statement, row.target(statement.stores[0], indices), value)
        elif statement.op in MOVES and statement.value not in read:
            value = row.operand(statement.operands[0], indices)
            row.store(statement.stores, value, indices)
        else:
            _write_statement(row, statement, indices)


def _write_statement(row: Row, statement: Statement, indices: list[Name]) -> None:
    value: Value = row.out.let(row.name(statement.value), _value(row, statement, indices))
    if statement.boolean:
        value = where(value, 1.0, 0.0)
    row.store(statement.stores, value, indices)


def _value(row: Row, statement: Statement, indices: Sequence[Name]) -> Value:
    if statement.op in MOVES:
        return row.operand(statement.operands[0], indices)
    if statement.op == "mask":
        return _mask(row, statement, indices)
    entry = OPS[statement.op]
    if entry.gather is not None:
        return entry.gather(_gathered(row, statement, indices))
    operands = [row.operand(operand, indices) for operand in statement.operands]
    return apply(entry.name, *operands) if entry.element is None else entry.element(*operands)


def _gathered(row: Row, statement: Statement, indices: Sequence[Name]) -> Gather:
    at = statement.attributes

    def read(places: Sequence[Value]) -> Value:
        memory = statement.operands[0]
        assert isinstance(memory, Memory)
        return row.load(memory, places)

    others = tuple(row.operand(operand, ()) for operand in statement.operands[1:])
    return Gather(tuple(indices), at[SOURCE] if statement.operands else (), at, read, others)


# -------------------------------------------------------------------- reductions


def _reduction(statement: Statement) -> bool:
    return statement.op not in MOVES and OPS[statement.op].kind == "reduce"


def _rule(statement: Statement) -> Reduction:
    rule = OPS[statement.op].reduction
    assert rule is not None, f"{statement.op} does not say how its loop goes"
    return rule


def _axis(statement: Statement) -> int:
    return statement.attributes[AXIS]


def _without(axes: Axes, axis: int) -> Axes:
    return [each for place, each in enumerate(axes) if place != axis]


def _go_on(row: Row, statement: Statement, total: Name | Load, value: Value) -> None:
    combine = _rule(statement).combine
    x = Name("x")
    if _uses(combine(total, x), x) > 1:
        row.out.assign(x, value)
        value = x
    row.out.assign(total, combine(total, value))


def _uses(value: Value, wanted: Name) -> int:
    if isinstance(value, Apply):
        return sum(_uses(arg, wanted) for arg in value.args)
    return int(value == wanted)


def _copy_total(row: Row, statement: Statement, axes: Axes, indices: list[Name]) -> None:
    """A reduction in memory adds up in its first place; the others get what came out."""
    first, *others = statement.stores
    if others:
        with row.out.loops(_without(axes, _axis(statement))):
            row.store(others, row.target(first, indices), indices)


# -------------------------------------------------------------------- masks


def _mask(row: Row, statement: Statement, indices: Sequence[Name]) -> Value:
    """What dropout multiplies by, or zoneout mixes by: drawn in training, at rest otherwise."""
    at = statement.attributes
    site, per, shape = at[SITE], at[PER], at[SHAPE]
    key = row.keys.setdefault((site, per), f"key_{site}")
    drawn = Call(
        "mask_uniform", (Name("parameters"), Name(key), element(contiguous(shape), indices))
    )
    rate = row.operand(statement.operands[0], [])
    falls, resting = less(drawn, rate), Name("resting")
    if at[KIND] == "dropout":
        kept = apply("div", 1.0, apply("sub", 1.0, rate))
        return where(resting, 1.0, where(falls, 0.0, kept))
    return where(resting, rate, where(falls, 1.0, 0.0))


# -------------------------------------------------------------------- one loop for several axes


def collapse(nest: Loop) -> Loop:
    """The nest with one axis instead of each two that everything goes along as along one.

    Long inner loops fill vectors; a value for each channel stands still along lines and columns.
    """
    looks = [o.strides for s in nest.statements for o in s.operands if isinstance(o, Memory)]
    looks += [store.strides for s in nest.statements for store in s.stores]
    if not all(_elementwise(s) for s in nest.statements):
        return nest
    starts = [
        axis for axis in range(len(nest.domain)) if axis == 0 or not _as_one(nest, looks, axis)
    ]
    if len(starts) == len(nest.domain):
        return nest
    ends = [*starts[1:], len(nest.domain)]
    domain = tuple(product(nest.domain[a:b]) for a, b in zip(starts, ends, strict=True))

    def flat(strides: Shape) -> Shape:
        return tuple(strides[end - 1] for end in ends)

    return Loop(domain, tuple(_flattened(s, flat) for s in nest.statements))


def _as_one(nest: Loop, looks: Sequence[Shape], axis: int) -> bool:
    """Whether an axis goes on where the one after it ends, wherever the nest looks."""
    size = nest.domain[axis]
    return all(look[axis - 1] == look[axis] * size for look in looks)


def _elementwise(statement: Statement) -> bool:
    return statement.op in MOVES or OPS[statement.op].kind == "elementwise"


def _flattened(statement: Statement, flat: Callable[[Shape], Shape]) -> Statement:
    operands = tuple(
        replace(o, strides=flat(o.strides)) if isinstance(o, Memory) else o
        for o in statement.operands
    )
    stores = tuple(replace(s, strides=flat(s.strides)) for s in statement.stores)
    return replace(statement, operands=operands, stores=stores)
