"""Loop nests as text, with values read at another index and random ones.

Values read at another index, and random ones.  In: statements.  Out: expressions.

roll(v, 1)[j]       m_v[((j0 - 1) % d_H)]
pad(v)[j]           (m_v[(j0 - d_K)] if (j0 - d_K) >= 0 and (j0 - d_K) < d_H else zero)
dropout(v, 0.5)     a hash of where it stands: `celldsl.runtime.masks`

Loop nests as text.  In: nests of a stage.  Out: lines of a stage.

for j0 in range(d_H):
    # r = sigmoid(linear([x, h], H))
    v_r = sigmoid(m_pre[j0] + m_b[j0])
    m_r[j0] = v_r
"""

from __future__ import annotations

import re

from celldsl.ir.ops.table import OPS
from celldsl.ir.size import Shape, Size
from celldsl.plan.layout import contiguous
from celldsl.plan.operations import Contract, Fold, Loop, Nest, Scan, Statement
from celldsl.plan.places import Memory, Register
from celldsl.targets.numba.body import (
    Text,
    collapse,
    index_code,
    open_loops,
    operand_code,
    put_store,
    put_stores,
)
from celldsl.targets.numba.row_loops import write_contract, write_fold, write_scan
from celldsl.targets.numba.spelling import factor_code, size_code


def _memory(statement: Statement) -> Memory:
    source = statement.operands[0]
    assert isinstance(source, Memory)
    return source


def rolled(text: Text, statement: Statement, indices: list[str]) -> str:
    source, at = _memory(statement), dict(statement.attributes)
    axis = at["axis"]
    assert isinstance(axis, int)
    moved = list(indices)
    moved[axis] = f"({indices[axis]} - {at['k']}) % {factor_code(_source(statement)[axis])}"
    return f"{text.pointer(source.place)}[{index_code(source.strides, moved)}]"


def _source(statement: Statement) -> Shape:
    """The shape of what a shifted operation reads."""
    shape = dict(statement.attributes)["source"]
    assert isinstance(shape, tuple)
    return shape


def padded(text: Text, statement: Statement, indices: list[str]) -> str:
    source, at = _memory(statement), dict(statement.attributes)
    axis, before = at["axis"], at["before"]
    assert isinstance(axis, int) and isinstance(before, Size)
    size = _source(statement)[axis]
    index = f"{indices[axis]} - {factor_code(before)}"
    moved = [index if i == axis else name for i, name in enumerate(indices)]
    inside = f"{index} >= 0 and {index} < {factor_code(size)}"
    return (
        f"({text.pointer(source.place)}[{index_code(source.strides, moved)}] if {inside} else zero)"
    )


def windowed(text: Text, statement: Statement, indices: list[str]) -> str:
    """Element [c, k…, l…] is the source at [c, l + k - reach…], zero beyond the border."""
    source, at = _memory(statement), dict(statement.attributes)
    kernel, sizes = at["kernel"], _source(statement)[1:]
    assert isinstance(kernel, tuple)
    rank = len(kernel)
    places = [f"{indices[1 + rank + i]} + {indices[1 + i]} - {kernel[i] // 2}" for i in range(rank)]
    inside = " and ".join(
        f"{place} >= 0 and {place} < {factor_code(size)}"
        for place, size in zip(places, sizes, strict=True)
    )
    index = index_code(source.strides, [indices[0], *places])
    return f"({text.pointer(source.place)}[{index}] if {inside} else zero)"


def masked(text: Text, statement: Statement, indices: list[str]) -> str:
    """What dropout multiplies by, or zoneout mixes by: drawn in training, at rest otherwise."""
    at = dict(statement.attributes)
    per = str(at["per"])
    key = text.keys.setdefault((at["site"], per), f"key_{at['site']}")
    shape = at["shape"]
    assert isinstance(shape, tuple)
    index = index_code(contiguous(shape), indices)
    drawn = f"mask_uniform(parameters, {key}, {index})"
    rate = operand_code(text, statement.operands[0], [])
    if at["kind"] == "dropout":
        return f"(one if resting else (zero if {drawn} < {rate} else one / (one - {rate})))"
    return f"({rate} if resting else (one if {drawn} < {rate} else zero))"


def mask_keys(text: Text) -> list[str]:
    """What must be known of each mask before the loops over a row."""
    when = {"step": "t + steps_before(rows), b", "sequence": "-1, b", "parameter": "-1, -1"}
    return [
        f"{name} = mask_key(hyper[{len(text.hypers) + 1}], rows, {site}, {when[per]})"
        for (site, per), name in text.keys.items()
    ]


REDUCE_START = {"sum": "zero", "amax": "-inf", "amin": "inf"}
REDUCE_STEP = {
    "sum": "{acc} + {x}",
    "amax": "{x} if ({x} > {acc}) or ({x} != {x}) else {acc}",
    "amin": "{x} if ({x} < {acc}) or ({x} != {x}) else {acc}",
}


def write_nest(text: Text, nest: Nest) -> None:
    match nest:
        case Loop():
            _loop(text, nest)
        case Contract():
            write_contract(text, nest)
        case Scan():
            write_scan(text, nest)
        case Fold():
            write_fold(text, nest)


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
    read = {o.value for s in nest.statements for o in s.operands if isinstance(o, Register)}
    for statement in nest.statements:
        if statement.op in ("copy", "rowsum") and statement.value not in read:
            _move(text, statement, indices)
        else:
            _statement(text, statement, indices, statement in inner)
    text.depth = depth + max(len(nest.domain) - 1, 0)
    for statement in inner:
        put_stores(text, statement.stores, text.name(statement.value), [*indices[:-1], "0"])
    text.depth = depth
    for statement in outer:
        _finish_outer(text, statement, nest.domain, indices)


def _reduction(statement: Statement) -> bool:
    return statement.op in REDUCE_START


def _inner_reduction(statement: Statement, domain: Shape) -> bool:
    return _reduction(statement) and dict(statement.attributes)["axis"] == len(domain) - 1


def _start(text: Text, op: str) -> str:
    start = REDUCE_START[op]
    return start if start == "zero" else text.number(float(start))


def _start_outer(text: Text, statement: Statement, domain: Shape, indices: list[str]) -> None:
    """Fill what an outer reduction adds up in with its neutral element."""
    depth = text.depth
    _over_kept(text, statement, domain, indices)
    put_store(text, statement.stores[0], _start(text, statement.op), indices)
    text.depth = depth


def _finish_outer(text: Text, statement: Statement, domain: Shape, indices: list[str]) -> None:
    """An outer reduction adds up in its first place; the others get what came out."""
    if len(statement.stores) == 1:
        return
    depth, first = text.depth, statement.stores[0]
    _over_kept(text, statement, domain, indices)
    value = f"{text.pointer(first.place)}[{index_code(first.strides, indices)}]"
    put_stores(text, statement.stores[1:], value, indices)
    text.depth = depth


def _over_kept(text: Text, statement: Statement, domain: Shape, indices: list[str]) -> None:
    """Loops over the axes that a reduction does not drop."""
    axis = dict(statement.attributes)["axis"]
    open_loops(text, [(indices[i], size) for i, size in enumerate(domain) if i != axis])


def _move(text: Text, statement: Statement, indices: list[str]) -> None:
    text.say(statement.origin)
    value = operand_code(text, statement.operands[0], indices)
    put_stores(text, statement.stores, value, indices)


def _statement(text: Text, statement: Statement, indices: list[str], inner: bool) -> None:
    text.say(statement.origin)
    name = text.name(statement.value)
    if _reduction(statement):
        value = operand_code(text, statement.operands[0], indices)
        if inner:
            text.put(f"{name} = {REDUCE_STEP[statement.op].format(acc=name, x=value)}")
            return
        text.put(f"x = {value}")
        store = statement.stores[0]
        held = f"{text.pointer(store.place)}[{index_code(store.strides, indices)}]"
        text.put(f"{held} = {REDUCE_STEP[statement.op].format(acc=held, x='x')}")
        return
    text.put(f"{name} = {_expression(text, statement, indices)}")
    value = f"(one if {name} else zero)" if statement.boolean else name
    put_stores(text, statement.stores, value, indices)


def _expression(text: Text, statement: Statement, indices: list[str]) -> str:
    match statement.op:
        case "copy" | "rowsum":
            return operand_code(text, statement.operands[0], indices)
        case "eye":
            return f"one if {indices[0]} == {indices[1]} else zero"
        case "arange":
            return f"real(parameters, {indices[0]})"
        case "mask":
            return masked(text, statement, indices)
        case "roll":
            return rolled(text, statement, indices)
        case "pad":
            return padded(text, statement, indices)
        case "window":
            return windowed(text, statement, indices)
    operands = [operand_code(text, operand, indices) for operand in statement.operands]
    code = OPS[statement.op].code
    code = re.sub(r"\b0\.0\b", "zero", re.sub(r"\b1\.0\b", "one", code))
    return code.format(*operands)
