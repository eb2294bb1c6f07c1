"""Rounding to bfloat16, in compiled loops, in NumPy and of one number: the bits of a library's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from celldsl.ir.ops.spelling import scalar_value
from celldsl.jit.vector_math import functions as elementary
from celldsl.runtime import numerics
from tests.runtime.test_elementary import loop, singles

BORDERS = [
    0x7F7FFFFF, 0x7F7F8000, 0x7F7F7FFF, 0x7F800000, 0x7F800001, 0x7FFFFFFF, 0x3F808000, 0x3F818000,
    0x3F807FFF, 0x3F808001, 0x007FFFFF, 0x00800000, 0x00000001, 0x00000000,
]  # fmt: skip


def numbers() -> Any:
    """The whole range, ties, the ends, NaN, and what is smaller than normal numbers."""
    borders = np.array([*BORDERS, *(b | 0x80000000 for b in BORDERS)], np.uint32)
    return np.concatenate([singles(), borders.view(np.float32)])


def expected(x: Any) -> Any:
    library: Any = pytest.importorskip("ml_dtypes")
    with np.errstate(all="ignore"):
        rounded = x.astype(library.bfloat16).astype(np.float32)
    return np.where(np.abs(x) < 2.0**-126, np.copysign(np.float32(0.0), x), rounded)


def assert_same_bits(found: Any, wanted: Any) -> None:
    same = found.view(np.int32) == wanted.view(np.int32)
    assert (same | (np.isnan(found) & np.isnan(wanted))).all()
    assert found.dtype == np.float32


def test_compiled_loops_round_as_the_library() -> None:
    x = numbers()
    found = np.empty_like(x)
    loop(elementary.bfloat16)(x.size, x, found)
    assert_same_bits(found, expected(x))


def test_plain_python_rounds_as_the_library() -> None:
    x = numbers()
    assert_same_bits(numerics.bfloat16(x), expected(x))
    compute: Any = elementary.bfloat16
    assert_same_bits(compute(x), expected(x))
    one_by_one = [scalar_value("bfloat16", [float(v)]) for v in x[-28:]]
    assert_same_bits(np.array(one_by_one, np.float32), expected(x[-28:]))


def test_doubles_go_by_way_of_singles() -> None:
    x = np.array([1.00390625, np.nextafter(1.00390625, 2.0), -1e300, 3e-320, np.inf])
    wanted = [1.0, 1.0, -np.inf, 0.0, np.inf]
    compute: Any = elementary.bfloat16
    assert [*numerics.bfloat16(x)] == [*compute(x)] == wanted
    assert numerics.bfloat16(x).dtype == compute(x).dtype == np.float64
    assert [scalar_value("bfloat16", [v]) for v in x] == wanted


def test_a_derivative_passes() -> None:
    found = numerics.bfloat16(np.array([1.2345 + 1e-30j]))
    assert found == 1.234375 + 1e-30j
