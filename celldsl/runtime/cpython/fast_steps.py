"""A step in compiled code, from Python's arguments to its results.  In: a table.  Out: objects.

    direct_step(table, arguments, count)        # (inputs, state) -> (outputs, state)
    direct_stream(table, arguments, count)      # (inputs) -> outputs

What a table holds `direct` says, what objects are here `direct_objects`.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from celldsl.jit.functions import stage
from celldsl.runtime.cpython.abi import (
    ARRAY_DATA,
    ARRAY_DTYPE,
    ARRAY_FLAGS,
    ARRAY_RANK,
    ARRAY_SHAPE,
    DIRECT_ARRAY_TYPE,
    DIRECT_BUSY,
    DIRECT_COUNT,
    DIRECT_COUNT_AT,
    DIRECT_DTYPE,
    DIRECT_GET,
    DIRECT_INPUTS,
    DIRECT_JOB,
    DIRECT_OUTPUT_TYPE,
    DIRECT_OUTPUTS,
    DIRECT_PLACES,
    DIRECT_RUN,
    DIRECT_SLOTS,
    DIRECT_STATE_TYPE,
    DIRECT_STATES,
    DIRECT_VERSION,
    DIRECT_VERSION_AT,
    LOW_HALF,
    OBJECT_TYPE,
    PLAIN_FLAGS,
    TUPLE_SIZE,
)
from celldsl.runtime.cpython.objects import (
    direct_call,
    direct_drop,
    direct_new,
    direct_nothing,
    direct_pack,
    direct_pair,
    direct_words,
)


@stage
def direct_fits(table, slot, found):
    """Whether an object is a plain array of the shape of a slot."""
    own = direct_words(found)
    if own[OBJECT_TYPE] != table[DIRECT_ARRAY_TYPE] or own[ARRAY_DTYPE] != table[DIRECT_DTYPE]:
        return False
    rank = own[ARRAY_RANK] & LOW_HALF
    if rank != table[slot] or (own[ARRAY_FLAGS] & PLAIN_FLAGS) != PLAIN_FLAGS:
        return False
    shape, wanted = direct_words(own[ARRAY_SHAPE]), direct_words(table[slot + 1])
    for axis in range(rank):  # noqa: SIM110
        if shape[axis] != wanted[axis]:
            return False
    return True


@stage
def direct_fresh(table):
    """Whether the step's memory is free and what was derived from parameters is still right."""
    version, count = direct_words(table[DIRECT_VERSION_AT]), direct_words(table[DIRECT_COUNT_AT])
    if table[DIRECT_BUSY] != 0 or version[0] != table[DIRECT_VERSION]:
        return False
    return (count[0] & LOW_HALF) == table[DIRECT_COUNT]


@stage
def direct_outputs(table):
    """New outputs: an array, or a tuple of arrays."""
    first = DIRECT_SLOTS + 2 * table[DIRECT_INPUTS]
    if table[DIRECT_OUTPUT_TYPE] == 0:
        return direct_new(table, first)
    return direct_pack(table, table[DIRECT_OUTPUT_TYPE], first, table[DIRECT_OUTPUTS])


@stage
def direct_states(table):
    first = DIRECT_SLOTS + 2 * (table[DIRECT_INPUTS] + table[DIRECT_OUTPUTS])
    return direct_pack(table, table[DIRECT_STATE_TYPE], first, table[DIRECT_STATES])


@stage
def direct_starts(table, state):
    """Whether a state is a tuple of plain arrays."""
    if direct_words(state)[OBJECT_TYPE] != table[DIRECT_STATE_TYPE]:
        return False
    count = table[DIRECT_STATES]
    if direct_words(state)[TUPLE_SIZE] != count:
        return False
    first = DIRECT_SLOTS + 2 * (table[DIRECT_INPUTS] + table[DIRECT_OUTPUTS])
    for i in range(count):
        if not direct_fits(table, first + 2 * i, direct_call(table[DIRECT_GET], state, i)):
            return False
    return True


@stage
def direct_place(table, found, kind, count, place):
    """Says where an array is, or where those of a tuple are: their places, in that order."""
    places = direct_words(table[DIRECT_PLACES])
    if kind == 0:
        places[place] = found
    else:
        for i in range(count):
            places[place + i] = direct_call(table[DIRECT_GET], found, i)


@stage
def direct_place_flow(table, given, outputs):
    """Where inputs and outputs are."""
    direct_place(table, given, 0, 1, 0)
    kind, count = table[DIRECT_OUTPUT_TYPE], table[DIRECT_OUTPUTS]
    direct_place(table, outputs, kind, count, table[DIRECT_INPUTS])


@stage
def direct_place_states(table, starts, finals):
    kind, count = table[DIRECT_STATE_TYPE], table[DIRECT_STATES]
    place = table[DIRECT_INPUTS] + table[DIRECT_OUTPUTS]
    direct_place(table, starts, kind, count, place)
    direct_place(table, finals, kind, count, place + count)


# A new tuple may start the garbage collection of Python, and that a finaliser that makes a step of
# the same cell.  So all objects are made before anything is put into the memory of the step.


@stage
def direct_step(own, given, count):
    table = direct_words(own[ARRAY_DATA])
    if count != 2 or not direct_fresh(table) or not direct_fits(table, DIRECT_SLOTS, given[0]):
        return direct_nothing(table)
    if not direct_starts(table, given[1]):
        return direct_nothing(table)
    outputs, states = direct_outputs(table), direct_states(table)
    found = direct_pair(table, outputs, states)
    if found == 0:
        return found
    if not direct_fresh(table):
        direct_drop(table, found)
        return direct_nothing(table)
    direct_place_flow(table, given[0], outputs)
    direct_place_states(table, given[1], states)
    direct_call(table[DIRECT_RUN], table[DIRECT_JOB])
    return found


@stage
def direct_stream(own, given, count):
    table = direct_words(own[ARRAY_DATA])
    if count != 1 or not direct_fresh(table) or not direct_fits(table, DIRECT_SLOTS, given[0]):
        return direct_nothing(table)
    outputs = direct_outputs(table)
    if outputs != 0:
        direct_place_flow(table, given[0], outputs)
        direct_call(table[DIRECT_RUN], table[DIRECT_JOB])
    return outputs


DIRECT_ENTRIES = {
    "celldsl_direct_step": (direct_step, "ssi"),
    "celldsl_direct_stream": (direct_stream, "ssi"),
}
