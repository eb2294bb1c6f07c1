"""Weights as kernels take them.  In: tensors of parameters and consts.  Out: packed weights.

    weights = Weights(engine, param_views, const_views, lengths, hypers)
    packed = weights.pack(tensors)
    packed.holds(tensors)               # whether no number has changed since
    weights.unpack(flat)                # a tensor for each parameter

Packed weights are never written to again, so that a pass keeps those that it began with.  Whether
they are still right is seen by comparing bits: version counters say nothing of what is written by
way of `.data`, NumPy or another process.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import prod

import numpy as np
import torch

from celldsl.runtime.arrays.params import View
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.blocks import Blocks
from celldsl.runtime.buffers import PooledBuffer
from celldsl.runtime.exec.executor import Engine
from celldsl.runtime.exec.kept_numbers import Numbers
from celldsl.runtime.threads.launch import PreparedCall

Tensors = Sequence[torch.Tensor]
KEPT_SHAPES = 64
_place_of = torch.Tensor.data_ptr
_from_numpy = torch.from_numpy


class Packed:
    """`numbers` are what passes compute with; `fixed` is what a first pass derived from them.

    `idle` are calls over both that nobody uses at the moment, by what they were made for.
    """

    __slots__ = ("_blocks", "_buffers", "_flat", "dtype", "fixed", "idle", "numbers")

    def __init__(
        self,
        dtype: torch.dtype | None,
        numbers: Numbers,
        blocks: Blocks,
        buffers: Sequence[PooledBuffer],
    ) -> None:
        self.dtype = dtype
        self.numbers = numbers
        self.fixed: PooledBuffer | None = None
        self.idle: dict[Hashable, list[PreparedCall]] = {}
        self._blocks = blocks
        self._buffers = buffers
        self._flat = [each.array.ctypes.data for each in buffers]

    def holds(self, tensors: Tensors) -> bool:
        """Whether these tensors, which are contiguous, have the numbers that were packed."""
        return not self._blocks.differ([*map(_place_of, tensors), *self._flat])


class Weights:
    """Where the parameters and consts of a built cell lie in two flat arrays.

    `lengths` are those of the two.  `views` say of each parameter from where to where it lies, and
    its shape, if all are contiguous there; else there are none.
    """

    def __init__(
        self,
        engine: Engine,
        params: Sequence[View],
        consts: Sequence[View],
        lengths: tuple[int, int],
        hypers: Sequence[float],
    ) -> None:
        size = engine.dtype.itemsize
        self._engine = engine
        self._lengths = lengths
        self._hypers = hypers
        self.views = _ranges(params, size)
        self.count = len(params)
        self.shapes = [shape for shape, _, _ in (*params, *consts)]
        self._all = Blocks([params, consts], size)
        self._params = Blocks([params], size)

    def pack(self, tensors: Tensors) -> Packed:
        """Copies parameters, then consts, which are contiguous, to where kernels look for them."""
        engine = self._engine
        buffers = [engine.buffers.take(length) for length in self._lengths]
        for each in buffers:
            each.array[:] = 0  # between parameters there may be gaps
        pairs = zip(buffers, self._lengths, strict=True)
        parameters, constants = (each.array[:length] for each, length in pairs)
        numbers = engine.numbers_of(self._hypers, constants, parameters)
        packed = Packed(tensors[0].dtype if tensors else None, numbers, self._all, buffers)
        self._all.gather([*map(_place_of, tensors), *packed._flat])
        return packed

    def unpack(self, flat: Values) -> list[torch.Tensor]:
        """A tensor for each parameter, of what lies in a flat array, or of its memory."""
        if self.views:
            return [_from_numpy(flat[a:b].reshape(shape)) for a, b, shape in self.views]
        dtype = self._engine.dtype
        found = [_from_numpy(np.empty(shape, dtype)) for shape in self.shapes[: self.count]]
        self._params.scatter([*map(_place_of, found), flat.ctypes.data])
        return found


def _ranges(views: Sequence[View], size: int) -> list[tuple[int, int, tuple[int, ...]]]:
    found = []
    for shape, offset, strides in views:
        found.append((offset // size, offset // size + prod(shape), shape))
        if not _is_contiguous(shape, strides, size):
            return []
    return found


def _is_contiguous(shape: Sequence[int], strides: Sequence[int], size: int) -> bool:
    for length, stride in zip(reversed(shape), reversed(strides), strict=True):
        if length != 1 and stride != size:
            return False
        size *= length
    return True
