"""Scratch memory, used again from call to call.  In: a size.  Out: a Lease of a flat array.

    lease = buffers.take(100_000)
    lease.array                     # (100000,) of the cell's dtype, contents undefined

When the lease dies, and with it the tape that holds it, its memory goes back.  Memory from the
system has to be mapped and cleared page by page; memory used before is there already.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import numpy as np

from celldsl.runtime.arguments import Values
from celldsl.runtime.machine_code import Held

KEPT_ARRAYS = 8
CACHE_LINE = 64


class Lease(Held):
    """`array` is the holder's for as long as this object lives."""

    __slots__ = ("_home", "_whole")

    def __init__(self, whole: Held, length: int, home: deque[Held]) -> None:
        self.array = whole.array[:length]
        self.address = whole.address
        self._whole = whole
        self._home = home

    def __del__(self) -> None:
        # May run anywhere, even inside `take`: one atomic operation and no lock.
        self._home.append(self._whole)


class Buffers:
    """Free arrays of one dtype.  Safe to use from several threads."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self._returned: deque[Held] = deque()
        self._free: list[Held] = []
        self._lock = threading.Lock()

    def take(self, length: int) -> Lease:
        """A flat array of at least 0 elements, aligned to a cache line, contents undefined."""
        with self._lock:
            while self._returned:
                self._free.append(self._returned.popleft())
            whole = self._fitting(length)
            del self._free[:-KEPT_ARRAYS]
        if whole is None:
            whole = Held(aligned_array(length, self.dtype))
        return Lease(whole, length, self._returned)

    def _fitting(self, length: int) -> Held | None:
        """The smallest free array that is long enough and not wastefully longer."""
        best, least = -1, 2 * length + 1024
        for index, free in enumerate(self._free):
            size = free.array.size
            if length <= size <= least:
                best, least = index, size
        return self._free.pop(best) if best >= 0 else None


def aligned_array(length: int, dtype: np.dtype[Any]) -> Values:
    """A new flat array that begins on a cache line."""
    size = length * dtype.itemsize
    raw = np.empty(size + CACHE_LINE, dtype=np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    return raw[start : start + size].view(dtype)
