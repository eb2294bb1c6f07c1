"""Code that a new cell will need, compiled while the cell is read.  In: nothing.  Out: nothing.

    begin_ahead()

The scheduler and the products are the same for all cells.  Where they are on no disk yet, the first
cell of an installation has to wait for them; on a thread of their own they are done by the time
that the cell is.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Thread, main_thread

from celldsl.jit.checked import checked_mode
from celldsl.jit.gemm.prepare import product_code
from celldsl.jit.target import MachineCodeError
from celldsl.jit.translation import threads
from celldsl.runtime.threads.job_functions import job_code

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
