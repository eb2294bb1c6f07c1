"""XLA's calls in compiled code.  In: a record, a call frame.  Out: 0, or an error of XLA's.

    xla_call(record, frame, like)       # what `records` says, over the buffers of the frame

No Python runs here and no lock is held.  Each call has its job and its memory in a result of its
own, so that any number may run at once.  Where a job is for several workers, XLA's own threads are
asked to help.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from celldsl.jax.handler_abi import (
    ERROR_INTERNAL,
    ERROR_SIZE,
    EXTENSION_IS_METADATA,
    EXTENSION_KIND,
    EXTENSION_METADATA,
    EXTENSION_NEXT,
    FRAME_API,
    FRAME_ARGUMENTS,
    FRAME_EXTENSION,
    FRAME_RESULTS,
    METADATA_VERSION,
    RECORD_CALLS_AT,
    RECORD_CREATE,
    RECORD_FAILED,
    RECORD_GRADIENTS,
    RECORD_GRADIENTS_AT,
    RECORD_HYPER,
    RECORD_HYPER_AT,
    RECORD_HYPER_WORDS,
    RECORD_JOB,
    RECORD_JOB_AT,
    RECORD_JOB_WORDS,
    RECORD_KEY,
    RECORD_SCRATCH,
    RECORD_SHARED,
    RECORD_SOURCES,
    RECORD_TABLE_AT,
    RECORD_VERSION,
    SOURCE_WORDS,
)
from celldsl.jax.handler_memory import (
    xla_data,
    xla_give_all,
    xla_like,
    xla_numbers,
    xla_reals,
    xla_rows,
    xla_source,
    xla_take_all,
)
from celldsl.jax.handler_threads import xla_help, xla_together
from celldsl.jit.functions import copy, fill, routine
from celldsl.jit.lowering.pointers import address, words_at
from celldsl.runtime.cpython.objects import fast_call
from celldsl.runtime.threads.scheduler import schedule_alone
from celldsl.runtime.threads.task_abi import GRAPH_SHARED, GRAPH_STOP, GRAPH_WORKERS

LOWER_HALF = 0xFFFFFFFF
KEY_BITS = (1 << 53) - 1  # as many as a float64 holds exactly
LINE = 64  # bytes of a line of the cache


@routine
def xla_answer(record, frame):
    """Whether XLA asked for the version of the interface, which it is then told."""
    found = frame[FRAME_EXTENSION]
    while found != 0:
        extension = words_at(found)
        if (extension[EXTENSION_KIND] & LOWER_HALF) == EXTENSION_IS_METADATA:
            words_at(extension[EXTENSION_METADATA])[METADATA_VERSION] = record[RECORD_VERSION]
            return True
        found = extension[EXTENSION_NEXT]
    return False


@routine
def xla_hyper(record, frame, scratch):
    """Hyperparameters; where there is a key, masks are drawn, and from it."""
    place = scratch + record[RECORD_HYPER_AT]
    count = record[RECORD_HYPER_WORDS]
    copy(words_at(place), words_at(record[RECORD_HYPER]), count)
    if record[RECORD_KEY] >= 0:
        key = words_at(xla_data(words_at(frame[FRAME_ARGUMENTS]), record[RECORD_KEY]))[0]
        numbers = xla_reals(place)
        numbers[count - 2] = 1.0
        numbers[count - 1] = key & KEY_BITS


@routine
def xla_job(record, frame, scratch):
    """The job of this call."""
    job = words_at(scratch + record[RECORD_JOB_AT])
    copy(job, words_at(record[RECORD_JOB]), record[RECORD_JOB_WORDS])
    table = words_at(scratch + record[RECORD_TABLE_AT])
    for i in range(record[RECORD_SHARED]):
        source = record[RECORD_SOURCES] + SOURCE_WORDS * i
        table[i] = xla_source(frame, record[source], record[source + 1], scratch)
    job[GRAPH_SHARED] = address(table)
    return address(job)


@routine
def xla_error(record, frame, scratch):
    """An error of XLA's, which raises in Python."""
    calls = words_at(scratch + record[RECORD_CALLS_AT])
    calls[0], calls[1], calls[2] = ERROR_SIZE, 0, record[RECORD_FAILED]
    calls[3] = ERROR_INTERNAL
    return fast_call(words_at(frame[FRAME_API])[record[RECORD_CREATE]], address(calls))


@routine
def xla_run(record, frame, like):
    start = xla_data(words_at(frame[FRAME_RESULTS]), record[RECORD_SCRATCH])
    scratch = (start + LINE - 1) // LINE * LINE
    xla_take_all(record, frame, scratch, like)
    xla_hyper(record, frame, scratch)
    gradients = xla_numbers(like, scratch + record[RECORD_GRADIENTS_AT])
    fill(gradients, record[RECORD_GRADIENTS], 0.0)
    job = words_at(xla_job(record, frame, scratch))
    xla_rows(record, frame, scratch, job)
    if job[GRAPH_WORKERS] == 1:
        schedule_alone(job)
    else:
        xla_together(record, frame, scratch, job)
    if job[GRAPH_STOP] != 0:
        return xla_error(record, frame, scratch)
    if record[RECORD_GRADIENTS] > 0:
        xla_give_all(record, frame, scratch, like)
    return 0


@routine
def xla_call_float32(record, frame):
    if xla_answer(record, frame):
        return 0
    return xla_run(record, frame, xla_like(np.float32(0.0)))


@routine
def xla_call_float64(record, frame):
    if xla_answer(record, frame):
        return 0
    return xla_run(record, frame, xla_like(np.float64(0.0)))


ENTRIES = {
    "celldsl_xla_call_float32": (xla_call_float32, "ss"),
    "celldsl_xla_call_float64": (xla_call_float64, "ss"),
    "celldsl_xla_help": (xla_help, "s"),
}
