"""Functions that Numba compiles.  In: functions of plain arrays.  Out: the same, marked.

    @kernel
    def forward(weights, in_x, start_h): …

Numba compiles them on first use and keeps them on disk; it is not imported before that.  They can
be called from Python and from other functions that Numba compiles.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import numpy as np

from celldsl.jit.forks import ProcessLock
from celldsl.jit.gemm.prepare import announce_products

_TOLD = re.compile(r"\w+: expected .*, got .*")
_COLOUR = re.compile(r"\x1b\[\d*m")
# Those that a module imports make all symbols known that it names.
PREPARATIONS = ("prepare_winograd", "prepare_convolutions", "prepare_products", "prepare_rounded")

_kernel_lock = ProcessLock()


class Kernel:
    """A function that is compiled when it is called, from Python or from compiled code."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._made: Any = None
        update_wrapper(self, function)
        # Modules import this where they have products.
        known = function.__globals__
        self._prepare: list[Callable[[Any], None]] = [
            known[name] for name in PREPARATIONS if name in known
        ]
        self._ready: set[Any] = set()
        self._refusal: type[Exception] = TypeError  # Numba's own, once it is imported
        if self._prepare:
            # Somebody's function that calls this one may be loaded from disk and run before.
            announce_products()

    @property
    def dispatcher(self) -> Any:
        """Numba's own object for it, which is the same for all threads."""
        with _kernel_lock:
            if self._made is None:
                from numba import TypingError

                from celldsl.jit.lowering.numba_types import dispatcher_of

                self._refusal = TypingError
                self._made = dispatcher_of(self.function)
            return self._made

    def __call__(self, *arguments: Any) -> Any:
        if self._prepare:
            # Before Numba's lock is taken, and once for each dtype.
            dtype = _dtype(arguments)
            if dtype not in self._ready:
                for prepare in self._prepare:
                    prepare(dtype)
                self._ready.add(dtype)
        try:
            return self.dispatcher(*arguments)
        except self._refusal as error:
            told = _TOLD.search(_COLOUR.sub("", str(error)))
            if told is None:
                raise
        raise TypeError(told[0])

    @property
    def _numba_type_(self) -> Any:
        return self.dispatcher._numba_type_


kernel = Kernel


def _dtype(arguments: tuple[Any, ...]) -> Any:
    """That of the parameters, which stand third, or third in what `prepare` gave.

    Raises TypeError where they are no such numbers.
    """
    like = arguments[0] if arguments and isinstance(arguments[0], tuple) else arguments
    dtype = getattr(like[2], "dtype", None) if len(like) > 2 else None
    if dtype is None or dtype.char not in "fd":
        raise TypeError(f"parameters: expected an array of float32 or float64, got {like[2:3]}")
    return dtype


@kernel
def dense_rows(steps: int, batch: int) -> Any:
    """The `rows` of a part that owns all sequences, each `steps` long, with start states given.

    As `celldsl.runtime.description` lays them out, for code that runs no thread but its own.
    """
    total, sequences = steps * batch, 17 + 5 * steps
    runs = sequences + 2 * batch + 1
    rows = np.zeros(runs + 4 * steps, np.int64)
    for place, value in enumerate((steps, batch, total, total, 0, batch, 1, 1, 0, sequences)):
        rows[place] = value
    for t in range(steps + 1):
        for place in (12, 14, 15):
            rows[place + 5 * t] = t * batch
        rows[13 + 5 * t] = batch if t < steps else 0
        rows[16 + 5 * t] = runs + 4 * t
    for t in range(steps):
        rows[runs + 4 * t + 1] = batch
        rows[runs + 4 * t + 2] = (t + 1) * batch
    for b in range(batch):
        rows[sequences + b], rows[sequences + batch + b] = b, 1
    return rows
