"""Large arrays copied by all threads.  In: two arrays without gaps.  Out: equal numbers in both.

    copy_over(own, given)

One thread alone takes as long for the copy of an input as some cells for a tenth of a training
pass, and a pass whose threads have copied the rows finds them in their caches.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache

import numpy as np

from celldsl.jit.checked import checked_mode
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.description import Phase
from celldsl.runtime.row_plan import plan_rows
from celldsl.runtime.threads.job_functions import job_functions
from celldsl.runtime.threads.launch import CompiledPhases, LaunchPlan
from celldsl.runtime.threads.task_graph import LEAST_ROWS
from celldsl.runtime.threads.thread_count import get_threads

LEAST_BYTES = 1 << 18  # of a copy that is worth another thread's while
SHARES = 2  # for each thread, so that who comes late finds less to do


def copy_over(own: Values, given: Values) -> None:
    """Both are contiguous, and of one dtype and size."""
    threads = get_threads() if given.nbytes >= LEAST_BYTES and not checked_mode() else 1
    if threads == 1:
        np.copyto(own, given)
        return
    size = np.array([given.nbytes], np.int64)
    _launch_plan(threads).run((own, given, size), (own, given, size))


@lru_cache(maxsize=8)
def _launch_plan(threads: int) -> LaunchPlan:
    code = ctypes.cast(job_functions().copy, ctypes.c_void_p).value or 0
    rows = plan_rows(1, SHARES * LEAST_ROWS * threads, threads, keep=False, given=False)
    return LaunchPlan(CompiledPhases([Phase("rows", np.copyto)], [code]), rows)
