"""A step in compiled code, from Python's arguments to its results.  In: a table.  Out: objects.

    fast_step(table, arguments, count)        # (inputs, state) -> (outputs, state)
    fast_stream(table, arguments, count)      # (inputs) -> outputs

What a table holds `fast_calls` says, what objects are here `objects`.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from celldsl.jit.functions import routine
from celldsl.jit.lowering.pointers import words_at
from celldsl.runtime.cpython.abi import (
    ARRAY_DATA,
    ARRAY_DTYPE,
    ARRAY_FLAGS,
    ARRAY_RANK,
    ARRAY_SHAPE,
    CALL_ARRAY_TYPE,
    CALL_BUSY,
    CALL_COUNT,
    CALL_COUNT_AT,
    CALL_DTYPE,
    CALL_GET,
    CALL_INPUTS,
    CALL_JOB,
    CALL_OUTPUT_TYPE,
    CALL_OUTPUTS,
    CALL_PLACES,
    CALL_RUN,
    CALL_SLOTS,
    CALL_STATE_TYPE,
    CALL_STATES,
    CALL_VERSION,
    CALL_VERSION_AT,
    LOW_HALF,
    OBJECT_TYPE,
    PLAIN_FLAGS,
    TUPLE_SIZE,
    TUPLE_WORDS,
)
from celldsl.runtime.cpython.objects import (
    fast_call,
    fast_drop,
    fast_new,
    fast_nothing,
    fast_pack,
    fast_pair,
)


@routine
def fast_fits(table, slot, found):
    """Whether an object is a plain array of the shape of a slot."""
    own = words_at(found)
    if own[OBJECT_TYPE] != table[CALL_ARRAY_TYPE] or own[ARRAY_DTYPE] != table[CALL_DTYPE]:
        return False
    rank = own[ARRAY_RANK] & LOW_HALF
    if rank != table[slot] or (own[ARRAY_FLAGS] & PLAIN_FLAGS) != PLAIN_FLAGS:
        return False
    shape, wanted = words_at(own[ARRAY_SHAPE]), words_at(table[slot + 1])
    for axis in range(rank):  # noqa: SIM110
        if shape[axis] != wanted[axis]:
            return False
    return True


@routine
def fast_fresh(table):
    """Whether the step's memory is free and what was derived from parameters is still right."""
    version, count = words_at(table[CALL_VERSION_AT]), words_at(table[CALL_COUNT_AT])
    if table[CALL_BUSY] != 0 or version[0] != table[CALL_VERSION]:
        return False
    return (count[0] & LOW_HALF) == table[CALL_COUNT]


@routine
def fast_outputs(table):
    """New outputs: an array, or a tuple of arrays."""
    first = CALL_SLOTS + 2 * table[CALL_INPUTS]
    if table[CALL_OUTPUT_TYPE] == 0:
        return fast_new(table, first)
    return fast_pack(table, table[CALL_OUTPUT_TYPE], first, table[CALL_OUTPUTS])


@routine
def fast_states(table):
    first = CALL_SLOTS + 2 * (table[CALL_INPUTS] + table[CALL_OUTPUTS])
    return fast_pack(table, table[CALL_STATE_TYPE], first, table[CALL_STATES])


@routine
def fast_starts(table, state):
    """Whether a state is a tuple of plain arrays."""
    if words_at(state)[OBJECT_TYPE] != table[CALL_STATE_TYPE]:
        return False
    count = table[CALL_STATES]
    if words_at(state)[TUPLE_SIZE] != count:
        return False
    first = CALL_SLOTS + 2 * (table[CALL_INPUTS] + table[CALL_OUTPUTS])
    for i in range(count):
        if not fast_fits(table, first + 2 * i, fast_call(table[CALL_GET], state, i)):
            return False
    return True


@routine
def fast_place(table, found, kind, count, place):
    """Says where the numbers of an array are, or those of the arrays of a tuple, in that order."""
    places = words_at(table[CALL_PLACES])
    if kind == 0:
        places[place] = words_at(found)[ARRAY_DATA]
    else:
        for i in range(count):
            places[place + i] = words_at(fast_call(table[CALL_GET], found, i))[ARRAY_DATA]


@routine
def fast_place_flow(table, given, outputs):
    """Where inputs and outputs are."""
    fast_place(table, given, 0, 1, 0)
    kind, count = table[CALL_OUTPUT_TYPE], table[CALL_OUTPUTS]
    fast_place(table, outputs, kind, count, table[CALL_INPUTS])


@routine
def fast_place_states(table, starts, finals):
    kind, count = table[CALL_STATE_TYPE], table[CALL_STATES]
    place = table[CALL_INPUTS] + table[CALL_OUTPUTS]
    fast_place(table, starts, kind, count, place)
    fast_place(table, finals, kind, count, place + count)


# A new tuple may start the garbage collection of Python, and that a finaliser that makes a step of
# the same cell.  So all objects are made before anything is put into the memory of the step.


@routine
def fast_step(own, given, count):
    table = words_at(own[ARRAY_DATA])
    if count != 2 or not fast_fresh(table) or not fast_fits(table, CALL_SLOTS, given[0]):
        return fast_nothing(table)
    if not fast_starts(table, given[1]):
        return fast_nothing(table)
    outputs, states = fast_outputs(table), fast_states(table)
    found = fast_pair(table, outputs, states)
    if found == 0:
        return found
    if not fast_fresh(table):
        fast_drop(table, found)
        return fast_nothing(table)
    fast_place_flow(table, given[0], outputs)
    fast_place_states(table, given[1], states)
    fast_call(table[CALL_RUN], table[CALL_JOB])
    return found


@routine
def fast_stream(own, given, count):
    table = words_at(own[ARRAY_DATA])
    if count != 1 or not fast_fresh(table) or not fast_fits(table, CALL_SLOTS, given[0]):
        return fast_nothing(table)
    outputs = fast_outputs(table)
    if outputs != 0:
        fast_place_flow(table, given[0], outputs)
        fast_call(table[CALL_RUN], table[CALL_JOB])
    return outputs


@routine
def fast_addresses(words, first, count):
    """Puts the addresses of the numbers of arrays in the place of those of their objects."""
    for i in range(first, first + count):
        words[i] = words_at(words[i])[ARRAY_DATA]


@routine
def fast_members(found, words):
    """Puts the addresses of the numbers of the arrays of a tuple into words."""
    own = words_at(found)
    for i in range(own[TUPLE_SIZE]):
        words[i] = words_at(own[TUPLE_WORDS + i])[ARRAY_DATA]


FAST_ENTRIES = {
    "celldsl_fast_step": (fast_step, "ssi"),
    "celldsl_fast_stream": (fast_stream, "ssi"),
}
