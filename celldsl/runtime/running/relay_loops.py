"""Phases in order, in compiled code.  In: a job, as `relay` lays it out.  Out: its phases, run.

    relay_alone(job)                one worker does everything
    relay_together(job, worker)     several do; each calls it with a number of its own

A worker claims tasks, those first that it had in the phase before.  It goes on to a phase when all
tasks that the phase waits for are done, and looks at their number again and again meanwhile: to be
woken would take longer than most phases.  It gives up after a while, where another worker lost its
core to somebody else, and may be called again then.
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

from celldsl.runtime.kernel import stage
from celldsl.runtime.running.relay import (
    RELAY_DONE,
    RELAY_FLAGS,
    RELAY_HEADER,
    RELAY_OWN,
    RELAY_PHASE,
    RELAY_PHASES,
    RELAY_SHARED,
    RELAY_TASK_BLOCKS,
    RELAY_TOTAL,
    RELAY_WORKER_BLOCKS,
    RELAY_WORKERS,
)
from celldsl.runtime.stages.lanes import lane

RELAY_PATIENCE = 10_000  # looks, of about 20 nanoseconds
_RELAY_HINTS = {"x86": "llvm.x86.sse2.pause", "i686": "llvm.x86.sse2.pause"}


@intrinsic
def relay_claim(_, flag):
    """Sets a flag; what it was before.  Nobody else gets the same answer."""

    def generate(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.atomic_rmw("xchg", args[0], ir.IntType(64)(1), "acq_rel")

    return types.intp(flag), generate


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
    own = lane(job, job[RELAY_TASK_BLOCKS], -1)
    for phase in range(job[RELAY_PHASES]):
        relay_call(job[RELAY_HEADER + RELAY_PHASE * phase], own, job[RELAY_SHARED])


@stage
def relay_wait(job, number):
    """Whether that many tasks are done, now or soon."""
    for _ in range(RELAY_PATIENCE):
        if relay_look(lane(job, RELAY_DONE, -1)) >= number:
            return True
        relay_breathe()
    return False


@stage
def relay_together(job, worker):
    flags = job[RELAY_FLAGS]
    for phase in range(job[RELAY_PHASES]):
        at = RELAY_HEADER + RELAY_PHASE * phase
        tasks, chosen, number = job[at + 1], job[at + 2], job[at + 3]
        if not relay_wait(job, number):
            return
        for i in range(tasks):
            task = (i + worker * tasks // job[RELAY_WORKERS]) % tasks
            if relay_claim(lane(job, flags + task, -1)) == 0:
                own = job[RELAY_WORKER_BLOCKS] + RELAY_OWN * worker
                if chosen:
                    own = job[RELAY_TASK_BLOCKS] + RELAY_OWN * task
                job[own + 2] = task
                job[own + 3] = tasks
                relay_call(job[at], lane(job, own, -1), job[RELAY_SHARED])
                relay_arrive(lane(job, RELAY_DONE, -1))
        flags += tasks
    relay_wait(job, job[RELAY_TOTAL])


RELAY_ENTRIES = {
    "celldsl_relay_alone": (relay_alone, "s"),
    "celldsl_relay_together": (relay_together, "si"),
}
