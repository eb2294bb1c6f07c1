"""Blocks of memory: arrays to and from where they lie in flat ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from celldsl.runtime.arrays.params import View
from celldsl.runtime.blocks import Blocks


def places_in(flat: Any, views: list[Any]) -> list[View]:
    start = flat.ctypes.data
    return [(view.shape, view.ctypes.data - start, view.strides) for view in views]


def drawn(dtype: str) -> tuple[Any, list[Any], Any, list[Any]]:
    """Two flat arrays with views in them: contiguous, side by side, turned, of no axes, empty."""
    random = np.random.default_rng(0)
    first = random.normal(size=300).astype(dtype)
    second = random.normal(size=5).astype(dtype)
    whole = first[10:130].reshape(4, 5, 6)
    views = [whole[:, 1:3], whole[1:, 3].T, whole[:, 0, ::2], first[130:131].reshape(()), first[:0]]
    return first, [*views, first[200:296].reshape(2, 1, 48)], second, [second[1:4]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_go_to_their_places_and_back(dtype: str) -> None:
    first, views, second, others = drawn(dtype)
    blocks = Blocks([places_in(first, views), places_in(second, others)], np.dtype(dtype).itemsize)
    arrays = [np.full(view.shape, -1.0, dtype) for view in (*views, *others)]
    own = [array.ctypes.data for array in arrays]
    here = [first.ctypes.data, second.ctypes.data]
    assert blocks.differ([*own, *here])
    blocks.scatter([*own, *here])
    for array, view in zip(arrays, (*views, *others), strict=True):
        assert np.array_equal(array, view)
    assert not blocks.differ([*own, *here])

    empty = [np.zeros_like(first), np.zeros_like(second)]
    blocks.gather([*own, *(each.ctypes.data for each in empty)])
    assert not blocks.differ([*own, *(each.ctypes.data for each in empty)])
    gaps = np.ones(300, bool)
    for view in views:
        at = (view.ctypes.data - first.ctypes.data) // first.itemsize
        steps = [stride // first.itemsize for stride in view.strides]
        np.lib.stride_tricks.as_strided(gaps[at:], view.shape, steps)[...] = False
    assert not empty[0][gaps].any()


def test_one_bit_is_a_difference() -> None:
    first, views, second, others = drawn("float32")
    blocks = Blocks([places_in(first, views), places_in(second, others)], 4)
    arrays = [np.array(view, order="C") for view in (*views, *others)]
    words = [*(a.ctypes.data for a in arrays), first.ctypes.data, second.ctypes.data]
    assert not blocks.differ(words)
    for array in arrays:
        if array.size:
            bits = array.reshape(-1).view(np.int32)
            bits[-1] ^= 1
            assert blocks.differ(words)
            bits[-1] ^= 1
    assert not blocks.differ(words)
