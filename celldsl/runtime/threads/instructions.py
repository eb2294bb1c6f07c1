"""Instructions that routines have no words for.  In: words, addresses.  Out: numbers.

    atomic_exchange(word, 0, 1)         # compare-and-swap; true if we won
    atomic_store(word, 3)               # others see all that was written before
    atomic_add(word, 1)                 # what it was before
    atomic_load(word)                   # what others wrote before is seen
    spin_pause()                        # inside a loop that waits
    mode = flush_denormals(wanted)      # flush-to-zero and denormals-are-zero, on this thread
    restore_mode(mode)                  # as it was
    copy_bytes(to, given, count)
    copy_rows(copies, share, shares)    # those of a share, as `task_abi` says

Cotangents that vanish back through time become denormal, and processors take some hundred cycles
for an operation on one.  Every thread sets its own mode for the time that it is in kernels, and
puts back what it found, so that NumPy and others keep theirs.  CELLDSL_FLUSH_DENORMALS=0 leaves the
mode alone.  Processors other than x86 and Arm of 64 bits keep theirs as well.

A share of a copy is a phase of kind "rows" whose arrays are the copy, what is copied, and how many
bytes that is.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import llvmlite.binding
from llvmlite import ir

from celldsl.jit.functions import routine
from celldsl.jit.lowering import types
from celldsl.jit.lowering.emit import bytes_copied, known_function, on_stack
from celldsl.jit.lowering.pointers import words_at
from celldsl.jit.lowering.types import Context, Signature, Value, Values, intrinsic

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


@intrinsic
def ask_for(_, address, to_write):
    """Has the processor fetch a line that will be read, or with a literal 1 written."""

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        byte, half = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, half, half, half])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        write = half(to_write.literal_value)
        builder.call(prefetch, [builder.inttoptr(args[0], byte), write, half(3), half(1)])
        return context.get_dummy_value()

    return types.void(types.intp, to_write), generate


AHEAD = 1024  # bytes: as far as a copy is ahead with asking


@routine
def copy_asking(to, given, count):
    """As `copy_bytes`, for what lies in no near cache: lines are there when their turn comes."""
    whole = count - count % LINE
    for at in range(0, whole, LINE):
        ask_for(given + at + AHEAD, 0)
        ask_for(to + at + AHEAD, 1)
        copy_bytes(to + at, given + at, LINE)
    copy_bytes(to + whole, given + whole, count - whole)


@routine
def copy_rows(copies, share, shares):
    words = words_at(copies)
    rows = words[0]
    low, high = rows * share // shares, rows * (share + 1) // shares
    for i in range(words[1]):
        at = 2 + 3 * i
        size = words[at + 2]
        copy_asking(words[at] + low * size, words[at + 1] + low * size, (high - low) * size)


@routine
def copy_share(own, arrays):
    share, shares = own[2], own[3]
    count = words_at(arrays[2])[0]
    lines = (count + LINE - 1) // LINE
    low = LINE * (lines * share // shares)
    high = min(count, LINE * (lines * (share + 1) // shares))
    copy_asking(arrays[0] + low, arrays[1] + low, high - low)
    return 0


COPY_ENTRIES = {"celldsl_copy": (copy_share, "ss")}
