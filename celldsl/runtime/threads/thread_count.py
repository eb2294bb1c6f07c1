"""How many threads a call uses.  In: a setting, the environment.  Out: numbers.

set_threads(4)
get_threads()                   # 4
parts_for(32, 10**8)            # 4: into how many parts a call splits its sequences
"""

from __future__ import annotations

from celldsl.jit.cores import available_cores, threads_asked_for
from celldsl.runtime.arrays.validation import check_integer
from celldsl.runtime.errors import ArgumentError

# Fewer multiplications than this (about 50 microseconds) are done before a thread has woken.
SMALL_WORK = 1_000_000
LONG_WORK = 500_000_000  # of a sequence alone, whose steps are one thread's


class ThreadSettings:
    """The number of threads; 0: not yet asked for."""

    number = 0


THREADS = ThreadSettings()


def set_threads(number: int) -> None:
    """How many threads a call may use, from now on.

    Raises ArgumentError when `number` is not a positive integer.
    """
    THREADS.number = check_integer("threads", number, 1)


def get_threads() -> int:
    """How many threads a call may use: set, or CELLDSL_NUM_THREADS, or the cores there are."""
    if not THREADS.number:
        THREADS.number = threads_by_default()
    return THREADS.number


def threads_by_default() -> int:
    text = threads_asked_for()
    if not text:
        return available_cores()
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentError(f"CELLDSL_NUM_THREADS: expected a positive integer, got {text!r}")
    return int(text)


def parts_for(batch: int, work: int, threads: int | None = None) -> int:
    """How many parts to split `batch` sequences into; `work` is in multiplications.

    For as many threads as a call may use now, or for `threads`.  A long sequence alone has parts
    without a sequence, whose threads share in products over all rows.
    """
    if batch < 1 or work < (SMALL_WORK if batch > 1 else LONG_WORK):
        return 1
    wanted = get_threads() if threads is None else threads
    return wanted if batch == 1 else min(wanted, batch)
