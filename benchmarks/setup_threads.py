"""The same threads for all.  In: a number.  Out: nothing; every library has been told.

Call it before NumPy, JAX or PyTorch are imported: their pools look at the environment once.
"""

from __future__ import annotations

import os

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "CELLDSL_NUM_THREADS",
)


def set_threads(number: int) -> None:
    """JAX has no number of its own: it takes as many as the process has cores."""
    for name in VARIABLES:
        os.environ[name] = str(number)
    # Threads of OpenBLAS that have nothing to do spin for 27 ms, on cores that the next one needs.
    os.environ["OPENBLAS_THREAD_TIMEOUT"] = "4"
    os.environ["JAX_PLATFORMS"] = "cpu"
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if number < len(cores):
        os.sched_setaffinity(0, cores[:number])


def cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
