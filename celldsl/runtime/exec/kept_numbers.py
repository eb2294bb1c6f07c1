"""Numbers of a pass that nobody changes meanwhile.  In: arrays.  Out: copies; which differ.

    seen = guard.now(cell.params)           # at the forward pass
    guard.changed(cell.params, seen)        # at the backward pass: "r_u.W_x", or None
    copies = OwnCopies(buffers)             # of one pass
    tape.inputs[0] = copies(x, rows=True)   # room for them
    copies.make()                           # unless the pass makes them: `copies.rows`
    with_masks(engine.numbers, key)         # what kernels take first, for a pass that draws masks

Of parameters there is a copy to compare with only where somebody could have written: it is taken
when a view is handed out, before it is, and where somebody holds one, at the first pass that finds
other numbers than the last copy has.

A large copy of a caller's array lies in memory of the pool, which goes back with the last array
over it; the allocator has small ones at hand, sooner than the pool.  Where a pass begins with
something for all steps at once, its rows are copied slice by slice right before: they are read from
far memory once.  Otherwise all threads copy ahead of the pass: one alone takes as long for an input
as some cells for a tenth of a training pass.
"""

from __future__ import annotations

import ctypes
import math
import sys
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from celldsl.jit.checked import checked_mode
from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.buffers import Buffers, PooledBuffer
from celldsl.runtime.description import Phase
from celldsl.runtime.row_plan import plan_rows
from celldsl.runtime.threads.job_functions import job_functions
from celldsl.runtime.threads.launch import CompiledPhases, LaunchPlan, RowCopy
from celldsl.runtime.threads.task_graph import LEAST_ROWS
from celldsl.runtime.threads.thread_count import get_threads

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


SMALL = 1 << 16  # bytes


class OwnCopies:
    """Those of one pass.  `rows` are to be made yet: pairs of a copy and an array (T, B, …)."""

    __slots__ = ("_buffers", "rows")

    def __init__(self, buffers: Buffers) -> None:
        self._buffers = buffers
        self.rows: list[RowCopy] = []

    def __call__(self, array: Values, rows: bool) -> Values:
        if array.nbytes <= SMALL:
            small: Values = array.copy()
            return small
        own = self.room(array.shape)
        if rows:
            self.rows.append((own, array))
        else:
            copy_over(own, array)
        return own

    def room(self, shape: tuple[int, ...]) -> Values:
        """Memory for an array of this shape."""
        size = math.prod(shape)
        if size * self._buffers.dtype.itemsize <= SMALL:
            return np.empty(shape, self._buffers.dtype)
        own: Values = np.asarray(_Lent(self._buffers.take(size), shape))
        return own

    def make(self) -> None:
        """Copies what is left."""
        for own, array in self.rows:
            copy_over(own, array)
        self.rows = []


class _Lent:
    """Memory that NumPy makes an array of, and keeps this object with it."""

    __slots__ = ("__array_interface__", "_buffer")

    def __init__(self, buffer: PooledBuffer, shape: tuple[int, ...]) -> None:
        self._buffer = buffer
        facts = buffer.array.__array_interface__
        self.__array_interface__ = {**facts, "shape": shape}


LEAST_BYTES = 1 << 18  # of a copy that is worth another thread's while
SHARES = 2  # for each thread, so that who comes late finds less to do


def copy_over(own: Values, given: Values) -> None:
    """Both are contiguous, and of one dtype and size."""
    threads = get_threads() if given.nbytes >= LEAST_BYTES and not checked_mode() else 1
    if threads == 1:
        np.copyto(own, given)
        return
    size = np.array([given.nbytes], np.int64)
    _launch_plan(threads).run((own, given, size), (own, given, size))


@lru_cache(maxsize=8)
def _launch_plan(threads: int) -> LaunchPlan:
    code = ctypes.cast(job_functions().copy, ctypes.c_void_p).value or 0
    rows = plan_rows(1, SHARES * LEAST_ROWS * threads, threads, keep=False, given=False)
    return LaunchPlan(CompiledPhases([Phase("rows", np.copyto)], [code]), rows)


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """What a pass computes with.  Hyperparameters and constants are never written to: a change
    makes others.

    `hyper` has two more than there are: whether masks are drawn, and the key that they are drawn
    with.  `arrays` are those that kernels take first: dims, `hyper`, parameters, `constants`.
    """

    hyper: Values
    constants: Values
    arrays: tuple[Values, ...]


def with_masks(numbers: Numbers, key: int) -> Numbers:
    """The same for a pass that draws masks."""
    hyper = numbers.hyper.copy()
    hyper[-2:] = 1.0, key
    dims, _, parameters, constants = numbers.arrays
    return Numbers(hyper, constants, (dims, hyper, parameters, constants))
