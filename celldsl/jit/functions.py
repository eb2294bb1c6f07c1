"""Functions to compile, and the smallest of them.  In: functions.  Out: the same, marked.

    @routine
    def forward_1(low, high, …): …

    @routine
    def forward_steps(part, parts, rows, …): …         # a phase: a routine with the usual arguments

    @kernel
    def forward(dims, hyper, …): …

Routines are what compiled code calls, and phases are those that the runtime calls too, by way of
`object_cache.phase_addresses`.  Kernels take plain arrays and are called from Python; Numba
compiles them on first use and keeps them on disk.  Nothing is compiled, and Numba is not imported,
before that.

Sums may be taken in another order (`reassoc`), which is what lets LLVM vectorise them; nothing is
assumed of infinities, NaN and the signs of zeros.

Random masks are drawn inside kernels:

    key = mask_key(hyper[1], rows, site, t, b)   # once for a row
    u = mask_uniform(work, key, j)               # in [0, 1), for each index

Nothing is stored: a number is a hash of (seed and pass, call site, step, sequence, index), so it
does not depend on threads, on the order of rows, or on which pass over the data asks for it.
`hyper` ends with whether masks are drawn at all (1 in training) and the key of seed and pass;
`rows` says of each of the part's sequences which number it has in the caller's batch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, update_wrapper
from pathlib import Path
from typing import Any

import numpy as np

from celldsl.jit.source_text import imported_text, stamp_of, text_elsewhere
from celldsl.jit.symbols import pointer, real

FAST_MATH = frozenset({"reassoc", "contract"})


class Routine:
    """A function for compiled code to call.  In Python it is an ordinary function.

    One that stands apart is not put where it is called, to spare LLVM making it again and again.
    """

    def __init__(self, function: Callable[..., Any], noinline: bool = False) -> None:
        self.function = function
        self.name = function.__name__
        self.noinline = noinline
        # In a module that stands alone the file is that of all that it carries.
        self.file = Path(function.__globals__.get("__file__") or function.__code__.co_filename)
        self.stamp = stamp_of(self.file)
        self._imported = imported_text(function)
        update_wrapper(self, function)

    @property
    def text(self) -> str | None:
        """What it is compiled from; None where there is bytecode alone."""
        if self._imported is None:
            self._imported = text_elsewhere(self.function)
        return self._imported

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


routine = Routine
noinline = partial(Routine, noinline=True)


def given_array(array: Any, like: Any, axes: int, told: str) -> Any:
    """An argument of compiled code as a contiguous array of the dtype of `like` and so many axes.

    `told` says what is expected: the code of another argument is not compiled (`numba_types`).
    """
    raise NotImplementedError("this is for compiled code")


def given_integers(array: Any, like: Any, axes: int, limit: int, told: str) -> Any:
    """An argument of integers from 0 to `limit` - 1, as numbers of the dtype of `like`.

    Raises ValueError for another integer.
    """
    raise NotImplementedError("this is for compiled code")


def given_truths(array: Any, like: Any, axes: int, told: str) -> Any:
    """An argument of truth values, as 0 and 1 of the dtype of `like`."""
    raise NotImplementedError("this is for compiled code")


@noinline
def copy(target: Any, source: Any, count: int) -> None:
    """target[i] = source[i] for i < count."""
    for i in range(count):
        target[i] = source[i]


@noinline
def fill(target: Any, count: int, value: float) -> None:
    """target[i] = value for i < count."""
    held = real(target, value)
    for i in range(count):
        target[i] = held


@noinline
def add_parts(
    count: int, parts: int, width: int, source: Any, source_step: int, target: Any, step: int
) -> None:
    """target[i * step] = the sum over p < parts of source[p * width + i * source_step]."""
    sums = pointer(target, 0, 0)
    first = pointer(source, 0, 1)
    for i in range(count):
        sums[i * step] = first[i * source_step]
    for p in range(1, parts):
        terms = pointer(source, p * width, 1)
        for i in range(count):
            sums[i * step] += terms[i * source_step]


@noinline
def add_shares(count: int, shares: int, width: int, source: Any, target: Any) -> None:
    """target[i] += the sum over s < shares of source[s * width + i]."""
    sums = pointer(target, 0, 0)
    for s in range(shares):
        terms = pointer(source, s * width, 1)
        for i in range(count):
            sums[i] += terms[i]


_MASK_ODD = np.uint64(0x9E3779B97F4A7C15)
_MASK_ONE = np.uint64(0xBF58476D1CE4E5B9)
_MASK_TWO = np.uint64(0x94D049BB133111EB)
_MASK_UNIT = 1.0 / (1 << 24)


@routine
def mask_mix(key: Any, value: Any) -> Any:
    """One more number hashed into a key (the finaliser of splitmix64)."""
    z = (key ^ np.uint64(np.int64(value))) + _MASK_ODD
    z = (z ^ (z >> np.uint64(30))) * _MASK_ONE
    z = (z ^ (z >> np.uint64(27))) * _MASK_TWO
    return z ^ (z >> np.uint64(31))


@routine
def mask_key(drawn_with: float, rows: Any, site: int, t: int, b: int) -> Any:
    """The key of a mask's row: step `t` (-1: for all steps) of the part's sequence `b`."""
    key = mask_mix(np.uint64(np.int64(drawn_with)), site)
    sequence = rows[rows[9] + b] if b >= 0 else -1
    return mask_mix(mask_mix(key, t), sequence)


@routine
def steps_before(rows: Any) -> Any:
    """How many steps of the sequences were done before this call."""
    return rows[rows[9] + 2 * rows[5]]


@routine
def mask_uniform(like: Any, key: Any, index: int) -> Any:
    """A number in [0, 1) of the dtype of `like`."""
    bits = mask_mix(key, index) >> np.uint64(40)
    return real(like, np.float64(np.int64(bits)) * _MASK_UNIT)
