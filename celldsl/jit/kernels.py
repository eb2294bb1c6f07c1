"""Functions that Numba compiles.  In: functions of plain arrays.  Out: the same, marked.

    @kernel
    def forward(dims, hyper, …): …

Numba compiles them on first use and keeps them on disk; it is not imported before that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any

import numpy as np

from celldsl.jit.functions import FAST_MATH


class Kernel:
    """A function that is compiled when it is called, from Python or from compiled code."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        update_wrapper(self, function)

    @cached_property
    def dispatcher(self) -> Any:
        """Numba's own object for it."""
        from numba import njit

        from celldsl.jit.lowering.numba_types import register_stages

        register_stages()
        return njit(cache=True, nogil=True, error_model="numpy", fastmath=set(FAST_MATH))(
            self.function
        )

    def __call__(self, *arguments: Any) -> Any:
        return self.dispatcher(*arguments)

    @property
    def _numba_type_(self) -> Any:
        return self.dispatcher._numba_type_


kernel = Kernel


@kernel
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
