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

from celldsl.jit.functions import stage
from celldsl.jit.lowering.pointers import pointer
from celldsl.runtime.threads.atomics import atomic_exchange, atomic_load, atomic_store, spin_pause
from celldsl.runtime.threads.scheduler import schedule_goes_on, schedule_job, schedule_together
from celldsl.runtime.threads.task_abi import (
    GRAPH_ENDLESS,
    MAILBOX_AWAY,
    MAILBOX_FREE,
    MAILBOX_LINE,
    MAILBOX_NUMBER,
    MAILBOX_TAKEN,
)

MAILBOX_PATIENCE = 50_000  # looks, of about 20 nanoseconds
GRAPH_LEAVING = 200


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


MAILBOX_ENTRIES = {
    "celldsl_stand_by": (schedule_stand_by, "s"),
    "celldsl_offer": (schedule_offer, "siii"),
    "celldsl_withdraw": (schedule_withdraw, "sii"),
}
