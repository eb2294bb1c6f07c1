"""How kernels are compiled, and their smallest parts.  In: functions.  Out: compiled functions.

    @stage
    def forward_1(low, high, …): …

    @kernel
    def forward_steps(part, parts, …): …

Kernels are called from Python and kept on disk; stages are parts of them, which only kernels call.
Sums may be taken in another order (`reassoc`), which is what lets LLVM vectorise them; nothing is
assumed of infinities and NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from celldsl.runtime.lanes import real

OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz"},
}
kernel: Any = njit(cache=True, **OPTIONS)
# Without what Python and C would need to call them: a fifth of the time that compiling takes.
stage: Any = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def copy(target: Any, source: Any, count: int) -> None:
    """target[i] = source[i] for i < count."""
    for i in range(count):
        target[i] = source[i]


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def fill(target: Any, count: int, value: float) -> None:
    """target[i] = value for i < count."""
    held = real(target, value)
    for i in range(count):
        target[i] = held


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def dense_rows(steps: int, batch: int) -> Any:
    """The `rows` of a part that owns all sequences, each `steps` long, with start states given.

    As `celldsl.runtime.description` lays them out, for code that runs no thread but its own.
    """
    rows = np.zeros(13 + 4 * steps + batch, np.int64)
    total = steps * batch
    for place, value in enumerate((steps, batch, total, total, 0, batch, 1, 1)):
        rows[place] = value
    for t in range(steps):
        for place in (8, 10, 11):
            rows[place + 4 * t] = t * batch
        rows[9 + 4 * t] = batch
    rows[10 + 4 * steps] = total
    for b in range(batch):
        rows[12 + 4 * steps + b] = b
    return rows
