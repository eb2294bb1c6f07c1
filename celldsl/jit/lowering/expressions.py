"""Expressions and calls of routines.  In: syntax, a scope.  Out: LLVM's values.

    stage_value(scope, ast.parse("2 * x[j] + one", mode="eval").body)
    stage_condition(scope, node)          # one bit
    stage_element(scope, node)            # the pointer and the index of `x[j]`
    called(code, builder, tanh, [x])

Routines call other routines, intrinsics (`pointer`, `gemm`, …), elementary functions, conversions
such as `np.int64`, and `min` and `max` of integers.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, TypeGuard

import numpy as np
from llvmlite import ir

from celldsl.jit.functions import Routine
from celldsl.jit.lowering import types
from celldsl.jit.lowering.pointers import read_element
from celldsl.jit.lowering.scope import Routines, Scope, routine_number
from celldsl.jit.lowering.types import Intrinsic, Pointer, Value
from celldsl.jit.lowering.values import (
    RoutineError,
    Typed,
    cast,
    combined,
    common,
    compared,
    constant,
    extreme,
    llvm_type,
    negated,
    truth,
)
from celldsl.jit.lowering.vector_width import panel_width
from celldsl.jit.vector_math.functions import FORMULAS, Formula, elementary_function

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
            return routine_number(given)
        case ast.Attribute():
            return routine_number(scope.known(node))
        case ast.Subscript():
            pointer, index = stage_element(scope, node)
            return Typed(
                pointer.kind.dtype, read_element(builder, pointer.code, index, pointer.kind.scope)
            )
        case ast.BinOp(left=left, op=op, right=right):
            return combined(builder, type(op), stage_value(scope, left), stage_value(scope, right))
        case ast.Compare(left=left, ops=[order], comparators=[right]):
            return compared(
                builder, type(order), stage_value(scope, left), stage_value(scope, right)
            )
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as given)):
            return routine_number(-given)
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
    raise RoutineError(f"`{ast.unparse(node)}` has no value in a routine")


def stage_call(scope: Scope, node: ast.Call) -> Typed | None:
    """The value of a call; None where it has none."""
    if node.keywords:
        raise RoutineError(f"`{ast.unparse(node)}` has arguments by name")
    given = [stage_value(scope, argument) for argument in node.args]
    return called(scope.code, scope.builder, scope.known(node.func), given)


def stage_element(scope: Scope, node: ast.Subscript) -> tuple[Typed, Value]:
    pointer = stage_value(scope, node.value)
    if not isinstance(pointer.kind, Pointer):
        raise RoutineError(f"`{ast.unparse(node.value)}` is no lane")
    return pointer, cast(scope.builder, stage_value(scope, node.slice), types.int64)


def stage_condition(scope: Scope, node: ast.expr) -> Value:
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


def _in_turn(scope: Scope, every: bool, parts: Sequence[ast.expr]) -> Value:
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


def _either(scope: Scope, test: Value, body: ast.expr, other: ast.expr) -> Typed:
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


def _kind_of_both(a: Typed, b: Typed) -> types.Type:
    same: types.Type = a.kind
    return same if a.kind == b.kind else common(a.kind, b.kind)


_CONVERSIONS = {
    np.int64: types.int64,
    np.uint64: types.uint64,
    np.float32: types.float32,
    np.float64: types.float64,
}


class LoweringContext:
    """What intrinsics ask while they write their instructions."""

    get_value_type = staticmethod(llvm_type)

    @staticmethod
    def get_dummy_value() -> None:
        return None


def is_elementary(function: object) -> TypeGuard[Formula]:
    return getattr(function, "stands_for", function) in FORMULAS


def called(
    code: Routines, builder: ir.IRBuilder, function: object, given: Sequence[Typed]
) -> Typed | None:
    """The value of a call; None where it has none."""
    function = getattr(function, "stands_for", function)
    if isinstance(function, Routine):
        return _routine(code, builder, function, given)
    if is_elementary(function):
        return _elementary(builder, function, given)
    if function in _CONVERSIONS:
        kind = _CONVERSIONS[function]
        return Typed(kind, cast(builder, given[0], kind))
    if function in (min, max):
        order = ast.Lt if function is min else ast.Gt
        first, *others = given
        for other in others:
            first = extreme(builder, order, first, other)
        return first
    if function is panel_width:
        width = panel_width(str(given[0].kind.dtype))
        return Typed(types.int64, constant(types.int64, width).code, width)
    if not isinstance(function, Intrinsic):
        raise RoutineError(f"{function!r} cannot be called in a routine")
    return _intrinsic(builder, function.define, given)


def _routine(
    code: Routines, builder: ir.IRBuilder, routine: Routine, given: Sequence[Typed]
) -> Typed | None:
    function, kind = code.function(routine, [value.kind for value in given])
    found = builder.call(function, [value.code for value in given])
    return None if kind == types.none else Typed(kind, found)


def _intrinsic(
    builder: ir.IRBuilder, define: Callable[..., Any], given: Sequence[Typed]
) -> Typed | None:
    """It says its types and writes its instructions."""
    kinds = [v.kind if v.literal is None else types.literal(v.literal) for v in given]
    found = define(None, *kinds)
    if found is None:
        raise RoutineError(f"{define.__name__} takes no {', '.join(map(str, kinds))}")
    sig, generate = found
    codes = [cast(builder, v, kind) for v, kind in zip(given, sig.args, strict=True)]
    result = generate(LoweringContext, builder, sig, codes)
    return None if sig.return_type == types.none else Typed(sig.return_type, result)


def _elementary(builder: ir.IRBuilder, function: Formula, given: Sequence[Typed]) -> Typed:
    kind = types.float32 if all(v.kind == types.float32 for v in given) else types.float64
    code = elementary_function(builder.module, function, llvm_type(kind), len(given))
    return Typed(kind, builder.call(code, [cast(builder, v, kind) for v in given]))
