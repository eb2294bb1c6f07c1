"""Words that several threads write.  In: pointers to them.  Out: instructions, for routines.

atomic_exchange(word, 0, 1)     compare-and-swap; true if we won
atomic_store(word, 3)           others see all that was written before
atomic_add(word, 1)             what it was before
atomic_load(word)               what others wrote before is seen
spin_pause()                    inside a loop that waits
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import llvmlite.binding
from llvmlite import ir

from celldsl.jit.lowering import types
from celldsl.jit.lowering.emit import known_function
from celldsl.jit.lowering.intrinsics import intrinsic
from celldsl.jit.lowering.llvm_types import Context, Signature, Value, Values

_PAUSES = {"x86": "llvm.x86.sse2.pause", "i686": "llvm.x86.sse2.pause"}


@intrinsic
def atomic_exchange(_, word, old, new):
    """Compare-and-swap; true if we won."""

    def generate(_: Context, builder: ir.IRBuilder, __: Signature, args: Values) -> Value:
        found = builder.cmpxchg(args[0], args[1], args[2], "acq_rel", "acquire")
        return builder.extract_value(found, 1)

    return types.boolean(word, types.intp, types.intp), generate


@intrinsic
def atomic_store(_, word, number):
    """Writes a number, and shows others all that was written before."""

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        builder.store_atomic(args[1], args[0], "release", 8)
        return context.get_dummy_value()

    return types.void(word, types.intp), generate


@intrinsic
def atomic_add(_, word, number):
    """Adds a number, and shows others all that was written before; what the word was."""

    def generate(_: Context, builder: ir.IRBuilder, __: Signature, args: Values) -> Value:
        return builder.atomic_rmw("add", args[0], args[1], "acq_rel")

    return types.intp(word, types.intp), generate


@intrinsic
def atomic_load(_, counter):
    """The number, and everything that others wrote before they added to it."""

    def generate(_: Context, builder: ir.IRBuilder, __: Signature, args: Values) -> Value:
        return builder.load_atomic(args[0], "acquire", 8)

    return types.intp(counter), generate


@intrinsic
def spin_pause(_):
    """Tells the processor that this is a loop that waits, where it has an instruction for that."""

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, __: Values) -> Value:
        triple = llvmlite.binding.get_process_triple()
        hint = next((name for cpu, name in _PAUSES.items() if triple.startswith(cpu)), None)
        if hint is not None:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(known_function(builder.module, kind, hint), [])
        return context.get_dummy_value()

    return types.void(), generate
