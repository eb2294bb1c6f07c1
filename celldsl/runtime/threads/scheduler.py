"""Tasks in compiled code.  In: a job, as `task_abi` says.  Out: the job, done.

    alone(job)                              one worker does everything
    addresses(job)                          reads where the numbers of its arrays are
    alone_over(job)                         both
    some(job, budget)                       that many slices of it; 1 while there is more to do
    together(job, worker, budget)           several do; each calls it with a number of its own.
                                            1 where it did as many slices, 0 where nothing is ready

A worker takes the first task that is ready, those of its own part first, and looks again and again
where none is: to be woken would take longer than most tasks.  It gives up after a while, where
another worker lost its core to somebody else, and may be called again then.  Where GRAPH_STOP says
so nobody begins another slice.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from llvmlite import ir

from celldsl.jit.functions import routine
from celldsl.jit.lowering import types
from celldsl.jit.lowering.pointers import pointer, words_at
from celldsl.jit.lowering.types import Context, Signature, Value, Values, intrinsic
from celldsl.runtime.cpython.fast_steps import fast_addresses, fast_members
from celldsl.runtime.threads.instructions import (
    atomic_add,
    atomic_exchange,
    atomic_load,
    atomic_store,
    copy_rows,
    flush_denormals,
    restore_mode,
    spin_pause,
)
from celldsl.runtime.threads.task_abi import (
    GRAPH_AFTER,
    GRAPH_BLOCK,
    GRAPH_BLOCK_HELD,
    GRAPH_BLOCK_SLICE,
    GRAPH_BLOCK_TASK,
    GRAPH_BLOCKS,
    GRAPH_COPIES,
    GRAPH_COPYING,
    GRAPH_DONE,
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
    GRAPH_YIELD,
)

GRAPH_PATIENCE = 2_000  # looks, of about 100 nanoseconds
GRAPH_PATIENCE_OF_CALLER = 100  # who then looks what the others do
GRAPH_POLITE = 16  # a worker gives way to others after so many


@intrinsic
def schedule_call(_, code, own, shared):
    """Calls the phase whose code is at an address; what it returns, 0 where all is well."""

    def generate(_: Context, builder: ir.IRBuilder, __: Signature, args: Values) -> Value:
        word = ir.IntType(64)
        kind = ir.FunctionType(word, [word.as_pointer()] * 2)
        run = builder.inttoptr(args[0], kind.as_pointer())
        return builder.call(run, [args[1], builder.inttoptr(args[2], word.as_pointer())])

    return types.intp(types.intp, own, types.intp), generate


@intrinsic
def schedule_yield(_, code):
    """Lets others have the core, where there is code for that."""

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        known = builder.icmp_unsigned("!=", args[0], ir.IntType(64)(0))
        with builder.if_then(known):
            kind = ir.FunctionType(ir.IntType(32), [])
            builder.call(builder.inttoptr(args[0], kind.as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.intp), generate


@routine
def schedule_alone(job):
    """Every task in one slice, with denormal numbers taken for zero where that is wanted."""
    mode = flush_denormals(job[GRAPH_FLUSH])
    schedule_all(job)
    restore_mode(mode)


@routine
def schedule_all(job):
    """No other task is done after one that failed."""
    own = pointer(job, job[GRAPH_BLOCKS], -1)
    first = job[GRAPH_FIRST] + GRAPH_ENTRY
    for task in range(job[GRAPH_TASKS]):
        failed = schedule_call(job[job[first + GRAPH_TASK * task]], own, job[GRAPH_SHARED])
        if failed != 0:
            job[GRAPH_STOP] = failed
            return


@routine
def schedule_addresses(job):
    """Puts addresses of numbers in the place of those of objects."""
    shared = words_at(job[GRAPH_SHARED])
    if job[GRAPH_TUPLE] != 0:
        fast_members(job[GRAPH_TUPLE], shared)
    fast_addresses(shared, job[GRAPH_OBJECT], job[GRAPH_OBJECTS])


@routine
def schedule_alone_over(job):
    """Where some words of arrays are addresses of objects as yet."""
    schedule_addresses(job)
    schedule_alone(job)


@routine
def schedule_stopped(job):
    return atomic_load(pointer(job, GRAPH_STOP, -1)) != 0


@routine
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


@routine
def schedule_slices(job, own, budget):
    """The same for some slices of the worker's task.  What is left of the budget."""
    mode = flush_denormals(job[GRAPH_FLUSH])
    left = schedule_each_slice(job, own, budget)
    restore_mode(mode)
    return left


@routine
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
        if entry == job[GRAPH_COPYING]:
            copy_rows(job[GRAPH_COPIES], job[own + 2], job[own + 3])
        failed = schedule_call(job[entry], pointer(job, own, -1), job[GRAPH_SHARED])
        if failed != 0:
            atomic_exchange(pointer(job, GRAPH_STOP, -1), 0, failed)
            return 0
        job[own + GRAPH_BLOCK_SLICE] += 1
        left -= 1
    return left


@routine
def schedule_is_whole(job, own):
    """Whether the worker's task is done."""
    at = job[own + GRAPH_BLOCK_TASK]
    return job[own + GRAPH_BLOCK_SLICE] == job[job[at + GRAPH_ENTRY] + 1]


@routine
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


@routine
def schedule_is_done(job, task):
    at = job[GRAPH_FIRST] + GRAPH_TASK * task
    return atomic_load(pointer(job, at + GRAPH_STATE, -1)) == GRAPH_READY


@routine
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


@routine
def schedule_take(job, at):
    """Whether that task may begin and is nobody else's."""
    state = pointer(job, at + GRAPH_STATE, -1)
    if atomic_load(state) != GRAPH_FREE:
        return False
    if not schedule_may_begin(job, at):
        return False
    return atomic_exchange(state, GRAPH_FREE, GRAPH_TAKEN)


@routine
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


@routine
def schedule_goes_on(job):
    """Whether there may be more to do."""
    done = atomic_load(pointer(job, GRAPH_DONE, -1)) == job[GRAPH_TASKS]
    return not done and not schedule_stopped(job)


@routine
def schedule_seek(job, worker):
    """The same, with patience; 0 also where everything is done, or stopped."""
    held = pointer(job, job[GRAPH_BLOCKS] + GRAPH_BLOCK * worker + GRAPH_BLOCK_HELD, -1)
    patience = GRAPH_PATIENCE if worker > 0 else GRAPH_PATIENCE_OF_CALLER
    for look in range(patience):
        if atomic_load(held) != 0:
            return 0
        at = schedule_find(job, worker)
        if at != 0:
            return at
        if not schedule_goes_on(job):
            return 0
        spin_pause()
        if worker > 0 and look % GRAPH_POLITE == GRAPH_POLITE - 1:
            schedule_yield(job[GRAPH_YIELD])
    return 0


@routine
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
        atomic_add(pointer(job, GRAPH_DONE, -1), 1)
    return 1


GRAPH_ENTRIES = {
    "celldsl_alone": (schedule_alone, "s"),
    "celldsl_alone_over": (schedule_alone_over, "s"),
    "celldsl_some": (schedule_some, "si"),
    "celldsl_together": (schedule_together, "sii"),
    "celldsl_addresses": (schedule_addresses, "s"),
}
