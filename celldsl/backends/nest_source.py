"""Loop nests as text.  In: nests of a stage.  Out: lines of a stage.

for j0 in range(d_H):
    # r = sigmoid(linear([x, h], H))
    v_r = sigmoid(m_pre[j0] + m_b[j0])
    m_r[j0] = v_r
"""

from __future__ import annotations

import re

from celldsl.backends.body_text import (
    Text,
    index_code,
    open_loops,
    operand_code,
    put_store,
    put_stores,
)
from celldsl.backends.collapse import collapse
from celldsl.backends.contract_source import write_contract
from celldsl.backends.scan_source import write_fold, write_scan
from celldsl.backends.shifted_source import masked, padded, rolled, windowed
from celldsl.backends.spelling import size_code
from celldsl.ir.size import Shape
from celldsl.ops.table import OPS
from celldsl.plan.loops import Contract, Fold, Loop, Nest, Scan, Statement
from celldsl.plan.places import Register

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
    value = f"{text.lane(first.place)}[{index_code(first.strides, indices)}]"
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
        held = f"{text.lane(store.place)}[{index_code(store.strides, indices)}]"
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
