"""Expressions of stages.  In: syntax, a scope.  Out: values.

stage_value(scope, ast.parse("2 * x[j] + one", mode="eval").body)
stage_condition(scope, node)          # one bit
stage_element(scope, node)            # the lane and the index of `x[j]`
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types

from celldsl.runtime.stages.calls import called
from celldsl.runtime.stages.lanes import LaneType, read_lane
from celldsl.runtime.stages.scope import Scope, stage_number
from celldsl.runtime.stages.values import (
    StageError,
    Typed,
    cast,
    combined,
    common,
    compared,
    llvm_type,
    negated,
    truth,
)

_HARMLESS = (
    ast.Name, ast.Constant, ast.Attribute, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp,
    ast.IfExp, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.Load,
)  # fmt: skip
_HARMFUL = (ast.FloorDiv, ast.Mod, ast.Pow)


def stage_value(scope: Scope, node: ast.expr) -> Typed:
    builder = scope.builder
    match node:
        case ast.Name(id=name):
            return scope.value_of(name)
        case ast.Constant(value=given):
            return stage_number(given)
        case ast.Attribute():
            return stage_number(scope.known(node))
        case ast.Subscript():
            lane, index = stage_element(scope, node)
            return Typed(lane.kind.dtype, read_lane(builder, lane.code, index, lane.kind.scope))
        case ast.BinOp(left=left, op=op, right=right):
            return combined(builder, type(op), stage_value(scope, left), stage_value(scope, right))
        case ast.Compare(left=left, ops=[order], comparators=[right]):
            return compared(
                builder, type(order), stage_value(scope, left), stage_value(scope, right)
            )
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as given)):
            return stage_number(-given)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return negated(builder, stage_value(scope, operand))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return Typed(types.boolean, builder.not_(stage_condition(scope, operand)))
        case ast.BoolOp():
            return Typed(types.boolean, stage_condition(scope, node))
        case ast.IfExp(test=test, body=body, orelse=other):
            return _either(scope, stage_condition(scope, test), body, other)
        case ast.Call():
            found = stage_call(scope, node)
            if found is not None:
                return found
    raise StageError(f"`{ast.unparse(node)}` has no value in a stage")


def stage_call(scope: Scope, node: ast.Call) -> Typed | None:
    """The value of a call; None where it has none."""
    if node.keywords:
        raise StageError(f"`{ast.unparse(node)}` has arguments by name")
    given = [stage_value(scope, argument) for argument in node.args]
    return called(scope.code, scope.builder, scope.known(node.func), given)


def stage_element(scope: Scope, node: ast.Subscript) -> tuple[Typed, Any]:
    lane = stage_value(scope, node.value)
    if not isinstance(lane.kind, LaneType):
        raise StageError(f"`{ast.unparse(node.value)}` is no lane")
    return lane, cast(scope.builder, stage_value(scope, node.slice), types.int64)


def stage_condition(scope: Scope, node: ast.expr) -> Any:
    if not isinstance(node, ast.BoolOp):
        return truth(scope.builder, stage_value(scope, node))
    every = isinstance(node.op, ast.And)
    if not _is_harmless(node):
        return _in_turn(scope, every, node.values)
    first, *others = [stage_condition(scope, part) for part in node.values]
    for other in others:
        first = (scope.builder.and_ if every else scope.builder.or_)(first, other)
    return first


def _is_harmless(node: ast.AST) -> bool:
    """Whether nothing is read and nothing can go wrong, so that it may be computed in vain."""
    return all(
        isinstance(part, _HARMLESS) and not isinstance(part, _HARMFUL) for part in ast.walk(node)
    )


def _in_turn(scope: Scope, every: bool, parts: Sequence[ast.expr]) -> Any:
    """A part is looked at where those before it have not decided."""
    builder = scope.builder
    (after,) = scope.blocks("decided")
    found = []
    for place, part in enumerate(parts):
        code = stage_condition(scope, part)
        found.append((code, builder.block))
        if place == len(parts) - 1:
            builder.branch(after)
            break
        (more,) = scope.blocks("undecided")
        builder.cbranch(code, *((more, after) if every else (after, more)))
        builder.position_at_end(more)
    builder.position_at_end(after)
    total = builder.phi(ir.IntType(1))
    for code, block in found:
        total.add_incoming(code, block)
    return total


def _either(scope: Scope, test: Any, body: ast.expr, other: ast.expr) -> Typed:
    builder = scope.builder
    if _is_harmless(body) and _is_harmless(other):
        a, b = stage_value(scope, body), stage_value(scope, other)
        kind = _kind_of_both(a, b)
        return Typed(kind, builder.select(test, cast(builder, a, kind), cast(builder, b, kind)))
    inside, outside, after = scope.blocks("then", "else", "end")
    builder.cbranch(test, inside, outside)
    found = []
    for block, part in ((inside, body), (outside, other)):
        builder.position_at_end(block)
        found.append((stage_value(scope, part), builder.block))
    kind = _kind_of_both(found[0][0], found[1][0])
    incoming = []
    for chosen, block in found:
        builder.position_at_end(block)
        incoming.append((cast(builder, chosen, kind), block))
        builder.branch(after)
    builder.position_at_end(after)
    result = builder.phi(llvm_type(kind))
    for code, block in incoming:
        result.add_incoming(code, block)
    return Typed(kind, result)


def _kind_of_both(a: Typed, b: Typed) -> Any:
    return a.kind if a.kind == b.kind else common(a.kind, b.kind)
