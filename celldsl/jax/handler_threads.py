"""XLA's threads that help a caller with its job.  In: a job.  Out: everything in it is done.

    xla_together(record, frame, scratch, job)
    xla_help(block)                     # a task of XLA's threads: helps a caller with its job

Each who helps and the caller hold a block of memory; who comes too late finds the job closed.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from celldsl.jax.handler_abi import (
    DESTROY_SIZE,
    FRAME_API,
    FRAME_CONTEXT,
    HELP_CLOSED,
    HELP_COME,
    HELP_FREE,
    HELP_GONE,
    HELP_HOLD,
    HELP_JOB,
    HELP_WORDS,
    HELP_YIELD,
    RECORD_ALLOCATE,
    RECORD_CALLS_AT,
    RECORD_DESTROY,
    RECORD_FREE,
    RECORD_HELP,
    RECORD_SCHEDULE,
    RECORD_YIELD,
    SCHEDULE_SIZE,
)
from celldsl.jit.functions import routine
from celldsl.jit.lowering.pointers import address, pointer, words_at
from celldsl.runtime.cpython.objects import fast_call
from celldsl.runtime.threads.instructions import atomic_add, atomic_load
from celldsl.runtime.threads.scheduler import schedule_goes_on, schedule_together
from celldsl.runtime.threads.task_abi import GRAPH_ENDLESS, GRAPH_WORKERS


@routine
def xla_wait(give_way):
    """Lets others have the core, where that is known how."""
    if give_way != 0:
        fast_call(give_way)


@routine
def xla_work(job, worker, give_way):
    """What a worker does until everything is done, or somebody failed."""
    schedule_together(job, worker, GRAPH_ENDLESS)
    while schedule_goes_on(job):
        xla_wait(give_way)
        schedule_together(job, worker, GRAPH_ENDLESS)


@routine
def xla_let_go(block):
    """The last who holds the memory gives it back."""
    if atomic_add(pointer(block, HELP_HOLD, -1), -1) == 1:
        fast_call(block[HELP_FREE], address(block))


@routine
def xla_help(block):
    come = atomic_add(pointer(block, HELP_COME, -1), 1)
    if come < HELP_CLOSED:
        xla_work(words_at(block[HELP_JOB]), come + 1, block[HELP_YIELD])
        atomic_add(pointer(block, HELP_GONE, -1), 1)
    xla_let_go(block)


@routine
def xla_ask(record, frame, block, calls):
    """Asks a thread of XLA's to help; whether it was told."""
    calls[0], calls[1], calls[2] = SCHEDULE_SIZE, 0, frame[FRAME_CONTEXT]
    calls[3], calls[4] = record[RECORD_HELP], address(block)
    api = words_at(frame[FRAME_API])
    error = fast_call(api[record[RECORD_SCHEDULE]], address(calls))
    if error == 0:
        return True
    calls[0], calls[1], calls[2] = DESTROY_SIZE, 0, error
    fast_call(api[record[RECORD_DESTROY]], address(calls))
    return False


@routine
def xla_together(record, frame, scratch, job):
    """Several do it; the caller leaves when nobody is at it any more."""
    block_at = 0
    if record[RECORD_SCHEDULE] != 0 and frame[FRAME_CONTEXT] != 0:
        block_at = fast_call(record[RECORD_ALLOCATE], 8 * HELP_WORDS)
    if block_at == 0:
        xla_work(job, 0, record[RECORD_YIELD])
        return
    block = words_at(block_at)
    wanted = job[GRAPH_WORKERS] - 1
    block[HELP_COME], block[HELP_GONE], block[HELP_HOLD] = 0, 0, wanted + 1
    block[HELP_JOB], block[HELP_FREE] = address(job), record[RECORD_FREE]
    block[HELP_YIELD] = record[RECORD_YIELD]
    calls = words_at(scratch + record[RECORD_CALLS_AT])
    for _ in range(wanted):
        if not xla_ask(record, frame, block, calls):
            atomic_add(pointer(block, HELP_HOLD, -1), -1)
    xla_work(job, 0, record[RECORD_YIELD])
    come = atomic_add(pointer(block, HELP_COME, -1), HELP_CLOSED)
    while atomic_load(pointer(block, HELP_GONE, -1)) < come:
        xla_wait(record[RECORD_YIELD])
    xla_let_go(block)
