"""The compiled functions that run a job.  In: nothing.  Out: functions of addresses.

functions = job_functions()
functions.alone(job)                        one worker does everything
functions.together(job, worker, budget)     several do; each calls it with a number of its own
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from celldsl.jit.object_cache import addresses_of
from celldsl.runtime.cpython.abi import OBJECT_FACTS

_JOB_CODE = Path(__file__)
_PLACE, _NUMBER = ctypes.c_void_p, ctypes.c_int64


@dataclass(frozen=True, slots=True)
class JobFunctions:
    """Each takes addresses; `scheduler` says what of."""

    alone: Any
    alone_over: Any
    some: Any
    together: Any
    stand_by: Any
    offer: Any
    withdraw: Any
    addresses: Any


@cache
def job_functions() -> JobFunctions:
    symbols = [f"celldsl_{name}" for name in JobFunctions.__dataclass_fields__]
    found = addresses_of(_JOB_CODE, "jobs", symbols, _compiled_jobs, OBJECT_FACTS)
    kinds: tuple[tuple[Any, ...], ...] = (
        (None, _PLACE),
        (None, _PLACE),
        (_NUMBER, _PLACE, _NUMBER),
        (_NUMBER, _PLACE, _NUMBER, _NUMBER),
        (_NUMBER, _PLACE),
        (_NUMBER, _PLACE, _NUMBER, _PLACE, _NUMBER),
        (_NUMBER, _PLACE, _NUMBER, _PLACE),
        (None, _PLACE),
    )
    made = (ctypes.CFUNCTYPE(*kind)(at) for kind, at in zip(kinds, found, strict=True))
    return JobFunctions(*made)


def _compiled_jobs() -> bytes:
    from celldsl.jit.compile import compile_symbols
    from celldsl.runtime.threads.scheduler import GRAPH_ENTRIES

    return compile_symbols(GRAPH_ENTRIES, "float64")
