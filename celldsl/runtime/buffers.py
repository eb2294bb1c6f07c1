"""Scratch memory, used again from call to call.  In: a size.  Out: a PooledBuffer of a flat array.

    buffer = buffers.take(100_000)
    buffer.array                     # 100000 or more of the cell's dtype, contents undefined

When the buffer dies, and with it the tape that holds it, its memory goes back.  Memory from the
system has to be mapped and cleared page by page; memory used before is there already.
"""

from __future__ import annotations

from operator import itemgetter

import numpy as np

from celldsl.jit.checked import checked_mode
from celldsl.jit.forks import ProcessLock
from celldsl.runtime.arrays.validation import DType, Values

KEPT_ARRAYS = 8
KEPT_LENGTHS = 64
CACHE_LINE = 64


class PooledBuffer:
    """`array` is the holder's for as long as this object lives."""

    __slots__ = ("_home", "array")

    def __init__(self, array: Values, home: list[Values]) -> None:
        self.array = array
        self._home = home

    def __del__(self) -> None:
        # May run anywhere, even inside `take`: one operation that nothing interrupts, and no lock.
        try:
            self._home.append(self.array)
        except AttributeError:
            return  # it was never filled in, or the interpreter has taken it apart at its end


class Buffers:
    """Free arrays of one dtype, by the length that was asked for.  Safe among threads."""

    def __init__(self, dtype: DType) -> None:
        self.dtype = np.dtype(dtype)
        self._free: dict[int, list[Values]] = {}
        self._lock = ProcessLock()
        self._fresh = checked_mode()  # nothing of another pass is there

    def take(self, length: int) -> PooledBuffer:
        """A flat array of at least `length` elements, aligned to a cache line."""
        if self._fresh:
            return PooledBuffer(aligned_array(length, self.dtype), [])
        try:
            home = self._free[length]
            array = home.pop()
        except LookupError:
            home, array = self._fitting(length)
        return PooledBuffer(array, home)

    def _fitting(self, length: int) -> tuple[list[Values], Values]:
        """The shortest free array that is long enough and not wastefully longer, or a new one.

        From now on it is one of this length, or two lengths would take each other's for ever.
        """
        with self._lock:
            if len(self._free) >= KEPT_LENGTHS:
                # Batches of other lengths each time would fill this with what is never asked again.
                self._free = {size: own for size, own in self._free.copy().items() if own}
            home = self._free.setdefault(length, [])
            free = [(array.size, own) for own in self._free.values() for array in own[-1:]]
            for size, own in sorted(free, key=itemgetter(0)):
                fits = length <= size <= 2 * length + 1024
                found = _last_of(own, length) if fits else None
                if found is not None:
                    return home, found
            if len(free) > KEPT_ARRAYS:
                self._free = {length: home}
        return home, aligned_array(length, self.dtype)


def _last_of(home: list[Values], length: int) -> Values | None:
    """The last array, if it is long enough: since somebody looked others may have used the list."""
    try:
        found = home.pop()
    except IndexError:
        return None
    if found.size >= length:
        return found
    home.append(found)
    return None


def aligned_array(length: int, dtype: DType) -> Values:
    """A new flat array that begins on a cache line."""
    size = length * dtype.itemsize
    raw = np.empty(size + CACHE_LINE, dtype=np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    return raw[start : start + size].view(dtype)
