"""Products whose rows an index finds, beside NumPy's of the rows themselves.

Arrays lie as in `test_gemm`; rows that the index does not name are NaN where they must not be read.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numba import njit

from celldsl.jit.gemm.calls import gemm_rows, gemm_sums_rows, pack, pack_rows
from celldsl.jit.gemm.packing import packed_length, sum_chunks, sum_panels
from celldsl.jit.gemm.prepare import prepare_products
from celldsl.jit.gemm.sizes import SUM_MICRO_PANELS
from celldsl.jit.lowering.numba_types import register_routines
from celldsl.jit.lowering.pointers import pointer
from celldsl.jit.lowering.vector_width import panel_width
from tests.runtime.test_gemm import (
    DTYPES,
    GUARD,
    Inside,
    close,
    draw,
    run_with_plain_products,
)

FIRST = 3  # rows of the index that belong to somebody else


@njit(nogil=True, error_model="numpy")
def run_pack(k, n, b, start, step, out):
    pack(k, n, pointer(b, start, 0), step, 1, pointer(out, 0, 1))


@njit(nogil=True, error_model="numpy")
def run_gemm(
    m, n, k, a, a0, a_rs, packed, width, c, c0, c_rs, add, rows, a_first, a_at, c_first, c_at
):
    gemm_rows(m, n, k, pointer(a, a0, 0), a_rs, 1, pointer(packed, 0, 1), k * width, width,
              pointer(c, c0, 2), c_rs, add, pointer(rows, 0, -1), a_first, a_at, c_first,
              c_at)  # fmt: skip


@njit(nogil=True, error_model="numpy")
def run_sums(r, m, n, a, a0, a_rs, b, b0, b_rs, c, c0, c_rs, packed, micro, add, rows, at):
    chunks = sum_chunks(r)
    for chunk in range(chunks):
        low = r * chunk // chunks
        depth = r * (chunk + 1) // chunks - low
        pack_rows(depth, n, pointer(b, b0, 0), b_rs, 1, pointer(packed, 0, 1),
                  pointer(rows, 0, -1), at + low)  # fmt: skip
        gemm_sums_rows(depth, m, n, pointer(a, a0, 0), a_rs, pointer(packed, 0, 1),
                       pointer(micro, 0, 3), pointer(c, c0, 2), c_rs, add or chunk > 0,
                       pointer(rows, 0, -1), at + low)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def prepared() -> None:
    register_routines()
    prepare_products("float32")
    prepare_products("float64")


class Scattered:
    """A matrix whose rows lie in another order among those of a higher one, which are `filler`."""

    def __init__(self, values: Any, places: Any, filler: float) -> None:
        rows, columns = 2 * len(values) + FIRST + 1, values.shape[1]
        self.whole = Inside(rows, columns, values.dtype, filler, filler)
        self.places = places
        self.whole.view[places] = values

    @property
    def found(self) -> Any:
        return self.whole.view[self.places]

    def untouched(self) -> bool:
        others = np.delete(self.whole.view, self.places, axis=0)
        return self.whole.untouched() and bool(np.all(others == GUARD))


def index_of(count: int) -> tuple[Any, Any, int]:
    """Places of rows, the words that they lie among, and where their index begins there."""
    places = np.random.default_rng(count).permutation(2 * count + FIRST + 1)[:count]
    words = np.concatenate([np.full(4 + FIRST, 10**12), places]).astype(np.int64)
    return places, words, 4


def multiply(m: int, n: int, k: int, dtype: Any, reads: bool, writes: bool, add: bool) -> None:
    a, b, c = draw(m, k).astype(dtype), draw(k, n).astype(dtype), draw(m, n).astype(dtype)
    places, words, at = index_of(m)
    plain = np.arange(FIRST, FIRST + m)
    left = Scattered(a, places if reads else plain, np.nan)
    out = Scattered(c, places if writes else plain, GUARD)
    right, packed = Inside(k, n, dtype, np.nan, b), np.full(packed_length(k, n) + 1, np.nan, dtype)
    run_pack(k, n, right.flat, right.start, right.stride, packed)
    run_gemm(m, n, k, left.whole.flat, left.whole.start, left.whole.stride, packed,
             panel_width(dtype), out.whole.flat, out.whole.start, out.whole.stride, int(add),
             words, FIRST, at * reads, FIRST, at * writes)  # fmt: skip
    close(out.found, a.astype(np.float64) @ b + (c if add else 0), k)
    assert out.untouched()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("writes", [True, False])
def test_products_of_all_sizes(dtype: Any, reads: bool, writes: bool) -> None:
    for m, n, k in product([0, 1, 6, 7, 49], [1, 7, 15, 16, 17, 33], [0, 1, 17, 40]):
        multiply(m, n, k, dtype, reads, writes, add=(m + n + k) % 2 == 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("writes", [True, False])
def test_depths_heights_and_widths_that_are_cut(dtype: Any, writes: bool) -> None:
    for m, n, k in [(3, 257, 1025), (97, 511, 5), (72, 33, 768), (73, 256, 769), (145, 513, 3),
                    (48, 16, 512), (1, 300, 511)]:  # fmt: skip
        multiply(m, n, k, dtype, True, writes, add=m % 2 == 1)


def sums(r: int, m: int, n: int, dtype: Any, add: int) -> None:
    a, b, c = draw(r, m).astype(dtype), draw(r, n).astype(dtype), draw(m, n).astype(dtype)
    places, words, at = index_of(r)
    left, right = (Scattered(each, places, np.nan) for each in (a, b))
    out, length = Inside(m, n, dtype, GUARD, c), sum_panels(n)
    packed = np.full(length + 8, GUARD, dtype)
    micro_panels = np.full(SUM_MICRO_PANELS + 8, GUARD, dtype)
    run_sums(r, m, n, left.whole.flat, left.whole.start, left.whole.stride, right.whole.flat,
             right.whole.start, right.whole.stride, out.flat, out.start, out.stride, packed,
             micro_panels, add, words, at + FIRST)  # fmt: skip
    close(out.view, a.T.astype(np.float64) @ b + add * c.astype(np.float64), r)
    assert out.untouched()
    assert np.all(packed[length:] == GUARD)
    assert np.all(micro_panels[SUM_MICRO_PANELS:] == GUARD)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_over_rows(dtype: Any) -> None:
    shapes = [(1, 1, 1), (2, 7, 17), (100, 64, 33), (511, 9, 16), (769, 145, 40), (1537, 6, 130),
              *((3, m, 33) for m in range(1, 30))]  # fmt: skip
    for shape, add in product(shapes, [0, 1]):
        sums(*shape, dtype, add)


PLAIN = """\
import tests.runtime.test_indexed_gemm as t
from celldsl.jit.gemm.prepare import plain_products

assert plain_products()
t.register_routines()
for dtype in t.DTYPES:
    t.prepare_products(dtype)
    t.multiply(7, 33, 5, dtype, True, True, True)
    t.multiply(6, 16, 0, dtype, True, False, False)
    t.sums(9, 5, 33, dtype, 0)
print("done")
"""


def test_plain_products_stand_behind_the_same_symbols() -> None:
    run_with_plain_products(PLAIN)
