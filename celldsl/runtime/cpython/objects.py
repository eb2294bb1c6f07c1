"""Python's objects in compiled code.  In: a table, addresses.  Out: new objects, or 0.

    fast_pack(table, kind, first, count)      # a tuple of a type, with new arrays

What a table holds `fast_calls` says.  Objects are addresses here.  0 is no object: Python then
raises what the function that found no memory has set.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from llvmlite import ir

from celldsl.jit.functions import routine
from celldsl.jit.lowering import types
from celldsl.jit.lowering.pointers import words_at
from celldsl.jit.lowering.types import Context, Signature, Value, Values, intrinsic
from celldsl.runtime.cpython.abi import (
    CALL_ARRAY_TYPE,
    CALL_DROP,
    CALL_HOLD,
    CALL_NEW_ARRAY,
    CALL_NEW_OF_TYPE,
    CALL_NEW_TUPLE,
    CALL_NONE,
    CALL_SET,
    CALL_TYPE_NUMBER,
    TUPLE_SIZE,
    TUPLE_WORDS,
)


@intrinsic
def fast_call(_, code, *given):
    """Calls the C function at an address, which takes words and returns one."""

    def generate(_: Context, builder: ir.IRBuilder, __: Signature, args: Values) -> Value:
        word = ir.IntType(64)
        kind = ir.FunctionType(word, [word] * len(given))
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])

    return types.intp(types.intp, *(types.intp for _ in given)), generate


@routine
def fast_nothing(table):
    fast_call(table[CALL_HOLD], table[CALL_NONE])
    return table[CALL_NONE]


@routine
def fast_new(table, slot):
    """A new array of the shape of a slot."""
    kind, number = table[CALL_ARRAY_TYPE], table[CALL_TYPE_NUMBER]
    return fast_call(
        table[CALL_NEW_ARRAY], kind, table[slot], table[slot + 1], number, 0, 0, 0, 0, 0
    )


@routine
def fast_drop(table, found):
    if found != 0:
        fast_call(table[CALL_DROP], found)


@routine
def fast_pack(table, kind, first, count):
    """A tuple of a type with new arrays for the slots from the first on."""
    found = fast_call(table[CALL_NEW_OF_TYPE], kind, count)
    if found != 0:
        # Where tuples keep their hash it is unknown yet.
        for word in range(TUPLE_SIZE + 1, TUPLE_WORDS):
            words_at(found)[word] = -1
    for i in range(count):
        if found != 0:
            array = fast_new(table, first + 2 * i)
            if array == 0:
                fast_drop(table, found)
                found = 0
            else:
                fast_call(table[CALL_SET], found, i, array)
    return found


@routine
def fast_pair(table, outputs, states):
    """The tuple that a step returns; what is in it belongs to it."""
    if outputs != 0 and states != 0:
        found = fast_call(table[CALL_NEW_TUPLE], 2)
        if found != 0:
            fast_call(table[CALL_SET], found, 0, outputs)
            fast_call(table[CALL_SET], found, 1, states)
            return found
    fast_drop(table, outputs)
    fast_drop(table, states)
    return 0
