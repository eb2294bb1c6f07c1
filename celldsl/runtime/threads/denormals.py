"""Denormal numbers taken for zero while kernels run.  In: nothing.  Out: what compiled code calls.

    mode = flush_denormals(wanted)      # flush-to-zero and denormals-are-zero, on this thread
    restore_mode(mode)                  # as it was

Cotangents that vanish back through time become denormal, and processors take some hundred cycles
for an operation on one.  Every thread sets its own mode for the time that it is in kernels, and
puts back what it found, so that NumPy and others keep theirs.  CELLDSL_FLUSH_DENORMALS=0 leaves the
mode alone.  Processors other than x86 and Arm of 64 bits keep theirs as well.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import llvmlite.binding
from llvmlite import ir

from celldsl.jit.lowering import types
from celldsl.jit.lowering.emit import known_function, on_stack
from celldsl.jit.lowering.intrinsics import intrinsic
from celldsl.jit.lowering.llvm_types import Context, Signature, Value, Values

_WORD = ir.IntType(64)
_HALF = ir.IntType(32)
_X86 = ("x86_64", "i686", "i386")
_ARM = ("aarch64", "arm64")
_X86_BITS = 0x8040  # flush-to-zero and denormals-are-zero of MXCSR
_ARM_BITS = 1 << 24  # FZ of FPCR


def _processor() -> str:
    return str(llvmlite.binding.get_process_triple()).partition("-")[0]


def _x86_call(builder: ir.IRBuilder, name: str, address: Value) -> None:
    kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()])
    function = known_function(builder.module, kind, f"llvm.x86.sse.{name}")
    builder.call(function, [builder.bitcast(address, ir.IntType(8).as_pointer())])


def _read_mode(builder: ir.IRBuilder) -> Value:
    """The control word of floating point; 0 where it is not known how to ask."""
    if _processor() in _X86:
        address = on_stack(builder, _HALF)
        _x86_call(builder, "stmxcsr", address)
        return builder.zext(builder.load(address), _WORD)
    if _processor() in _ARM:
        return builder.asm(ir.FunctionType(_WORD, []), "mrs $0, fpcr", "=r", [], side_effect=True)
    return _WORD(0)


def _write_mode(builder: ir.IRBuilder, mode: Value) -> None:
    if _processor() in _X86:
        address = on_stack(builder, _HALF)
        builder.store(builder.trunc(mode, _HALF), address)
        _x86_call(builder, "ldmxcsr", address)
    elif _processor() in _ARM:
        kind = ir.FunctionType(ir.VoidType(), [_WORD])
        builder.asm(kind, "msr fpcr, $0", "r", [mode], side_effect=True)


@intrinsic
def flush_denormals(_, wanted):
    """Sets the mode where `wanted` is not 0; what it was before."""

    def generate(_: Context, builder: ir.IRBuilder, __: Signature, args: Values) -> Value:
        before = _read_mode(builder)
        bits = _X86_BITS if _processor() in _X86 else _ARM_BITS
        more = builder.select(builder.icmp_signed("!=", args[0], _WORD(0)), _WORD(bits), _WORD(0))
        _write_mode(builder, builder.or_(before, more))
        return before

    return types.intp(types.intp), generate


@intrinsic
def restore_mode(_, mode):
    """Sets the mode that `flush_denormals` found."""

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        _write_mode(builder, args[0])
        return context.get_dummy_value()

    return types.void(types.intp), generate
