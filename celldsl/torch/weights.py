"""Weights as kernels take them.  In: tensors of parameters and consts.  Out: packed weights.

    packed = pack(kernels, None, params, consts)
    packed = pack(kernels, packed, params, consts)      # the same object, if no number has changed

Packed weights are never written to again, so that a pass keeps those that it began with.  Whether
they are still right is seen by comparing bits with a copy: version counters say nothing of what is
written by way of `.data`, NumPy or another process.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from celldsl.runtime.arrays.params import Place
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.buffers import PooledBuffer
from celldsl.runtime.exec.executor import Engine, Numbers

# Called with Python's lock held: letting go of it takes longer than to compare a small weight.
_libc = ctypes.PyDLL(None) if os.name == "posix" else ctypes.PyDLL("msvcrt")
_differ = _libc.memcmp
_differ.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]


class Packed:
    """`numbers` are what passes compute with; `fixed` is what a first pass derived from them."""

    __slots__ = ("_buffers", "_copies", "dtype", "fixed", "numbers")

    def __init__(
        self,
        dtype: torch.dtype | None,
        numbers: Numbers,
        copies: list[tuple[int, int]],
        buffers: list[PooledBuffer],
    ) -> None:
        self.dtype = dtype
        self.numbers = numbers
        self.fixed: PooledBuffer | None = None
        self._copies = copies
        self._buffers = buffers

    def holds(self, tensors: Sequence[torch.Tensor]) -> bool:
        """Whether these tensors, which are contiguous, have the numbers that were packed."""
        for tensor, (place, size) in zip(tensors, self._copies, strict=True):
            if _differ(tensor.data_ptr(), place, size):
                return False
        return True


def pack(
    engine: Engine,
    places: Sequence[Place],
    count: tuple[int, int, int],
    hyper: Sequence[float],
    tensors: Sequence[torch.Tensor],
) -> Packed:
    """Copies parameters, then consts, to where kernels look for them.

    `count` says how many of the tensors are parameters, and how long the two flat arrays are.
    """
    params, *lengths = count
    buffers = engine.buffers
    flat = [buffers.take(length) for length in lengths]
    kept = buffers.take(sum(tensor.numel() for tensor in tensors))
    copies, end, item = [], 0, buffers.dtype.itemsize
    first = _address(kept.array)
    for own in flat:
        own.array[:] = 0  # between parameters there may be gaps
    for number, (tensor, place) in enumerate(zip(tensors, places, strict=True)):
        values = tensor.detach().numpy()
        own = flat[number >= params]
        shape, offset, strides = place
        np.ndarray(shape, buffers.dtype, own.array.data, offset, strides)[...] = values
        kept.array[end : end + values.size].reshape(shape)[...] = values
        copies.append((first + end * item, values.nbytes))
        end += values.size
    parameters, constants = (own.array[:length] for own, length in zip(flat, lengths, strict=True))
    numbers = engine.numbers_of(hyper, constants, parameters)
    return Packed(tensors[0].dtype if tensors else None, numbers, copies, [*flat, kept])


def _address(array: Values) -> int:
    found: Any = array.ctypes.data
    return int(found)
