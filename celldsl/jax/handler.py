"""XLA's calls in compiled code.  In: a record, a call frame.  Out: 0, or an error of XLA's.

    xla_call(record, frame, like)       # what `records` says, over the buffers of the frame
    xla_help(block)                     # a task of XLA's threads: helps a caller with its job

No Python runs here and no lock is held.  Each call has its job and its memory in a result of its
own, so that any number may run at once.  Where a job is for several workers, XLA's own threads are
asked to help; who comes too late finds the job closed.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from celldsl.jax.handler_abi import (
    BUFFER_DATA,
    DESTROY_SIZE,
    ENTRY_ARGUMENT,
    ENTRY_AXES,
    ENTRY_OFFSET,
    ENTRY_RESULT,
    ENTRY_SIZES,
    ENTRY_STRIDES,
    ENTRY_WORDS,
    ERROR_INTERNAL,
    ERROR_SIZE,
    EXTENSION_IS_METADATA,
    EXTENSION_KIND,
    EXTENSION_METADATA,
    EXTENSION_NEXT,
    FRAME_API,
    FRAME_ARGUMENTS,
    FRAME_CONTEXT,
    FRAME_EXTENSION,
    FRAME_RESULTS,
    HELP_CLOSED,
    HELP_COME,
    HELP_FREE,
    HELP_GONE,
    HELP_HOLD,
    HELP_JOB,
    HELP_WORDS,
    HELP_YIELD,
    METADATA_VERSION,
    RECORD_ALLOCATE,
    RECORD_CALLS_AT,
    RECORD_CREATE,
    RECORD_DESTROY,
    RECORD_ENTRIES,
    RECORD_FAILED,
    RECORD_FLAT_AT,
    RECORD_FLAT_FILL,
    RECORD_FREE,
    RECORD_GRADIENTS,
    RECORD_GRADIENTS_AT,
    RECORD_HELP,
    RECORD_HYPER,
    RECORD_HYPER_AT,
    RECORD_HYPER_WORDS,
    RECORD_JOB,
    RECORD_JOB_AT,
    RECORD_JOB_WORDS,
    RECORD_KEY,
    RECORD_PARAMS,
    RECORD_SCHEDULE,
    RECORD_SCRATCH,
    RECORD_SHARED,
    RECORD_SOURCES,
    RECORD_TABLE_AT,
    RECORD_VERSION,
    RECORD_YIELD,
    SCHEDULE_SIZE,
    SOURCE_ARGUMENT,
    SOURCE_RESULT,
    SOURCE_SCRATCH,
    SOURCE_WORDS,
)
from celldsl.jit.functions import copy, fill, stage
from celldsl.jit.lowering.pointers import Pointer, address, pointer
from celldsl.runtime.cpython.objects import fast_call, fast_words
from celldsl.runtime.threads.atomics import atomic_load
from celldsl.runtime.threads.scheduler import (
    schedule_alone,
    schedule_goes_on,
    schedule_together,
)
from celldsl.runtime.threads.task_abi import (
    GRAPH_ENDLESS,
    GRAPH_SHARED,
    GRAPH_STOP,
    GRAPH_WORKERS,
)

LOWER_HALF = 0xFFFFFFFF
KEY_BITS = (1 << 53) - 1  # as many as a float64 holds exactly
LINE = 64  # bytes of a line of the cache


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


@intrinsic
def xla_add(_, counter, number):
    """Adds to a word that others add to as well; what it was before."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", args[0], args[1], "acq_rel")

    return types.intp(counter, types.intp), generate


@stage
def xla_data(buffers, place):
    """Where the numbers of a buffer are."""
    return fast_words(buffers[place])[BUFFER_DATA]


@stage
def xla_answer(record, frame):
    """Whether XLA asked for the version of the interface, which it is then told."""
    found = frame[FRAME_EXTENSION]
    while found != 0:
        extension = fast_words(found)
        if (extension[EXTENSION_KIND] & LOWER_HALF) == EXTENSION_IS_METADATA:
            fast_words(extension[EXTENSION_METADATA])[METADATA_VERSION] = record[RECORD_VERSION]
            return True
        found = extension[EXTENSION_NEXT]
    return False


@stage
def xla_source(frame, kind, which, scratch):
    """Where an array is."""
    if kind == SOURCE_ARGUMENT:
        return xla_data(fast_words(frame[FRAME_ARGUMENTS]), which)
    if kind == SOURCE_RESULT:
        return xla_data(fast_words(frame[FRAME_RESULTS]), which)
    if kind == SOURCE_SCRATCH:
        return scratch + which
    return which


@stage
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


@stage
def xla_rows(entry):
    rows = 1
    for axis in range(entry[ENTRY_AXES] - 1):
        rows = rows * entry[ENTRY_SIZES + axis]
    return rows


@stage
def xla_take(entry, own, flat):
    """Puts a parameter into its place among all of them."""
    last = entry[ENTRY_AXES] - 1
    width, stride = entry[ENTRY_SIZES + last], entry[ENTRY_STRIDES + last]
    for row in range(xla_rows(entry)):
        source = pointer(own, row * width, 0)
        target = pointer(flat, xla_row(entry, row), 1)
        if stride == 1:
            copy(target, source, width)
        else:
            for j in range(width):
                target[j * stride] = source[j]


@stage
def xla_give(entry, flat, own):
    """Fetches the gradient of a parameter from among all of them."""
    last = entry[ENTRY_AXES] - 1
    width, stride = entry[ENTRY_SIZES + last], entry[ENTRY_STRIDES + last]
    for row in range(xla_rows(entry)):
        target = pointer(own, row * width, 0)
        source = pointer(flat, xla_row(entry, row), 1)
        if stride == 1:
            copy(target, source, width)
        else:
            for j in range(width):
                target[j] = source[j * stride]


@stage
def xla_take_all(record, frame, scratch, like):
    buffers = fast_words(frame[FRAME_ARGUMENTS])
    flat = xla_numbers(like, scratch + record[RECORD_FLAT_AT])
    fill(flat, record[RECORD_FLAT_FILL], 0.0)
    for i in range(record[RECORD_PARAMS]):
        entry = pointer(record, record[RECORD_ENTRIES] + ENTRY_WORDS * i, -1)
        xla_take(entry, xla_numbers(like, xla_data(buffers, entry[ENTRY_ARGUMENT])), flat)


@stage
def xla_give_all(record, frame, scratch, like):
    buffers = fast_words(frame[FRAME_RESULTS])
    flat = xla_numbers(like, scratch + record[RECORD_GRADIENTS_AT])
    for i in range(record[RECORD_PARAMS]):
        entry = pointer(record, record[RECORD_ENTRIES] + ENTRY_WORDS * i, -1)
        if entry[ENTRY_RESULT] >= 0:
            xla_give(entry, flat, xla_numbers(like, xla_data(buffers, entry[ENTRY_RESULT])))


@stage
def xla_hyper(record, frame, scratch):
    """Hyperparameters; where there is a key, masks are drawn, and from it."""
    place = scratch + record[RECORD_HYPER_AT]
    count = record[RECORD_HYPER_WORDS]
    copy(fast_words(place), fast_words(record[RECORD_HYPER]), count)
    if record[RECORD_KEY] >= 0:
        key = fast_words(xla_data(fast_words(frame[FRAME_ARGUMENTS]), record[RECORD_KEY]))[0]
        numbers = xla_reals(place)
        numbers[count - 2] = 1.0
        numbers[count - 1] = key & KEY_BITS


@stage
def xla_job(record, frame, scratch):
    """The job of this call."""
    job = fast_words(scratch + record[RECORD_JOB_AT])
    copy(job, fast_words(record[RECORD_JOB]), record[RECORD_JOB_WORDS])
    table = fast_words(scratch + record[RECORD_TABLE_AT])
    for i in range(record[RECORD_SHARED]):
        source = record[RECORD_SOURCES] + SOURCE_WORDS * i
        table[i] = xla_source(frame, record[source], record[source + 1], scratch)
    job[GRAPH_SHARED] = address(table)
    return address(job)


@stage
def xla_wait(give_way):
    """Lets others have the core, where that is known how."""
    if give_way != 0:
        fast_call(give_way)


@stage
def xla_work(job, worker, give_way):
    """What a worker does until everything is done, or somebody failed."""
    schedule_together(job, worker, GRAPH_ENDLESS)
    while schedule_goes_on(job):
        xla_wait(give_way)
        schedule_together(job, worker, GRAPH_ENDLESS)


@stage
def xla_let_go(block):
    """The last who holds the memory gives it back."""
    if xla_add(pointer(block, HELP_HOLD, -1), -1) == 1:
        fast_call(block[HELP_FREE], address(block))


@stage
def xla_help(block):
    come = xla_add(pointer(block, HELP_COME, -1), 1)
    if come < HELP_CLOSED:
        xla_work(fast_words(block[HELP_JOB]), come + 1, block[HELP_YIELD])
        xla_add(pointer(block, HELP_GONE, -1), 1)
    xla_let_go(block)


@stage
def xla_ask(record, frame, block, calls):
    """Asks a thread of XLA's to help; whether it was told."""
    calls[0], calls[1], calls[2] = SCHEDULE_SIZE, 0, frame[FRAME_CONTEXT]
    calls[3], calls[4] = record[RECORD_HELP], address(block)
    api = fast_words(frame[FRAME_API])
    error = fast_call(api[record[RECORD_SCHEDULE]], address(calls))
    if error == 0:
        return True
    calls[0], calls[1], calls[2] = DESTROY_SIZE, 0, error
    fast_call(api[record[RECORD_DESTROY]], address(calls))
    return False


@stage
def xla_together(record, frame, scratch, job):
    """Several do it; the caller leaves when nobody is at it any more."""
    block_at = 0
    if record[RECORD_SCHEDULE] != 0 and frame[FRAME_CONTEXT] != 0:
        block_at = fast_call(record[RECORD_ALLOCATE], 8 * HELP_WORDS)
    if block_at == 0:
        xla_work(job, 0, record[RECORD_YIELD])
        return
    block = fast_words(block_at)
    wanted = job[GRAPH_WORKERS] - 1
    block[HELP_COME], block[HELP_GONE], block[HELP_HOLD] = 0, 0, wanted + 1
    block[HELP_JOB], block[HELP_FREE] = address(job), record[RECORD_FREE]
    block[HELP_YIELD] = record[RECORD_YIELD]
    calls = fast_words(scratch + record[RECORD_CALLS_AT])
    for _ in range(wanted):
        if not xla_ask(record, frame, block, calls):
            xla_add(pointer(block, HELP_HOLD, -1), -1)
    xla_work(job, 0, record[RECORD_YIELD])
    come = xla_add(pointer(block, HELP_COME, -1), HELP_CLOSED)
    while atomic_load(pointer(block, HELP_GONE, -1)) < come:
        xla_wait(record[RECORD_YIELD])
    xla_let_go(block)


@stage
def xla_error(record, frame, scratch):
    """An error of XLA's, which raises in Python."""
    calls = fast_words(scratch + record[RECORD_CALLS_AT])
    calls[0], calls[1], calls[2] = ERROR_SIZE, 0, record[RECORD_FAILED]
    calls[3] = ERROR_INTERNAL
    return fast_call(fast_words(frame[FRAME_API])[record[RECORD_CREATE]], address(calls))


@stage
def xla_run(record, frame, like):
    start = xla_data(fast_words(frame[FRAME_RESULTS]), record[RECORD_SCRATCH])
    scratch = (start + LINE - 1) // LINE * LINE
    xla_take_all(record, frame, scratch, like)
    xla_hyper(record, frame, scratch)
    gradients = xla_numbers(like, scratch + record[RECORD_GRADIENTS_AT])
    fill(gradients, record[RECORD_GRADIENTS], 0.0)
    job = fast_words(xla_job(record, frame, scratch))
    if job[GRAPH_WORKERS] == 1:
        schedule_alone(job)
    else:
        xla_together(record, frame, scratch, job)
    if job[GRAPH_STOP] != 0:
        return xla_error(record, frame, scratch)
    if record[RECORD_GRADIENTS] > 0:
        xla_give_all(record, frame, scratch, like)
    return 0


@stage
def xla_call_float32(record, frame):
    if xla_answer(record, frame):
        return 0
    return xla_run(record, frame, xla_like(np.float32(0.0)))


@stage
def xla_call_float64(record, frame):
    if xla_answer(record, frame):
        return 0
    return xla_run(record, frame, xla_like(np.float64(0.0)))


ENTRIES = {
    "celldsl_xla_call_float32": (xla_call_float32, "ss"),
    "celldsl_xla_call_float64": (xla_call_float64, "ss"),
    "celldsl_xla_help": (xla_help, "s"),
}
