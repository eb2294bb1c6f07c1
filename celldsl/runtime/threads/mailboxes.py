"""Mailboxes, by which callers find workers.  In: addresses of mailboxes and jobs.  Out: numbers.

    stand_by(mailbox)                       1 while the worker has a job and may nap, 0 when nobody
                                            had one for it for a while
    offer(mailboxes, count, job, wanted)    gives a job to that many of the workers; to how many
    withdraw(mailboxes, count, job)         takes it back; how many are still at it

A mailbox holds a job, or a word of `task_abi` that says what its worker does.  To be woken takes
longer than most tasks, so that a worker looks into it again and again for a while.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from llvmlite import ir

from celldsl.jit.functions import routine
from celldsl.jit.lowering import types
from celldsl.jit.lowering.pointers import pointer, words_at
from celldsl.jit.lowering.types import Context, Signature, Value, Values, intrinsic
from celldsl.runtime.threads.instructions import (
    atomic_exchange,
    atomic_load,
    atomic_store,
    spin_pause,
)
from celldsl.runtime.threads.scheduler import (
    GRAPH_POLITE,
    schedule_goes_on,
    schedule_together,
    schedule_yield,
)
from celldsl.runtime.threads.task_abi import (
    GRAPH_BLOCK,
    GRAPH_BLOCK_THREAD,
    GRAPH_BLOCKS,
    GRAPH_ENDLESS,
    MAILBOX_AWAY,
    MAILBOX_CLOCK,
    MAILBOX_FREE,
    MAILBOX_LINE,
    MAILBOX_NUMBER,
    MAILBOX_TAKEN,
    MAILBOX_THREAD,
    MAILBOX_TIME,
    MAILBOX_YIELD,
)

MAILBOX_PATIENCE = 10_000  # looks, of about 50 nanoseconds
MAILBOX_LINGER = 500_000  # nanoseconds
MAILBOX_GONE = 50_000  # nanoseconds between two looks, where somebody else had the core
MAILBOX_SECOND = 1_000_000_000
GRAPH_LEAVING = 200


@routine
def schedule_sign(job, worker, thread):
    """Says which thread a worker is."""
    own = job[GRAPH_BLOCKS] + GRAPH_BLOCK * worker
    atomic_store(pointer(job, own + GRAPH_BLOCK_THREAD, -1), thread)


@intrinsic
def schedule_read_clock(_, code, which, place):
    """Calls `clock_gettime`."""

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        number = ir.IntType(32)
        kind = ir.FunctionType(number, [number, args[2].type])
        read = builder.inttoptr(args[0], kind.as_pointer())
        builder.call(read, [builder.trunc(args[1], number), args[2]])
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, place), generate


@routine
def schedule_now(mailbox):
    """Nanoseconds since some time, or 0 where there is no such clock."""
    if mailbox[MAILBOX_CLOCK] == 0:
        return 0
    time = pointer(mailbox, MAILBOX_TIME, -1)
    schedule_read_clock(mailbox[MAILBOX_CLOCK], 1, time)
    return time[0] * MAILBOX_SECOND + time[1]


@routine
def schedule_is_welcome(mailbox, since, before):
    """Whether the worker may go on looking: not for long, and not where others want the core."""
    schedule_yield(mailbox[MAILBOX_YIELD])
    now = schedule_now(mailbox)
    return now - since < MAILBOX_LINGER and now - before < MAILBOX_GONE


@routine
def schedule_stand_by(mailbox):
    if atomic_load(mailbox) == MAILBOX_AWAY:
        atomic_store(mailbox, MAILBOX_FREE)
    looks = 0
    since = schedule_now(mailbox)
    before = since
    while looks < MAILBOX_PATIENCE:
        word = atomic_load(mailbox)
        if word > MAILBOX_TAKEN:
            atomic_exchange(mailbox, word, -word)
        if atomic_load(mailbox) < MAILBOX_AWAY:
            job = words_at(-atomic_load(mailbox))
            schedule_sign(job, mailbox[MAILBOX_NUMBER], mailbox[MAILBOX_THREAD])
            schedule_together(job, mailbox[MAILBOX_NUMBER], GRAPH_ENDLESS)
            if schedule_goes_on(job):
                return 1
            atomic_store(mailbox, MAILBOX_FREE)
            looks = 0
            since = schedule_now(mailbox)
            before = since
        looks += 1
        spin_pause()
        if looks % GRAPH_POLITE == 0:
            if not schedule_is_welcome(mailbox, since, before):
                looks = MAILBOX_PATIENCE
            before = schedule_now(mailbox)
    if atomic_exchange(mailbox, MAILBOX_FREE, MAILBOX_AWAY):
        return 0
    return 1


@routine
def schedule_offer(mailboxes, count, job, wanted):
    given = 0
    for i in range(count):
        if given == wanted:
            return given
        mailbox = pointer(mailboxes, MAILBOX_LINE * i, -1)
        if atomic_exchange(mailbox, MAILBOX_FREE, MAILBOX_TAKEN):
            given += 1
            mailbox[MAILBOX_NUMBER] = given
            atomic_store(mailbox, job)
    return given


@routine
def schedule_withdraw(mailboxes, count, job):
    busy = 0
    for i in range(count):
        mailbox = pointer(mailboxes, MAILBOX_LINE * i, -1)
        atomic_exchange(mailbox, job, MAILBOX_FREE)
        looks = 0
        while looks < GRAPH_LEAVING:
            looks += 1
            if atomic_load(mailbox) != -job:
                looks = GRAPH_LEAVING
            spin_pause()
        if atomic_load(mailbox) == -job:
            busy += 1
    return busy


MAILBOX_ENTRIES = {
    "celldsl_stand_by": (schedule_stand_by, "s"),
    "celldsl_offer": (schedule_offer, "siii"),
    "celldsl_withdraw": (schedule_withdraw, "sii"),
}
