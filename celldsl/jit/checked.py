"""Routines in plain Python, over arrays that look at every access.  In: arrays.  Out: pointers.

    flat = CheckedArray("tape", tape, written=False, regions=(("h", 0), ("c", 120)))
    h = CheckedPointer(flat, 0)
    h[3] = 1.0
    h[4]                # AccessError: h[4] of tape is read, and nobody wrote it
    h[120]              # AccessError: h[120] of tape is read, which ends at 120

A pointer belongs to the region, that is the buffer, in which it begins.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

_ROOM = __name__.rpartition(".")[0]  # celldsl.jit, or what a module that stands alone calls it


class AccessError(Exception):
    """A compiled loop reads or writes where it must not.  A defect of celldsl."""


@cache
def checked_mode() -> bool:
    """Whether phases are run by Python and every access is looked at: CELLDSL_CHECKED=1."""
    return os.environ.get("CELLDSL_CHECKED", "").strip() not in ("", "0")


class CheckedArray:
    """A flat array, which elements of it somebody wrote, and where its buffers begin."""

    def __init__(
        self,
        name: str,
        values: Any,
        written: Any = True,
        regions: Sequence[tuple[str, int]] = (),
    ) -> None:
        self.name = name
        self.values = values
        self.written = written if isinstance(written, np.ndarray) else np.full(values.size, written)
        # Buffers of no elements begin where the next does, which is the one that counts.
        self.regions = list(regions) or [(name, 0)]
        self.starts = [start for _, start in self.regions]

    def region(self, at: int) -> tuple[str, int, int]:
        """The buffer that an element lies in, where it begins and where it ends."""
        place = max(0, bisect_right(self.starts, at) - 1)
        name, start = self.regions[place]
        later = self.starts[place + 1 :]
        return name, start, later[0] if later else self.values.size


class CheckedPointer:
    """What routines have of an array.

    Without a `zero` it is the whole array, as phases are given it.
    """

    __slots__ = ("array", "dtype", "name", "start", "stop", "zero")

    def __init__(self, array: CheckedArray, zero: int | None = None) -> None:
        self.array = array
        self.dtype = array.values.dtype
        self.zero = zero or 0
        self.name, self.start, self.stop = array.name, 0, array.values.size
        if zero is not None:
            self.name, self.start, self.stop = array.region(zero)

    def _place(self, index: Any, what: str) -> int:
        at = self.zero + int(index)
        if self.start <= at < self.stop:
            return at
        size = self.stop - self.start
        where = f"{self.name}[{at - self.start}] of {self.array.name}"
        raise AccessError(f"{where} is {what}, outside its {size} elements")

    def __getitem__(self, index: Any) -> Any:
        at = self._place(index, "read")
        if not self.array.written[at]:
            where = f"{self.name}[{at - self.start}] of {self.array.name}"
            raise AccessError(f"{where} is read, and nobody wrote it")
        return self.array.values[at]

    def __setitem__(self, index: Any, value: Any) -> None:
        at = self._place(index, "written")
        self.array.values[at] = value
        self.array.written[at] = True


def plain_pointer(base: Any, offset: Any, _scope: int) -> Any:
    """A pointer to element `offset` of a pointer or an array."""
    if isinstance(base, CheckedPointer):
        return CheckedPointer(base.array, base.zero + int(offset))
    return base[int(offset) :]


def plain_real(like: Any, value: Any) -> Any:
    return like.dtype.type(value)


def plain_width(like: Any) -> int:
    width: int = import_module(f"{_ROOM}.lowering.vector_width").panel_width(str(like.dtype))
    return width


@cache
def plain_function(file: str, name: str) -> Callable[..., Any]:
    """What a name of compiled code does in Python."""
    own: dict[str, Callable[..., Any]] = {
        "pointer": plain_pointer,
        "real": plain_real,
        "panel_width": plain_width,
    }
    if name in own:
        return own[name]
    if file == "gemm.calls":
        found: Callable[..., Any] = import_module(f"{_ROOM}.gemm.plain").PLAIN[name]
        return found
    function: Callable[..., Any] = getattr(import_module(f"{_ROOM}.{file}"), name)
    return function
