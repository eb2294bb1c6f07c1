"""Arrays and rows of one of XLA's calls.  In: a record, a call frame.  Out: addresses, rows.

xla_take_all(record, frame, scratch, like)      # parameters to their places in one flat array
xla_give_all(record, frame, scratch, like)      # their gradients from there to results
xla_rows(record, frame, scratch, job)           # the rows of a job, which vary from call to call
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any

from llvmlite import ir

from celldsl.jax.handler_abi import (
    BUFFER_DATA,
    ENTRY_ARGUMENT,
    ENTRY_AXES,
    ENTRY_OFFSET,
    ENTRY_RESULT,
    ENTRY_SIZES,
    ENTRY_STRIDES,
    ENTRY_WORDS,
    FRAME_ARGUMENTS,
    FRAME_RESULTS,
    RECORD_BATCH,
    RECORD_ENTRIES,
    RECORD_FLAT_AT,
    RECORD_FLAT_FILL,
    RECORD_GRADIENTS_AT,
    RECORD_PARAMS,
    RECORD_PARTS,
    RECORD_RESETS,
    RECORD_STATES,
    RECORD_TABLES,
    SOURCE_ARGUMENT,
    SOURCE_RESULT,
    SOURCE_SCRATCH,
    TABLE_WORDS,
)
from celldsl.jit.functions import copy, fill, routine
from celldsl.jit.lowering import types
from celldsl.jit.lowering.pointers import pointer, words_at
from celldsl.jit.lowering.types import Pointer, intrinsic
from celldsl.runtime.exec.plan_anew import begin_anew
from celldsl.runtime.threads.task_abi import GRAPH_BLOCK_ROWS, GRAPH_BLOCKS, GRAPH_ROWS


@intrinsic
def xla_numbers(_, like, place):
    """The numbers at an address, of the type of a pointer."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[1], context.get_value_type(sig.return_type))

    return Pointer(like.dtype, -1)(like, types.intp), generate


@intrinsic
def xla_like(_, number):
    """A pointer to nowhere, which says the type of numbers."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return ir.Constant(context.get_value_type(sig.return_type), None)

    return Pointer(number, -1)(number), generate


@intrinsic
def xla_reals(_, place):
    """The float64 numbers at an address."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(sig.return_type))

    return Pointer(types.float64, -1)(types.intp), generate


@routine
def xla_data(buffers, place):
    """Where the numbers of a buffer are."""
    return words_at(buffers[place])[BUFFER_DATA]


@routine
def xla_source(frame, kind, which, scratch):
    """Where an array is."""
    if kind == SOURCE_ARGUMENT:
        return xla_data(words_at(frame[FRAME_ARGUMENTS]), which)
    if kind == SOURCE_RESULT:
        return xla_data(words_at(frame[FRAME_RESULTS]), which)
    if kind == SOURCE_SCRATCH:
        return scratch + which
    return which


@routine
def xla_row(entry, row):
    """The place among all parameters of a row of one, whose last axis is a row."""
    place = entry[ENTRY_OFFSET]
    rest = row
    axis = entry[ENTRY_AXES] - 2
    while axis >= 0:
        size = entry[ENTRY_SIZES + axis]
        place += rest % size * entry[ENTRY_STRIDES + axis]
        rest = rest // size
        axis -= 1
    return place


@routine
def xla_entry_rows(entry):
    rows = 1
    for axis in range(entry[ENTRY_AXES] - 1):
        rows = rows * entry[ENTRY_SIZES + axis]
    return rows


@routine
def xla_spread(target, step, source, stride, width):
    if step == 1 and stride == 1:
        copy(target, source, width)
    else:
        for j in range(width):
            target[j * step] = source[j * stride]


@routine
def xla_move(entry, own, flat, inward):
    """Copies a parameter into its place among all of them, or its gradient from there."""
    last = entry[ENTRY_AXES] - 1
    width, stride = entry[ENTRY_SIZES + last], entry[ENTRY_STRIDES + last]
    for row in range(xla_entry_rows(entry)):
        alone = pointer(own, row * width, 0)
        among = pointer(flat, xla_row(entry, row), 1)
        if inward != 0:
            xla_spread(among, stride, alone, 1, width)
        else:
            xla_spread(alone, 1, among, stride, width)


@routine
def xla_take_all(record, frame, scratch, like):
    buffers = words_at(frame[FRAME_ARGUMENTS])
    flat = xla_numbers(like, scratch + record[RECORD_FLAT_AT])
    fill(flat, record[RECORD_FLAT_FILL], 0.0)
    for i in range(record[RECORD_PARAMS]):
        entry = pointer(record, record[RECORD_ENTRIES] + ENTRY_WORDS * i, -1)
        own = xla_numbers(like, xla_data(buffers, entry[ENTRY_ARGUMENT]))
        xla_move(entry, own, flat, 1)


@routine
def xla_give_all(record, frame, scratch, like):
    buffers = words_at(frame[FRAME_RESULTS])
    flat = xla_numbers(like, scratch + record[RECORD_GRADIENTS_AT])
    for i in range(record[RECORD_PARAMS]):
        entry = pointer(record, record[RECORD_ENTRIES] + ENTRY_WORDS * i, -1)
        if entry[ENTRY_RESULT] >= 0:
            own = xla_numbers(like, xla_data(buffers, entry[ENTRY_RESULT]))
            xla_move(entry, own, flat, 0)


TABLE_ROWS = 2  # the word of a table that says how many rows all parts have


@routine
def xla_rows(record, frame, scratch, job):
    parts = record[RECORD_PARTS]
    if parts == 0:
        return
    resets = words_at(xla_data(words_at(frame[FRAME_ARGUMENTS]), record[RECORD_RESETS]))
    batch, states, aside = record[RECORD_BATCH], record[RECORD_STATES], -1
    for part in range(parts):
        at = record[RECORD_TABLES] + TABLE_WORDS * part
        table = words_at(xla_source(frame, record[at], record[at + 1], scratch))
        if part == 0:
            aside = table[TABLE_ROWS]  # states before a reset come after those of all rows
        own = scratch + record[at + 2]
        aside = begin_anew(table, resets, words_at(own), batch, aside, states)
        job[job[GRAPH_ROWS] + part] = own
    # A single worker is not told of a part.
    job[job[GRAPH_BLOCKS] + GRAPH_BLOCK_ROWS] = job[job[GRAPH_ROWS]]
