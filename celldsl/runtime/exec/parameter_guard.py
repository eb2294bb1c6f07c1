"""Have parameters changed since?  In: a cell's parameters.  Out: the name of one that has.

    seen = guard.now(cell.params)           # at the forward pass
    guard.changed(cell.params, seen)        # at the backward pass: "r_u.W_x", or None

There is a copy to compare with only where somebody could have written: it is taken when a view is
handed out, before it is, and where somebody holds one, at the first pass that finds other numbers
than the last copy has.
"""

from __future__ import annotations

import sys

import numpy as np

from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.buffers import Buffers, PooledBuffer

GLANCE = 4096  # elements: where numbers were trained since, the first of them tell


class Snapshot:
    """Parameters at some moment: `copied` is None as long as nobody can have changed them."""

    __slots__ = ("copied",)

    def __init__(self) -> None:
        self.copied: PooledBuffer | None = None


class ParameterGuard:
    """Knows whether the parameters of a cell are what they were."""

    def __init__(self, flat: Values, buffers: Buffers) -> None:
        self._flat = flat
        # As whole numbers, for which equal means the same bits.
        self._whole = np.dtype(f"i{flat.itemsize}")
        self._bits = flat.view(self._whole)
        self._buffers = buffers
        self._latest = Snapshot()
        self._unshared = sys.getrefcount(self._latest)

    def now(self, params: Parameters) -> Snapshot:
        """The parameters as they are.  Passes with the same numbers have one snapshot."""
        latest = self._latest
        if params.version is None:
            if latest.copied is None or not self._are_those_of(latest.copied):
                latest = Snapshot()
                self._copy(latest)
        elif latest.copied is not None:
            latest = Snapshot()
        self._latest = latest
        return latest

    def before_access(self) -> None:
        """Somebody gets a view, and may write from now on."""
        on_tape = sys.getrefcount(self._latest) > self._unshared
        if on_tape and self._latest.copied is None:
            self._copy(self._latest)
        self._latest = Snapshot()

    def _copy(self, snapshot: Snapshot) -> None:
        buffer = self._buffers.take(self._flat.size)
        np.copyto(buffer.array[: self._flat.size], self._flat)
        snapshot.copied = buffer

    def _are_those_of(self, copied: PooledBuffer) -> bool:
        own, other = self._bits, copied.array[: self._flat.size].view(self._whole)
        if not (own[:GLANCE] == other[:GLANCE]).all():
            return False
        return own.size <= GLANCE or bool((own == other).all())

    def changed(self, params: Parameters, since: Snapshot) -> str | None:
        """The name of the first parameter that is not what it was."""
        if since.copied is None or self._are_those_of(since.copied):
            return None
        return params.first_difference(since.copied.array[: self._flat.size])
