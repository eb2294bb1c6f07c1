"""Tasks in compiled code.  In: a job and posts, as `job` describes them.  Out: the job, done.

    alone(job)                          one worker does everything
    together(job, worker)               several do; each calls it with a number of its own
    stand_by(post)                      1 while the worker has a job and may nap, 0 when nobody has
                                        had one for it for a while
    offer(posts, count, job, wanted)    gives a job to that many of the workers; to how many
    withdraw(posts, count, job)         takes it back; how many are still at it

A worker takes the first task that is ready, those of its own part first, and looks again and again
where none is: to be woken would take longer than most tasks.  It gives up after a while, where
another worker lost its core to somebody else, and may be called again then.
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
from celldsl.jit.lowering.pointers import LaneType, lane
from celldsl.runtime.threads.task_abi import (
    POST_AWAY,
    POST_FREE,
    POST_LINE,
    POST_NUMBER,
    POST_TAKEN,
    RELAY_AFTER,
    RELAY_BLOCK,
    RELAY_BLOCKS,
    RELAY_CODE,
    RELAY_DONE,
    RELAY_ENOUGH,
    RELAY_FIRST,
    RELAY_FIRST_LOT,
    RELAY_FREE,
    RELAY_LOT,
    RELAY_LOTS,
    RELAY_NEEDS,
    RELAY_NOBODY,
    RELAY_PART,
    RELAY_READY,
    RELAY_ROWS,
    RELAY_SHARE,
    RELAY_SHARED,
    RELAY_SHARES,
    RELAY_STATE,
    RELAY_TAKEN,
    RELAY_TASK,
    RELAY_TASKS,
    RELAY_WORKERS,
)

RELAY_PATIENCE = 2_000  # looks, of about 100 nanoseconds
POST_PATIENCE = 50_000  # looks, of about 20 nanoseconds
RELAY_LEAVING = 200
_RELAY_HINTS = {"x86": "llvm.x86.sse2.pause", "i686": "llvm.x86.sse2.pause"}


@intrinsic
def relay_swap(_, word, old, new):
    """Puts a number in the place of another.  Whether it was there: one of several is told so."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        found = builder.cmpxchg(args[0], args[1], args[2], "acq_rel", "acquire")
        return builder.extract_value(found, 1)

    return types.boolean(word, types.intp, types.intp), generate


@intrinsic
def relay_put(_, word, number):
    """Writes a number, and shows others all that was written before."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        builder.store_atomic(args[1], args[0], "release", 8)
        return context.get_dummy_value()

    return types.void(word, types.intp), generate


@intrinsic
def relay_job(_, address):
    """The job at an address."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], ir.IntType(64).as_pointer())

    return LaneType(types.intp, -1)(types.intp), generate


@intrinsic
def relay_arrive(_, counter):
    """Adds one, and shows others all that was written before."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        builder.atomic_rmw("add", args[0], ir.IntType(64)(1), "acq_rel")
        return context.get_dummy_value()

    return types.void(counter), generate


@intrinsic
def relay_look(_, counter):
    """The number, and everything that others wrote before they added to it."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.load_atomic(args[0], "acquire", 8)

    return types.intp(counter), generate


@intrinsic
def relay_breathe(_):
    """Tells the processor that this is a loop that waits, where it has an instruction for that."""

    def generate(context: Any, builder: Any, _: Any, __: Any) -> Any:
        triple = llvmlite.binding.get_process_triple()
        hint = next((name for cpu, name in _RELAY_HINTS.items() if triple.startswith(cpu)), None)
        if hint is not None:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, hint), [])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def relay_call(_, code, own, shared):
    """Calls the phase whose code is at an address."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        words = ir.IntType(64).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [words, words])
        run = builder.inttoptr(args[0], kind.as_pointer())
        builder.call(run, [args[1], builder.inttoptr(args[2], words)])
        return context.get_dummy_value()

    return types.void(types.intp, own, types.intp), generate


@stage
def relay_alone(job):
    own = lane(job, job[RELAY_BLOCKS], -1)
    first = job[RELAY_FIRST] + RELAY_CODE
    for task in range(job[RELAY_TASKS]):
        relay_call(job[first + RELAY_TASK * task], own, job[RELAY_SHARED])


@stage
def relay_is_done(job, task):
    at = job[RELAY_FIRST] + RELAY_TASK * task
    return relay_look(lane(job, at + RELAY_STATE, -1)) == RELAY_READY


@stage
def relay_may_begin(job, at):
    """Whether everything is done that the task at this word waits for."""
    if job[at + RELAY_AFTER] != RELAY_NOBODY and not relay_is_done(job, job[at + RELAY_AFTER]):
        return False
    needed = job[at + RELAY_ENOUGH]
    while needed > job[at + RELAY_NEEDS]:
        needed -= 1  # the last is done last, as a rule
        if not relay_is_done(job, needed):
            return False
    return True


@stage
def relay_take(job, at):
    """Whether that task may begin and is nobody else's."""
    state = lane(job, at + RELAY_STATE, -1)
    if relay_look(state) != RELAY_FREE:
        return False
    if not relay_may_begin(job, at):
        return False
    return relay_swap(state, RELAY_FREE, RELAY_TAKEN)


@stage
def relay_find(job, worker):
    """The word of a task that is this worker's from now on, or 0."""
    for lot in range(job[RELAY_LOTS]):
        place = job[RELAY_FIRST_LOT] + RELAY_LOT * lot
        start, count = job[place], job[place + 1]
        for i in range(count):
            task = start + (i + worker * count // job[RELAY_WORKERS]) % count
            at = job[RELAY_FIRST] + RELAY_TASK * task
            if relay_take(job, at):
                return at
    return 0


@stage
def relay_seek(job, worker):
    """The same, with patience; 0 also where everything is done."""
    for _ in range(RELAY_PATIENCE):
        at = relay_find(job, worker)
        if at != 0:
            return at
        if relay_look(lane(job, RELAY_DONE, -1)) == job[RELAY_TASKS]:
            return 0
        relay_breathe()
    return 0


@stage
def relay_do(job, worker, at):
    own = job[RELAY_BLOCKS] + RELAY_BLOCK * worker
    part = job[at + RELAY_PART]
    if part == RELAY_NOBODY:
        part = worker
    job[own] = part
    job[own + 2] = job[at + RELAY_SHARE]
    job[own + 3] = job[at + RELAY_SHARES]
    job[own + 4] = job[job[RELAY_ROWS] + part]
    relay_call(job[at + RELAY_CODE], lane(job, own, -1), job[RELAY_SHARED])
    relay_put(lane(job, at + RELAY_STATE, -1), RELAY_READY)
    relay_arrive(lane(job, RELAY_DONE, -1))


@stage
def relay_together(job, worker):
    for _ in range(job[RELAY_TASKS]):
        at = relay_seek(job, worker)
        if at == 0:
            return
        relay_do(job, worker, at)
    relay_seek(job, worker)


@stage
def relay_stand_by(post):
    if relay_look(post) == POST_AWAY:
        relay_put(post, POST_FREE)
    looks = 0
    while looks < POST_PATIENCE:
        word = relay_look(post)
        if word > POST_TAKEN:
            relay_swap(post, word, -word)
        if relay_look(post) < POST_AWAY:
            job = relay_job(-relay_look(post))
            relay_together(job, post[POST_NUMBER])
            if relay_look(lane(job, RELAY_DONE, -1)) < job[RELAY_TASKS]:
                return 1
            relay_put(post, POST_FREE)
            looks = 0
        looks += 1
        relay_breathe()
    if relay_swap(post, POST_FREE, POST_AWAY):
        return 0
    return 1


@stage
def relay_offer(posts, count, job, wanted):
    given = 0
    for i in range(count):
        if given == wanted:
            return given
        post = lane(posts, POST_LINE * i, -1)
        if relay_swap(post, POST_FREE, POST_TAKEN):
            given += 1
            post[POST_NUMBER] = given
            relay_put(post, job)
    return given


@stage
def relay_withdraw(posts, count, job):
    busy = 0
    for i in range(count):
        post = lane(posts, POST_LINE * i, -1)
        relay_swap(post, job, POST_FREE)
        looks = 0
        while looks < RELAY_LEAVING:
            looks += 1
            if relay_look(post) != -job:
                looks = RELAY_LEAVING
            relay_breathe()
        if relay_look(post) == -job:
            busy += 1
    return busy


RELAY_ENTRIES = {
    "celldsl_alone": (relay_alone, "s"),
    "celldsl_together": (relay_together, "si"),
    "celldsl_stand_by": (relay_stand_by, "s"),
    "celldsl_offer": (relay_offer, "siii"),
    "celldsl_withdraw": (relay_withdraw, "sii"),
}
