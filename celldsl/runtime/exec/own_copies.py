"""Copies of a caller's arrays.  In: an array without gaps.  Out: one with the same numbers.

    own = OwnCopies(engine.buffers)
    tape.inputs[0] = own(x)

A large copy lies in memory of the pool, which goes back with the last array over it.  The allocator
has small ones at hand, sooner than the pool.
"""

from __future__ import annotations

import numpy as np

from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.buffers import Buffers, PooledBuffer
from celldsl.runtime.threads.copying import copy_over

SMALL = 1 << 16  # bytes


class OwnCopies:
    """What makes them."""

    __slots__ = ("_buffers",)

    def __init__(self, buffers: Buffers) -> None:
        self._buffers = buffers

    def __call__(self, array: Values) -> Values:
        if array.nbytes <= SMALL:
            small: Values = array.copy()
            return small
        own: Values = np.asarray(_Lent(self._buffers.take(array.size), array.shape))
        copy_over(own, array)
        return own


class _Lent:
    """Memory that NumPy makes an array of, and keeps this object with it."""

    __slots__ = ("__array_interface__", "_buffer")

    def __init__(self, buffer: PooledBuffer, shape: tuple[int, ...]) -> None:
        self._buffer = buffer
        facts = buffer.array.__array_interface__
        self.__array_interface__ = {**facts, "shape": shape}
