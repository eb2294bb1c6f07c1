"""Have parameters changed since?  In: a cell's parameters.  Out: the name of one that has.

    seen = guard.now(cell.params)           # at the forward pass
    guard.changed(cell.params, seen)        # at the backward pass: "r_u.W_x", or None

There is a copy to compare with only where somebody could have written: it is taken when a view is
handed out, before it is, and at once where somebody holds one.
"""

from __future__ import annotations

from weakref import ref

import numpy as np

from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.buffers import Buffers, PooledBuffer


class Snapshot:
    """Parameters at some moment: `copied` is None as long as nobody can have changed them."""

    __slots__ = ("__weakref__", "copied")

    def __init__(self) -> None:
        self.copied: PooledBuffer | None = None


class ParameterGuard:
    """Knows whether the parameters of a cell are what they were."""

    def __init__(self, flat: Values, buffers: Buffers) -> None:
        self._flat = flat
        self._buffers = buffers
        self._latest: ref[Snapshot] | None = None

    def now(self, params: Parameters) -> Snapshot:
        """The parameters as they are.  Passes between two accesses have one snapshot."""
        latest = None if self._latest is None else self._latest()
        held = params.version is None
        if latest is not None and latest.copied is None and not held:
            return latest
        found = Snapshot()
        if held:
            self._copy(found)
        else:
            self._latest = ref(found)
        return found

    def before_access(self) -> None:
        """Somebody gets a view, and may write from now on."""
        latest = None if self._latest is None else self._latest()
        if latest is not None and latest.copied is None:
            self._copy(latest)
        self._latest = None

    def _copy(self, snapshot: Snapshot) -> None:
        buffer = self._buffers.take(self._flat.size)
        np.copyto(buffer.array[: self._flat.size], self._flat)
        snapshot.copied = buffer

    def changed(self, params: Parameters, since: Snapshot) -> str | None:
        """The name of the first parameter that is not what it was."""
        if since.copied is None:
            return None
        return params.first_difference(since.copied.array[: self._flat.size])
