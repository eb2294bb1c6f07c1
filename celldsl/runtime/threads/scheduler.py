"""Tasks in compiled code.  In: a job and mailboxes, as `task_abi` says.  Out: the job, done.

    alone(job)                              one worker does everything
    addresses(job)                          reads where the numbers of its arrays are
    alone_over(job)                         both
    some(job, budget)                       that many slices of it; 1 while there is more to do
    together(job, worker, budget)           several do; each calls it with a number of its own.
                                            1 where it did as many slices, 0 where nothing is ready
    stand_by(mailbox)                       1 while the worker has a job and may nap, 0 when nobody
                                            had one for it for a while
    offer(mailboxes, count, job, wanted)    gives a job to that many of the workers; to how many
    withdraw(mailboxes, count, job)         takes it back; how many are still at it

A worker takes the first task that is ready, those of its own part first, and looks again and again
where none is: to be woken would take longer than most tasks.  It gives up after a while, where
another worker lost its core to somebody else, and may be called again then.  Where GRAPH_STOP says
so nobody begins another slice.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from celldsl.jit.functions import stage
from celldsl.jit.lowering.llvm_types import Context, Signature, Value, Values
from celldsl.jit.lowering.pointers import Pointer, pointer
from celldsl.runtime.cpython.fast_steps import fast_addresses, fast_members
from celldsl.runtime.threads.denormals import flush_denormals, restore_mode
from celldsl.runtime.threads.task_abi import (
    GRAPH_AFTER,
    GRAPH_BLOCK,
    GRAPH_BLOCK_SLICE,
    GRAPH_BLOCK_TASK,
    GRAPH_BLOCKS,
    GRAPH_DONE,
    GRAPH_ENDLESS,
    GRAPH_ENOUGH,
    GRAPH_ENTRY,
    GRAPH_FIRST,
    GRAPH_FIRST_GROUP,
    GRAPH_FLUSH,
    GRAPH_FREE,
    GRAPH_GROUP,
    GRAPH_GROUPS,
    GRAPH_NEEDS,
    GRAPH_NOBODY,
    GRAPH_OBJECT,
    GRAPH_OBJECTS,
    GRAPH_PART,
    GRAPH_READY,
    GRAPH_ROWS,
    GRAPH_SHARE,
    GRAPH_SHARED,
    GRAPH_SHARES,
    GRAPH_STATE,
    GRAPH_STOP,
    GRAPH_TAKEN,
    GRAPH_TASK,
    GRAPH_TASKS,
    GRAPH_TUPLE,
    GRAPH_WORKERS,
    MAILBOX_AWAY,
    MAILBOX_FREE,
    MAILBOX_LINE,
    MAILBOX_NUMBER,
    MAILBOX_TAKEN,
)

GRAPH_PATIENCE = 2_000  # looks, of about 100 nanoseconds
MAILBOX_PATIENCE = 50_000  # looks, of about 20 nanoseconds
GRAPH_LEAVING = 200
_GRAPH_HINTS = {"x86": "llvm.x86.sse2.pause", "i686": "llvm.x86.sse2.pause"}


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
def schedule_job(_, address):
    """The words at an address."""

    def generate(_: Context, builder: ir.IRBuilder, __: Signature, args: Values) -> Value:
        return builder.inttoptr(args[0], ir.IntType(64).as_pointer())

    return Pointer(types.intp, -1)(types.intp), generate


@intrinsic
def schedule_arrive(_, counter):
    """Adds one, and shows others all that was written before."""

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        builder.atomic_rmw("add", args[0], ir.IntType(64)(1), "acq_rel")
        return context.get_dummy_value()

    return types.void(counter), generate


@intrinsic
def atomic_load(_, counter):
    """The number, and everything that others wrote before they added to it."""

    def generate(_: Context, builder: ir.IRBuilder, __: Signature, args: Values) -> Value:
        return builder.load_atomic(args[0], "acquire", 8)

    return types.intp(counter), generate


@intrinsic
def spin_pause(_):
    """Tells the processor that this is a loop that waits, where it has an instruction for that."""

    def generate(context: Any, builder: ir.IRBuilder, _: Any, __: Any) -> Any:
        triple = llvmlite.binding.get_process_triple()
        hint = next((name for cpu, name in _GRAPH_HINTS.items() if triple.startswith(cpu)), None)
        if hint is not None:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, hint), [])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def schedule_call(_, code, own, shared):
    """Calls the phase whose code is at an address; what it returns, 0 where all is well."""

    def generate(_: Context, builder: ir.IRBuilder, __: Signature, args: Values) -> Value:
        word = ir.IntType(64)
        kind = ir.FunctionType(word, [word.as_pointer()] * 2)
        run = builder.inttoptr(args[0], kind.as_pointer())
        return builder.call(run, [args[1], builder.inttoptr(args[2], word.as_pointer())])

    return types.intp(types.intp, own, types.intp), generate


@stage
def schedule_alone(job):
    """Every task in one slice, with denormal numbers taken for zero where that is wanted."""
    mode = flush_denormals(job[GRAPH_FLUSH])
    schedule_all(job)
    restore_mode(mode)


@stage
def schedule_all(job):
    """No other task is done after one that failed."""
    own = pointer(job, job[GRAPH_BLOCKS], -1)
    first = job[GRAPH_FIRST] + GRAPH_ENTRY
    for task in range(job[GRAPH_TASKS]):
        failed = schedule_call(job[job[first + GRAPH_TASK * task]], own, job[GRAPH_SHARED])
        if failed != 0:
            job[GRAPH_STOP] = failed
            return


@stage
def schedule_addresses(job):
    """Puts addresses of numbers in the place of those of objects."""
    shared = schedule_job(job[GRAPH_SHARED])
    if job[GRAPH_TUPLE] != 0:
        fast_members(job[GRAPH_TUPLE], shared)
    fast_addresses(shared, job[GRAPH_OBJECT], job[GRAPH_OBJECTS])


@stage
def schedule_alone_over(job):
    """Where some words of arrays are addresses of objects as yet."""
    schedule_addresses(job)
    schedule_alone(job)


@stage
def schedule_stopped(job):
    return atomic_load(pointer(job, GRAPH_STOP, -1)) != 0


@stage
def schedule_begin(job, worker, at):
    """Makes a task the worker's."""
    own = job[GRAPH_BLOCKS] + GRAPH_BLOCK * worker
    part = job[at + GRAPH_PART]
    if part == GRAPH_NOBODY:
        part = worker
    job[own] = part
    job[own + 4] = job[job[GRAPH_ROWS] + part]
    job[own + GRAPH_BLOCK_TASK] = at
    job[own + GRAPH_BLOCK_SLICE] = 0


@stage
def schedule_slices(job, own, budget):
    """The same for some slices of the worker's task.  What is left of the budget."""
    mode = flush_denormals(job[GRAPH_FLUSH])
    left = schedule_each_slice(job, own, budget)
    restore_mode(mode)
    return left


@stage
def schedule_each_slice(job, own, budget):
    """Goes on with the worker's task.  What is left of the budget; 0 also where it is stopped."""
    at = job[own + GRAPH_BLOCK_TASK]
    entry = job[at + GRAPH_ENTRY]
    slices = job[entry + 1]
    job[own + 3] = job[at + GRAPH_SHARES] * slices
    left = budget
    while left > 0 and job[own + GRAPH_BLOCK_SLICE] < slices:
        if schedule_stopped(job):
            return 0
        job[own + 2] = job[at + GRAPH_SHARE] * slices + job[own + GRAPH_BLOCK_SLICE]
        failed = schedule_call(job[entry], pointer(job, own, -1), job[GRAPH_SHARED])
        if failed != 0:
            atomic_exchange(pointer(job, GRAPH_STOP, -1), 0, failed)
            return 0
        job[own + GRAPH_BLOCK_SLICE] += 1
        left -= 1
    return left


@stage
def schedule_is_whole(job, own):
    """Whether the worker's task is done."""
    at = job[own + GRAPH_BLOCK_TASK]
    return job[own + GRAPH_BLOCK_SLICE] == job[job[at + GRAPH_ENTRY] + 1]


@stage
def schedule_some(job, budget):
    own = job[GRAPH_BLOCKS]
    left = budget
    while job[GRAPH_DONE] < job[GRAPH_TASKS]:
        if job[own + GRAPH_BLOCK_TASK] == 0:
            schedule_begin(job, 0, job[GRAPH_FIRST] + GRAPH_TASK * job[GRAPH_DONE])
        left = schedule_slices(job, own, left)
        if not schedule_is_whole(job, own):
            return 0 if schedule_stopped(job) else 1
        job[own + GRAPH_BLOCK_TASK] = 0
        job[GRAPH_DONE] += 1
    return 0


@stage
def schedule_is_done(job, task):
    at = job[GRAPH_FIRST] + GRAPH_TASK * task
    return atomic_load(pointer(job, at + GRAPH_STATE, -1)) == GRAPH_READY


@stage
def schedule_may_begin(job, at):
    """Whether everything is done that the task at this word waits for."""
    if job[at + GRAPH_AFTER] != GRAPH_NOBODY and not schedule_is_done(job, job[at + GRAPH_AFTER]):
        return False
    needed = job[at + GRAPH_ENOUGH]
    while needed > job[at + GRAPH_NEEDS]:
        needed -= 1  # the last is done last, as a rule
        if not schedule_is_done(job, needed):
            return False
    return True


@stage
def schedule_take(job, at):
    """Whether that task may begin and is nobody else's."""
    state = pointer(job, at + GRAPH_STATE, -1)
    if atomic_load(state) != GRAPH_FREE:
        return False
    if not schedule_may_begin(job, at):
        return False
    return atomic_exchange(state, GRAPH_FREE, GRAPH_TAKEN)


@stage
def schedule_find(job, worker):
    """The word of a task that is this worker's from now on, or 0."""
    for group in range(job[GRAPH_GROUPS]):
        place = job[GRAPH_FIRST_GROUP] + GRAPH_GROUP * group
        start, count = job[place], job[place + 1]
        for i in range(count):
            task = start + (i + worker * count // job[GRAPH_WORKERS]) % count
            at = job[GRAPH_FIRST] + GRAPH_TASK * task
            if schedule_take(job, at):
                return at
    return 0


@stage
def schedule_seek(job, worker):
    """The same, with patience; 0 also where everything is done, or stopped."""
    for _ in range(GRAPH_PATIENCE):
        at = schedule_find(job, worker)
        if at != 0:
            return at
        if atomic_load(pointer(job, GRAPH_DONE, -1)) == job[GRAPH_TASKS] or schedule_stopped(job):
            return 0
        spin_pause()
    return 0


@stage
def schedule_together(job, worker, budget):
    own = job[GRAPH_BLOCKS] + GRAPH_BLOCK * worker
    left = budget
    while left > 0:
        if job[own + GRAPH_BLOCK_TASK] == 0:
            at = schedule_seek(job, worker)
            if at == 0:
                return 0
            schedule_begin(job, worker, at)
        left = schedule_slices(job, own, left)
        if not schedule_is_whole(job, own):
            return 0 if schedule_stopped(job) else 1
        atomic_store(pointer(job, job[own + GRAPH_BLOCK_TASK] + GRAPH_STATE, -1), GRAPH_READY)
        job[own + GRAPH_BLOCK_TASK] = 0
        schedule_arrive(pointer(job, GRAPH_DONE, -1))
    return 1


@stage
def schedule_goes_on(job):
    """Whether there may be more to do."""
    done = atomic_load(pointer(job, GRAPH_DONE, -1)) == job[GRAPH_TASKS]
    return not done and not schedule_stopped(job)


@stage
def schedule_stand_by(mailbox):
    if atomic_load(mailbox) == MAILBOX_AWAY:
        atomic_store(mailbox, MAILBOX_FREE)
    looks = 0
    while looks < MAILBOX_PATIENCE:
        word = atomic_load(mailbox)
        if word > MAILBOX_TAKEN:
            atomic_exchange(mailbox, word, -word)
        if atomic_load(mailbox) < MAILBOX_AWAY:
            job = schedule_job(-atomic_load(mailbox))
            schedule_together(job, mailbox[MAILBOX_NUMBER], GRAPH_ENDLESS)
            if schedule_goes_on(job):
                return 1
            atomic_store(mailbox, MAILBOX_FREE)
            looks = 0
        looks += 1
        spin_pause()
    if atomic_exchange(mailbox, MAILBOX_FREE, MAILBOX_AWAY):
        return 0
    return 1


@stage
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


@stage
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


GRAPH_ENTRIES = {
    "celldsl_alone": (schedule_alone, "s"),
    "celldsl_alone_over": (schedule_alone_over, "s"),
    "celldsl_some": (schedule_some, "si"),
    "celldsl_together": (schedule_together, "sii"),
    "celldsl_stand_by": (schedule_stand_by, "s"),
    "celldsl_offer": (schedule_offer, "siii"),
    "celldsl_withdraw": (schedule_withdraw, "sii"),
    "celldsl_addresses": (schedule_addresses, "s"),
}
