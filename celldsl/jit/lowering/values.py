"""Values of routines and what is done with them.  In: numbers with their types.  Out: instructions.

    total = combined(builder, ast.Add, a, b)        # float32 + float32, int64 + int64, …
    number = cast(builder, total, types.float64)

A type is one of `types`: int64, uint64, float32, float64, boolean, or that of a pointer.  Two
numbers of different types meet as Numba lets them: an integer and a float32 make a float64.
"""

# Types of Numba's and values of llvmlite's are not typed.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from celldsl.jit.functions import FAST_MATH
from celldsl.jit.lowering import types
from celldsl.jit.lowering.types import Pointer, Value

FLAGS = tuple(sorted(FAST_MATH))
_LLVM_TYPES = {
    types.int64: ir.IntType(64),
    types.uint64: ir.IntType(64),
    types.float32: ir.FloatType(),
    types.float64: ir.DoubleType(),
    types.boolean: ir.IntType(1),
}
_ORDERS = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
_OF_INTEGERS = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.BitAnd: "and_", ast.BitOr: "or_",
    ast.BitXor: "xor", ast.LShift: "shl",
}  # fmt: skip
_OF_REALS = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}


class RoutineError(TypeError):
    """A routine holds what routines may not hold."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A value; `literal` where the text has an integer."""

    kind: Any  # a `types.Type`: who has a pointer asks for its dtype and scope
    code: Value
    literal: int | None = None


def llvm_type(kind: types.Type) -> ir.Type:
    if isinstance(kind, Pointer):
        return _LLVM_TYPES[kind.dtype].as_pointer()
    return _LLVM_TYPES[kind]


def constant(kind: types.Type, value: float) -> Typed:
    return Typed(kind, ir.Constant(llvm_type(kind), value))


def is_real(kind: types.Type) -> bool:
    return isinstance(kind, types.Float)


def cast(builder: ir.IRBuilder, value: Typed, kind: types.Type) -> Value:
    """The value as one of another type."""
    if value.kind == kind or isinstance(kind, types.IntegerLiteral):
        return value.code
    if isinstance(kind, Pointer) and isinstance(value.kind, Pointer):
        return builder.bitcast(value.code, llvm_type(kind))
    if kind not in _LLVM_TYPES or value.kind not in _LLVM_TYPES:
        raise RoutineError(f"{value.kind} is no {kind}")
    to, code = llvm_type(kind), value.code
    match is_real(value.kind), is_real(kind):
        case True, True:
            wider = kind == types.float64
            return builder.fpext(code, to) if wider else builder.fptrunc(code, to)
        case True, False:
            write = builder.fptoui if kind == types.uint64 else builder.fptosi
            return write(code, to)
        case False, True:
            write = builder.sitofp if value.kind == types.int64 else builder.uitofp
            return write(code, to)
    return builder.zext(code, to) if value.kind == types.boolean else code


def common(a: types.Type, b: types.Type) -> types.Type:
    """The type in which numbers of two types meet."""
    if a == b:
        return types.int64 if a == types.boolean else a
    if types.boolean in (a, b):
        return b if a == types.boolean else a
    if not is_real(a) and not is_real(b):
        raise RoutineError(f"{a} and {b} do not meet")
    return types.float64


def truth(builder: ir.IRBuilder, value: Typed) -> Value:
    if value.kind == types.boolean:
        return value.code
    zero = ir.Constant(llvm_type(value.kind), 0)
    if is_real(value.kind):
        return builder.fcmp_unordered("!=", value.code, zero, flags=FLAGS)
    return builder.icmp_signed("!=", value.code, zero)


def compared(builder: ir.IRBuilder, order: type[ast.cmpop], a: Typed, b: Typed) -> Typed:
    kind, sign = common(a.kind, b.kind), _ORDERS[order]
    left, right = cast(builder, a, kind), cast(builder, b, kind)
    if is_real(kind):
        # NaN differs from everything, and is neither less nor greater.
        of_reals = builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered
        return Typed(types.boolean, of_reals(sign, left, right, flags=FLAGS))
    write = builder.icmp_signed if kind == types.int64 else builder.icmp_unsigned
    return Typed(types.boolean, write(sign, left, right))


def negated(builder: ir.IRBuilder, value: Typed) -> Typed:
    write = builder.fneg if is_real(value.kind) else builder.neg
    return Typed(value.kind, write(value.code))


def extreme(builder: ir.IRBuilder, order: type[ast.cmpop], a: Typed, b: Typed) -> Typed:
    """The lesser or the greater of two integers."""
    kind = common(a.kind, b.kind)
    if is_real(kind):
        raise RoutineError("what is the lesser of a number and NaN, a routine must say itself")
    first = compared(builder, order, a, b).code
    return Typed(kind, builder.select(first, cast(builder, a, kind), cast(builder, b, kind)))


def combined(builder: ir.IRBuilder, operation: type[ast.operator], a: Typed, b: Typed) -> Typed:
    whole = not (is_real(a.kind) or is_real(b.kind))
    kind = types.float64 if operation is ast.Div and whole else common(a.kind, b.kind)
    left, right = cast(builder, a, kind), cast(builder, b, kind)
    if operation in _OF_REALS and is_real(kind):
        code = getattr(builder, _OF_REALS[operation])(left, right, flags=FLAGS)
    elif operation is ast.Mod and is_real(kind):
        code = _real_remainder(builder, left, right)
    elif operation is ast.Pow and is_real(kind):
        code = _power(builder, left, right)
    elif is_real(kind):
        raise RoutineError(f"no {operation.__name__} of {kind}")
    elif operation in _OF_INTEGERS:
        code = getattr(builder, _OF_INTEGERS[operation])(left, right)
    elif operation is ast.RShift:
        code = (builder.ashr if kind == types.int64 else builder.lshr)(left, right)
    elif operation in (ast.FloorDiv, ast.Mod) and kind == types.int64:
        code = _divided(builder, left, right, b.literal, operation is ast.Mod)
    else:
        raise RoutineError(f"no {operation.__name__} of {kind}")
    return Typed(kind, code)


def _divided(builder: ir.IRBuilder, a: Value, b: Value, literal: int | None, rest: bool) -> Value:
    """The quotient rounded down, or what is left; 0 where the divisor is 0."""
    zero, nothing = a.type(0), builder.icmp_signed("==", b, a.type(0))
    if not literal:
        b = builder.select(nothing, a.type(1), b)
    quotient, left = builder.sdiv(a, b), builder.srem(a, b)
    differ = builder.icmp_signed("<", builder.xor(left, b), zero)
    above = builder.and_(differ, builder.icmp_signed("!=", left, zero))
    if rest:
        return builder.add(left, builder.select(above, b, zero))
    quotient = builder.sub(quotient, builder.zext(above, a.type))
    return quotient if literal else builder.select(nothing, zero, quotient)


def _real_remainder(builder: ir.IRBuilder, a: Value, b: Value) -> Value:
    """With the sign of b, zeros too."""
    zero, below = a.type(0.0), a.type(-0.0)
    left = builder.frem(a, b, flags=FLAGS)
    negative = builder.fcmp_ordered("<", b, zero, flags=FLAGS)
    differ = builder.xor(negative, builder.fcmp_ordered("<", left, zero, flags=FLAGS))
    moved = builder.select(differ, builder.fadd(left, b, flags=FLAGS), left)
    some = builder.fcmp_unordered("!=", left, zero, flags=FLAGS)
    return builder.select(some, moved, builder.select(negative, below, zero))


def _power(builder: ir.IRBuilder, a: Value, b: Value) -> Value:
    function = builder.module.declare_intrinsic("llvm.pow", [a.type])
    return builder.call(function, [a, b], fastmath=FLAGS)
