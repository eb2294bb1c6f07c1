"""Pointers: pointers that kernels loop over."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

from celldsl.jit.lowering.numba_types import register_routines
from celldsl.jit.lowering.pointers import address, pointer, real

register_routines()


@njit
def shift(x, n):
    source, result = pointer(x, 2, 0), pointer(pointer(x, 4, -1), 4, 1)
    for j in range(n):
        result[j] = source[j] + 1
    result[n] = 0.1
    return result[0], address(result) - address(source)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_lane_begins_at_its_offset(dtype: Any) -> None:
    x = np.arange(16, dtype=dtype)
    first, distance = shift(x, 3)
    assert (first, distance) == (3.0, 6 * x.itemsize)
    expected = np.arange(16, dtype=dtype)
    expected[8:12] = [3, 4, 5, 0.1]
    np.testing.assert_array_equal(x, expected)


@njit
def narrow(x):
    y = pointer(x, 0, 0)
    y[np.uint8(1)] = y[np.int32(0)] * real(y, 0.1)
    return real(y, 0.1), real(x, 3), y[1]


def test_real_keeps_the_precision() -> None:
    x = np.array([3.0, 0.0], np.float32)
    tenth, three, product = narrow(x)
    assert (tenth, three) == (np.float32(0.1), 3.0)
    assert product == np.float32(3.0) * np.float32(0.1)


@njit
def plus(n, x, y, z):
    a, b, c = pointer(x, 0, 0), pointer(y, 0, 1), pointer(z, 0, 2)
    for j in range(n):
        c[j] = a[j] * b[j]


@njit
def plus_without_scopes(n, x, y, z):
    a, b, c = pointer(x, 0, -1), pointer(y, 0, -1), pointer(z, 0, -1)
    for j in range(n):
        c[j] = a[j] * b[j]


def test_scopes_spare_the_checks_for_overlap() -> None:
    x = np.ones(8, np.float32)
    kinds = []
    for function in (plus, plus_without_scopes):
        function(8, x, x, x.copy())
        text = function.inspect_llvm(function.signatures[0])
        kinds.append((bool(re.search(r"<\d+ x float>", text)), "vector.memcheck" in text))
    assert kinds == [(True, False), (True, True)]


def test_scopes_are_literal_and_few() -> None:
    @njit
    def too_high(x):
        return pointer(x, 0, 64)[0]

    @njit
    def variable(x, scope):
        return pointer(x, 0, scope)[0]

    with pytest.raises(TypingError, match="pointer"):
        too_high(np.ones(1))
    with pytest.raises(TypingError, match="pointer"):
        variable(np.ones(1), 3)
