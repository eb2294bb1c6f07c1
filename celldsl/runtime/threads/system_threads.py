"""What the system knows of threads.  In: their numbers.  Out: cores, times; threads moved.

    current_core()              # 1; NOWHERE where the system does not say
    place(thread, {0, 2})       # from now on it runs on these
    cpu_time(thread)            # seconds, which stand still while somebody else has its core

Linux alone has all of this.  Elsewhere, and with CELLDSL_PLACEMENT=0, threads are left to the
system.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Collection
from functools import cache
from typing import Any

VARIABLE = "CELLDSL_PLACEMENT"
NOWHERE = -1
FUNCTIONS = "sched_getcpu", "sched_yield", "clock_gettime", "syscall"
SET_ATTRIBUTES = {"x86_64": 314, "aarch64": 274}  # the number of `sched_setattr`, by machines
SHORT_TURN = 100_000  # nanoseconds, the least that Linux knows
OF_THREAD, OF_CPU = 4, 2  # bits of the number of a clock


@cache
def _library() -> Any:
    """The C library, if it has all that we need, or None."""
    if os.environ.get(VARIABLE, "").strip() == "0" or not hasattr(os, "sched_setaffinity"):
        return None
    try:
        found = ctypes.CDLL(None)
    except OSError:
        return None
    there = all(hasattr(found, name) for name in FUNCTIONS)
    return found if there and found.sched_getcpu() >= 0 else None


def _address(name: str) -> int:
    library = _library()
    if library is None:
        return 0
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0


def yield_address() -> int:
    """The code by which a thread lets others have its core, or 0."""
    return _address("sched_yield")


def clock_address() -> int:
    """The code of `clock_gettime`, or 0."""
    return _address("clock_gettime")


def current_core() -> int:
    """The core that this thread is on, or NOWHERE."""
    library = _library()
    return NOWHERE if library is None else int(library.sched_getcpu())


def place(thread: int, cores: Collection[int]) -> bool:
    """Whether the system has a thread run on these cores from now on."""
    try:
        os.sched_setaffinity(thread, cores)
    except (OSError, ValueError):  # not allowed, or no core is left
        return False
    return True


def cpu_time(thread: int) -> float | None:
    """For how many seconds a thread of this process has had a core; None where it has ended."""
    try:
        return time.clock_gettime(~thread << 3 | OF_THREAD | OF_CPU)
    except OSError:
        return None


class _SchedulingAttributes(ctypes.Structure):
    """`struct sched_attr` of Linux."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def ask_for_short_turns() -> None:
    """This thread shares a core in short turns, and so gets one soon when it wakes.

    Its share stays the same.  Linux 6.12 and later do so; others do as before.
    """
    library = _library()
    call = None if library is None else SET_ATTRIBUTES.get(os.uname().machine)
    if call is None or not _is_ordinary():
        return
    own = _SchedulingAttributes(nice=os.getpriority(os.PRIO_PROCESS, 0), runtime=SHORT_TURN)
    own.size = ctypes.sizeof(own)
    library.syscall(call, 0, ctypes.byref(own), 0)


def _is_ordinary() -> bool:
    """Whether this thread is scheduled as most are."""
    try:
        return os.sched_getscheduler(0) == os.SCHED_OTHER
    except OSError:  # this C library does not ask
        return False
