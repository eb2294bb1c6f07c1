"""Python's objects in compiled code.  In: a table, addresses.  Out: new objects, or 0.

    direct_pack(table, kind, first, count)      # a tuple of a type, with new arrays

What a table holds `direct` says.  Objects are addresses here.  0 is no object: Python then raises
what the function that found no memory has set.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from celldsl.jit.functions import stage
from celldsl.jit.lowering.pointers import LaneType
from celldsl.runtime.cpython.abi import (
    DIRECT_ARRAY_TYPE,
    DIRECT_DROP,
    DIRECT_HOLD,
    DIRECT_NEW_ARRAY,
    DIRECT_NEW_OF_TYPE,
    DIRECT_NEW_TUPLE,
    DIRECT_NONE,
    DIRECT_SET,
    DIRECT_TYPE_NUMBER,
    TUPLE_SIZE,
    TUPLE_WORDS,
)


@intrinsic
def direct_words(_, place):
    """The words at an address."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(sig.return_type))

    return LaneType(types.intp, -1)(types.intp), generate


@intrinsic
def direct_call(_, code, *given):
    """Calls the C function at an address, which takes words and returns one."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        word = ir.IntType(64)
        kind = ir.FunctionType(word, [word] * len(given))
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])

    return types.intp(types.intp, *(types.intp for _ in given)), generate


@stage
def direct_nothing(table):
    direct_call(table[DIRECT_HOLD], table[DIRECT_NONE])
    return table[DIRECT_NONE]


@stage
def direct_new(table, slot):
    """A new array of the shape of a slot."""
    kind, number = table[DIRECT_ARRAY_TYPE], table[DIRECT_TYPE_NUMBER]
    return direct_call(
        table[DIRECT_NEW_ARRAY], kind, table[slot], table[slot + 1], number, 0, 0, 0, 0, 0
    )


@stage
def direct_drop(table, found):
    if found != 0:
        direct_call(table[DIRECT_DROP], found)


@stage
def direct_pack(table, kind, first, count):
    """A tuple of a type with new arrays for the slots from the first on."""
    found = direct_call(table[DIRECT_NEW_OF_TYPE], kind, count)
    if found != 0:
        # Where tuples keep their hash it is unknown yet.
        for word in range(TUPLE_SIZE + 1, TUPLE_WORDS):
            direct_words(found)[word] = -1
    for i in range(count):
        if found != 0:
            array = direct_new(table, first + 2 * i)
            if array == 0:
                direct_drop(table, found)
                found = 0
            else:
                direct_call(table[DIRECT_SET], found, i, array)
    return found


@stage
def direct_pair(table, outputs, states):
    """The tuple that a step returns; what is in it belongs to it."""
    if outputs != 0 and states != 0:
        found = direct_call(table[DIRECT_NEW_TUPLE], 2)
        if found != 0:
            direct_call(table[DIRECT_SET], found, 0, outputs)
            direct_call(table[DIRECT_SET], found, 1, states)
            return found
    direct_drop(table, outputs)
    direct_drop(table, states)
    return 0
