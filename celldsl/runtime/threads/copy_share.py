"""A share of a copy in compiled code.  In: where numbers are.  Out: the same numbers elsewhere.

It is a phase of kind "rows" whose arrays are the copy, what is copied, and how many bytes that is.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from llvmlite import ir

from celldsl.jit.functions import routine
from celldsl.jit.lowering import types
from celldsl.jit.lowering.emit import bytes_copied
from celldsl.jit.lowering.intrinsics import intrinsic
from celldsl.jit.lowering.llvm_types import Context, Signature, Value, Values
from celldsl.jit.lowering.pointers import words_at

LINE = 64  # bytes: no two threads write to one


@intrinsic
def copy_bytes(_, to, given, count):
    """From one address to another."""

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        byte = ir.IntType(8).as_pointer()
        to, given = (builder.inttoptr(address, byte) for address in args[:2])
        bytes_copied(builder, to, given, args[2])
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), generate


@routine
def copy_share(own, arrays):
    share, shares = own[2], own[3]
    count = words_at(arrays[2])[0]
    lines = (count + LINE - 1) // LINE
    low = LINE * (lines * share // shares)
    high = min(count, LINE * (lines * (share + 1) // shares))
    copy_bytes(arrays[0] + low, arrays[1] + low, high - low)
    return 0


COPY_ENTRIES = {"celldsl_copy": (copy_share, "ss")}
