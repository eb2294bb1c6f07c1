"""The compiled functions that run a job.  In: nothing.  Out: functions of addresses.

    functions = job_functions()
    functions.alone(job)                        # one worker does everything
    functions.together(job, worker, budget)     # several do; each calls it with a number of its own
    begin_ahead()

The scheduler and the products are the same for all cells.  Where they are on no disk yet, the first
cell of an installation has to wait for them; on a thread of their own they are done by the time
that the cell is read (`begin_ahead`).
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from threading import Thread, main_thread
from typing import TYPE_CHECKING

from celldsl.jit.checked import checked_mode
from celldsl.jit.gemm.prepare import product_code
from celldsl.jit.object_cache import Code
from celldsl.jit.target import JOBS, MachineCodeError
from celldsl.jit.translation import Translation, threads
from celldsl.runtime.cpython.abi import OBJECT_FACTS

if TYPE_CHECKING:
    from _ctypes import CFuncPtr


@dataclass(frozen=True, slots=True)
class JobFunctions:
    """Each takes addresses; `scheduler` says what of."""

    alone: CFuncPtr
    alone_over: CFuncPtr
    some: CFuncPtr
    together: CFuncPtr
    stand_by: CFuncPtr
    offer: CFuncPtr
    withdraw: CFuncPtr
    addresses: CFuncPtr
    copy: CFuncPtr


@cache
def job_functions() -> JobFunctions:
    found = job_code().addresses()
    address, number = ctypes.c_void_p, ctypes.c_int64
    kinds = (
        ctypes.CFUNCTYPE(None, address),
        ctypes.CFUNCTYPE(None, address),
        ctypes.CFUNCTYPE(number, address, number),
        ctypes.CFUNCTYPE(number, address, number, number),
        ctypes.CFUNCTYPE(number, address),
        ctypes.CFUNCTYPE(number, address, number, address, number),
        ctypes.CFUNCTYPE(number, address, number, address),
        ctypes.CFUNCTYPE(None, address),
        ctypes.CFUNCTYPE(number, address, address),
    )
    made = (kind(at) for kind, at in zip(kinds, found, strict=True))
    return JobFunctions(*made)


def job_code() -> Code:
    symbols = [f"celldsl_{name}" for name in JobFunctions.__dataclass_fields__]
    return Code(JOBS, symbols, _compiled_jobs, OBJECT_FACTS)


def _compiled_jobs() -> list[Translation]:
    from celldsl.jit.compile import compile_symbols
    from celldsl.runtime.threads.instructions import COPY_ENTRIES
    from celldsl.runtime.threads.mailboxes import MAILBOX_ENTRIES
    from celldsl.runtime.threads.scheduler import GRAPH_ENTRIES

    entries = {**GRAPH_ENTRIES, **MAILBOX_ENTRIES, **COPY_ENTRIES}
    return compile_symbols(entries, "float64")


USUAL = "float32"  # what cells are built for, unless somebody says otherwise


def begin_ahead() -> None:
    if threads() < 2 or checked_mode():
        return
    # Where the system gives no more threads, who needs the code compiles it.
    with suppress(RuntimeError):
        Thread(target=_begin, name="celldsl-ahead").start()


def _begin() -> None:
    # What the system, a disk or a filter of warnings refuses is met again, and told, where the code
    # is needed: nothing is kept of what fails here.
    with suppress(MachineCodeError, OSError, Warning):
        for code in (job_code(), product_code(USUAL)):
            if main_thread().is_alive():  # else the interpreter waits for this thread alone
                code.begin()
