"""Products that round their factors to bfloat16 as they pack them, beside NumPy's of rounded ones.

Arrays lie as in `test_gemm`: nothing outside may be read or written.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numba import njit

from celldsl.jit.gemm import rounded
from celldsl.jit.gemm.calls import gemm_rounded, gemm_sums_rounded, pack_rounded
from celldsl.jit.gemm.packing import packed_length, sum_chunks, sum_panels
from celldsl.jit.gemm.prepare import prepare_rounded
from celldsl.jit.gemm.sizes import SUM_MICRO_PANELS
from celldsl.jit.lowering.numba_types import register_routines
from celldsl.jit.lowering.pointers import pointer
from celldsl.runtime.numerics import bfloat16
from tests.runtime.test_gemm import (
    DTYPES,
    GUARD,
    Inside,
    close,
    draw,
    run_with_plain_products,
)


@njit(nogil=True, error_model="numpy")
def run_pack(k, n, b, start, row_stride, column_stride, out):
    pack_rounded(k, n, pointer(b, start, 0), row_stride, column_stride, pointer(out, 0, 1))


@njit(nogil=True, error_model="numpy")
def run_gemm(m, n, k, a, a0, a_rs, a_cs, packed, c, c0, c_rs, accumulate):
    gemm_rounded(m, n, k, pointer(a, a0, 0), a_rs, a_cs, pointer(packed, 0, 1),
                 pointer(c, c0, 2), c_rs, accumulate)  # fmt: skip


@njit(nogil=True, error_model="numpy")
def run_sums(r, m, n, used, a, a0, a_rs, b, b0, b_rs, c, c0, c_rs, packed, micro, accumulate):
    chunks = sum_chunks(r)
    for chunk in range(chunks):
        low = r * chunk // chunks
        depth = r * (chunk + 1) // chunks - low
        pack_rounded(depth, n, pointer(b, b0 + low * b_rs, 0), b_rs, 1, pointer(packed, 0, 1))
        gemm_sums_rounded(depth, m, used, pointer(a, a0 + low * a_rs, 0), a_rs,
                          pointer(packed, 0, 1), pointer(micro, 0, 3), pointer(c, c0, 2), c_rs,
                          accumulate or chunk > 0)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def prepared() -> None:
    register_routines()
    prepare_rounded("float32")
    prepare_rounded("float64")


def multiply(m: int, n: int, k: int, dtype: Any, by_column: bool, add: bool) -> None:
    a, b, c = draw(m, k).astype(dtype), draw(k, n).astype(dtype), draw(m, n).astype(dtype)
    left = Inside(k, m, dtype, np.nan, a.T) if by_column else Inside(m, k, dtype, np.nan, a)
    right = Inside(n, k, dtype, np.nan, b.T) if by_column else Inside(k, n, dtype, np.nan, b)
    left_steps = (1, left.stride) if by_column else (left.stride, 1)
    right_steps = (1, right.stride) if by_column else (right.stride, 1)
    out, length = Inside(m, n, dtype, GUARD, c), packed_length(k, n)
    packed = np.full(length + 8, GUARD, dtype)
    run_pack(k, n, right.flat, right.start, *right_steps, packed)
    run_gemm(m, n, k, left.flat, left.start, *left_steps, packed, out.flat, out.start,
             out.stride, int(add))  # fmt: skip
    exact = bfloat16(a).astype(np.float64) @ bfloat16(b).astype(np.float64)
    close(out.view, exact + (c if add else 0), k)
    assert out.untouched()
    assert np.all(packed[length:] == GUARD)
    assert np.array_equal(left.view, a.T if by_column else a), "a factor was rounded where it lies"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("by_column", [True, False])
def test_products_of_all_sizes(dtype: Any, by_column: bool) -> None:
    sizes = [0, 1, 7, 15, 16, 17, 33]
    for m, n, k in product([0, 1, 6, 7, 49], sizes, [0, 1, 17, 40]):
        multiply(m, n, k, dtype, by_column, add=(m + n + k) % 2 == 1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_depths_and_heights_that_are_cut(dtype: Any) -> None:
    for m, n, k in [(3, 37, 1025), (97, 17, 513), (72, 33, 768), (73, 33, 769), (1, 64, 2000),
                    (48, 16, 512), (145, 5, 511)]:  # fmt: skip
        multiply(m, n, k, dtype, by_column=False, add=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_over_rows(dtype: Any) -> None:
    shapes = [(0, 3, 4), (1, 1, 1), (2, 7, 17), (100, 64, 33), (511, 9, 16), (769, 145, 40),
              (1537, 6, 130), *((3, m, 33) for m in range(1, 30))]  # fmt: skip
    for (r, m, n), add in product(shapes, [0, 1]):
        for used in {n, (n + 1) // 2}:
            sums(r, m, n, used, dtype, add)


def sums(r: int, m: int, n: int, used: int, dtype: Any, add: int) -> None:
    """Of the packed columns the first are used."""
    a, b, c = draw(r, m).astype(dtype), draw(r, n).astype(dtype), draw(m, used).astype(dtype)
    left, right = Inside(r, m, dtype, np.nan, a), Inside(r, n, dtype, np.nan, b)
    out, length = Inside(m, used, dtype, GUARD, c), sum_panels(n)
    packed = np.full(length + 8, GUARD, dtype)
    micro_panels = np.full(SUM_MICRO_PANELS + 8, GUARD, dtype)
    run_sums(r, m, n, used, left.flat, left.start, left.stride, right.flat, right.start,
             right.stride, out.flat, out.start, out.stride, packed, micro_panels, add)  # fmt: skip
    exact = bfloat16(a).T.astype(np.float64) @ bfloat16(b[:, :used]).astype(np.float64)
    close(out.view, exact + add * c.astype(np.float64), r)
    assert out.untouched()
    assert np.all(packed[length:] == GUARD)
    assert np.all(micro_panels[SUM_MICRO_PANELS:] == GUARD)


def test_numbers_that_are_no_ordinary_ones() -> None:
    """Infinities and NaN go through, halves go to the even one, denormal numbers are zeros."""
    given = [np.inf, -np.inf, np.nan, 1e-40, 1.00390625, 1.01171875, 3.4e38, -0.0]
    a = np.array(given, np.float32).reshape(-1, 1)
    one, out = np.ones((1, 1), np.float32), np.full((8, 1), GUARD, np.float32)
    packed = np.zeros(packed_length(1, 1), np.float32)
    run_pack(1, 1, one, 0, 1, 1, packed)
    run_gemm(8, 1, 1, a, 0, 1, 1, packed, out, 0, 1, 0)
    wanted = [np.inf, -np.inf, np.nan, 0.0, 1.0, 1.015625, np.inf, 0.0]
    np.testing.assert_array_equal(out[:, 0], np.array(wanted, np.float32))


def test_a_family_is_chosen_by_what_the_processor_has(monkeypatch: pytest.MonkeyPatch) -> None:
    tiles, dots = dict(rounded.IN_SINGLES), dict(rounded.IN_SINGLES)
    known = (("amx-tile amx-bf16", tiles), ("avx512bf16", dots), *rounded.FAMILIES)
    monkeypatch.setattr(rounded, "FAMILIES", known)
    assert rounded.rounded_loops("+avx2,+amx-tile,+amx-bf16,+avx512bf16") is tiles
    assert rounded.rounded_loops("+avx2,+amx-tile,-amx-bf16,+avx512bf16") is dots
    for features in ("", "+avx2,-avx512bf16"):
        assert rounded.rounded_loops(features) is rounded.IN_SINGLES


PLAIN = """\
import numpy as np
import tests.runtime.test_rounded_gemm as t
from celldsl.jit.gemm.prepare import plain_products

assert plain_products()
t.register_routines()
for dtype in t.DTYPES:
    t.prepare_rounded(dtype)
    t.multiply(7, 33, 5, dtype, True, True)
    t.multiply(6, 16, 0, dtype, False, False)
    t.sums(9, 5, 33, 17, dtype, 0)
print("done")
"""


def test_plain_products_stand_behind_the_same_symbols() -> None:
    run_with_plain_products(PLAIN)
