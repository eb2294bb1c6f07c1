"""The products that kernels call, beside NumPy's.

Each array lies inside a longer one whose other elements are NaN where they must not be read, and a
guard where they must not be written.
"""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import njit

import celldsl.runtime
from celldsl.jit.gemm.calls import gemm, gemm_sums, pack
from celldsl.jit.gemm.packing import (
    packed_length,
    sum_chunks,
    sum_panels,
    sum_split,
)
from celldsl.jit.gemm.prepare import prepare_products
from celldsl.jit.gemm.sizes import SUM_MICRO_PANELS
from celldsl.jit.lowering.numba_types import register_routines
from celldsl.jit.lowering.pointers import pointer
from celldsl.jit.lowering.vector_width import panel_width

DTYPES = [np.float32, np.float64]
GUARD = 777.0
SIZES = [0, 1, 2, 7, 15, 16, 17, 33, 129]


@njit(nogil=True, error_model="numpy")
def run_pack(k, n, b, start, row_stride, column_stride, out):
    pack(k, n, pointer(b, start, 0), row_stride, column_stride, pointer(out, 0, 1))


@njit(nogil=True, error_model="numpy")
def run_gemm(m, n, k, a, a0, a_rs, a_cs, b, b0, b_panel, b_rs, c, c0, c_rs, accumulate):
    gemm(m, n, k, pointer(a, a0, 0), a_rs, a_cs, pointer(b, b0, 1), b_panel, b_rs,
         pointer(c, c0, 2), c_rs, accumulate)  # fmt: skip


@njit(nogil=True, error_model="numpy")
def run_sums(r, m, n, a, a_rs, b, b_rs, c, c0, c_rs, packed, micro_panels, accumulate):
    chunks = sum_chunks(r)
    for chunk in range(chunks):
        low = r * chunk // chunks
        depth = r * (chunk + 1) // chunks - low
        pack(depth, n, pointer(b, low * b_rs, 0), b_rs, 1, pointer(packed, 0, 1))
        gemm_sums(depth, m, n, pointer(a, low * a_rs, 0), a_rs, pointer(packed, 0, 1),
                  pointer(micro_panels, 0, 3), pointer(c, c0, 2), c_rs,
                  accumulate or chunk > 0)  # fmt: skip


@pytest.fixture(autouse=True)
def prepared() -> None:
    register_routines()
    prepare_products("float32")
    prepare_products("float64")


class Inside:
    """A matrix with a longer row stride inside an array of `filler`."""

    def __init__(self, rows: int, columns: int, dtype: Any, filler: float, values: Any) -> None:
        self.start, self.stride = 5, columns + 3
        self.flat = np.full(self.start + rows * self.stride + 40, filler, dtype)
        self.view = self.flat[self.start : self.start + rows * self.stride]
        self.view = self.view.reshape(rows, self.stride)[:, :columns]
        self.view[:] = values

    def untouched(self) -> bool:
        """Whether all that is outside the matrix is still there."""
        kept = self.flat.copy()
        inside = kept[self.start : self.start + self.view.shape[0] * self.stride]
        inside.reshape(-1, self.stride)[:, : self.view.shape[1]] = GUARD
        return bool(np.all(kept == GUARD))


def draw(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def close(found: Any, exact: Any, k: int) -> None:
    tolerance = 8 * np.finfo(found.dtype).eps * np.sqrt(k + 1)
    np.testing.assert_allclose(
        found, exact, rtol=0, atol=tolerance * (np.abs(exact).max(initial=1))
    )


def multiply(m: int, n: int, k: int, dtype: Any, packed: bool, transposed: bool, add: bool) -> None:
    a, b, c = draw(m, k).astype(dtype), draw(k, n).astype(dtype), draw(m, n).astype(dtype)
    left = Inside(k, m, dtype, np.nan, a.T) if transposed else Inside(m, k, dtype, np.nan, a)
    strides = (1, left.stride) if transposed else (left.stride, 1)
    right = Inside(k, n, dtype, np.nan, b)
    out = Inside(m, n, dtype, GUARD, c)
    width = panel_width(dtype)
    panels, start, steps = right.flat, right.start, (width, right.stride)
    if packed:
        panels, start, steps = (
            np.full(packed_length(k, n) + 1, np.nan, dtype),
            0,
            (k * width, width),
        )
        run_pack(k, n, right.flat, right.start, right.stride, 1, panels)
    run_gemm(m, n, k, left.flat, left.start, *strides, panels, start, *steps, out.flat, out.start,
             out.stride, int(add))  # fmt: skip
    close(out.view, a.astype(np.float64) @ b + (c if add else 0), k)
    assert out.untouched()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("transposed", [True, False])
def test_products_of_all_sizes(dtype: Any, packed: bool, transposed: bool) -> None:
    for m, n, k in product(SIZES, SIZES, [0, 1, 17, 40]):
        multiply(m, n, k, dtype, packed, transposed, add=(m + n + k) % 2 == 1)


@pytest.mark.parametrize("m", range(1, 26))
def test_every_number_of_rows(m: int) -> None:
    for n, add in product([16, 48, 80, 95], [True, False]):
        multiply(m, n, 9, np.float32, True, False, add)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("packed", [True, False])
def test_depths_and_heights_that_are_cut(dtype: Any, packed: bool) -> None:
    for m, n, k in [(3, 37, 1025), (97, 17, 513), (200, 33, 769), (145, 16, 512), (1, 64, 2000)]:
        multiply(m, n, k, dtype, packed, False, add=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("by_column", [True, False])
def test_panels(dtype: Any, by_column: bool) -> None:
    width = panel_width(dtype)
    for k, n in product([1, 3, 20], [1, width - 1, width, width + 1, 3 * width + 2]):
        b = draw(k, n).astype(dtype)
        source = Inside(n, k, dtype, np.nan, b.T) if by_column else Inside(k, n, dtype, np.nan, b)
        strides = (1, source.stride) if by_column else (source.stride, 1)
        count = -(-n // width)
        out = np.full(count * k * width + 8, GUARD, dtype)
        run_pack(k, n, source.flat, source.start, *strides, out)
        padded = np.zeros((k, count * width), dtype)
        padded[:, :n] = b
        expected = padded.reshape(k, count, width).transpose(1, 0, 2)
        np.testing.assert_array_equal(out[:-8].reshape(count, k, width), expected)
        assert np.all(out[-8:] == GUARD)
        assert packed_length(k, n) >= count * k * width


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_over_many_rows(dtype: Any) -> None:
    shapes = [(0, 3, 4), (1, 1, 1), (2, 7, 17), (100, 64, 33), (511, 9, 16), (769, 145, 40),
              (1537, 6, 530), (30, 100, 1050)]  # fmt: skip
    check_sums(shapes, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_have_strips_of_all_widths(dtype: Any) -> None:
    """Also where a last panel goes down the micro-panels by itself."""
    check_sums([(3, m, n) for m in range(1, 150) for n in (1, 31, 32)], dtype)


def check_sums(shapes: list[tuple[int, int, int]], dtype: Any) -> None:
    for (r, m, n), add in product(shapes, [0, 1]):
        a, b, c = draw(r, m).astype(dtype), draw(r, n).astype(dtype), draw(m, n).astype(dtype)
        left, right = Inside(r, m, dtype, np.nan, a), Inside(r, n, dtype, np.nan, b)
        out = Inside(m, n, dtype, GUARD, c)
        length = sum_panels(n)
        packed = np.full(length + 8, GUARD, dtype)
        micro_panels = np.full(SUM_MICRO_PANELS + 8, GUARD, dtype)
        run_sums(r, m, n, left.flat[left.start :], left.stride, right.flat[right.start :],
                 right.stride, out.flat, out.start, out.stride, packed, micro_panels,
                 add)  # fmt: skip
        close(out.view, a.T.astype(np.float64) @ b + add * c.astype(np.float64), r)
        assert out.untouched()
        assert np.all(packed[length:] == GUARD)
        assert np.all(micro_panels[SUM_MICRO_PANELS:] == GUARD)


def test_parts_share_rows_where_there_are_enough() -> None:
    for parts in range(1, 17):
        for rows in (0, 1, 511, 512, 1024, 3200, 100_000):
            split = sum_split(parts, rows)
            assert parts % split == 0
            assert split == 1 or rows // split >= 512
    assert [sum_split(parts, 3200) for parts in (1, 2, 4, 5, 6, 7)] == [1, 2, 4, 5, 6, 1]


@njit
def lengths(k, n, x):
    return packed_length(k, n), sum_panels(n), panel_width(pointer(x, 0, 0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_lengths_are_the_same_in_kernels(dtype: Any) -> None:
    expected = (packed_length(3, 40), sum_panels(40), panel_width(dtype))
    assert lengths(3, 40, np.zeros(1, dtype)) == expected
    assert panel_width(np.zeros(1, dtype)) == panel_width(np.dtype(dtype).name)


KERNEL = """
import numpy as np
from numba import njit
from celldsl.jit.gemm.sizes import SUM_MICRO_PANELS
from celldsl.jit.gemm.prepare import prepare_products
from celldsl.jit.gemm.calls import gemm
from celldsl.jit.lowering.numba_types import register_routines
from celldsl.jit.lowering.vector_width import panel_width
from celldsl.jit.lowering.pointers import pointer

register_routines()
prepare_products("float32")


@njit(nogil=True, cache=True, error_model="numpy")
def run(a, b, c):
    gemm(2, 2, 2, pointer(a, 0, 0), 2, 1, pointer(b, 0, 1), panel_width(b), 2, pointer(c, 0, 2),
         2, 0)


a = np.arange(4, dtype=np.float32)
c = np.zeros(4, np.float32)
run(a, a, c)
print(c.tolist(), sum(run.stats.cache_hits.values()))
"""


def test_a_kernel_is_loaded_by_a_second_process(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "kernel_that_multiplies.py"
    script.write_text(KERNEL, encoding="utf-8")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(Path(celldsl.runtime.__file__).parents[2]))
    for hits in (0, 1):
        done = subprocess.run(
            [sys.executable, "-W", "error", str(script)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.split("]") == ["[2.0, 3.0, 6.0, 11.0", f" {hits}\n"], done.stderr


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_step_of_zero_reads_one_number_for_each_row(dtype: Any) -> None:
    for m, n, k in ((1, 3, 1), (7, 16, 1), (100, 33, 1), (13, 20, 5)):
        a, b = draw(m, 1).astype(dtype), draw(k, n).astype(dtype)
        packed, out = np.zeros(packed_length(k, n), dtype), np.full((m, n), GUARD, dtype)
        run_pack(k, n, b.ravel(), 0, n, 1, packed)
        width = panel_width(np.dtype(dtype).name)
        run_gemm(m, n, k, a.ravel(), 0, 1, 0, packed, 0, k * width, width, out.ravel(), 0, n, 0)
        close(out, a.astype(np.float64) * b.sum(axis=0), k)


PLAIN = """\
import numpy as np
import tests.runtime.test_gemm as t
from celldsl.jit.gemm.sizes import SUM_MICRO_PANELS
from celldsl.jit.gemm.prepare import plain_products, prepare_products

assert plain_products()
t.register_routines()
for dtype in t.DTYPES:
    prepare_products(dtype)
    for m, n, k in ((1, 1, 1), (7, 33, 5), (6, 16, 0)):
        draw = np.random.default_rng(0)
        a, b = draw.normal(size=(m, k)).astype(dtype), draw.normal(size=(k, n)).astype(dtype)
        packed, c = np.full(t.packed_length(k, n) + 1, 7, dtype), np.full((m, n), 9, dtype)
        t.run_pack(k, n, b, 0, n, 1, packed)
        w = t.panel_width(packed)
        t.run_gemm(m, n, k, a, 0, k, 1, packed, 0, k * w, w, c, 0, n, 0)
        np.testing.assert_allclose(c, a @ b, rtol=1e-4, atol=1e-5)
        r = m
        sums, micro = np.full((k, n), 9, dtype), np.zeros(t.SUM_MICRO_PANELS, dtype)
        dy = draw.normal(size=(r, n)).astype(dtype)
        panels = np.zeros(t.sum_panels(n), dtype)
        t.run_sums(r, k, n, a, k, dy, n, sums, 0, n, panels, micro, 0)
        np.testing.assert_allclose(sums, a.T @ dy, rtol=1e-4, atol=1e-5)
print("done")
"""


def run_with_plain_products(script: str) -> None:
    """Runs a script that ends in "done" by itself, since CELLDSL_GEMM is read once a process."""
    home = str(Path(celldsl.runtime.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": home, "CELLDSL_GEMM": "plain"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "done\n", done.stderr


def test_plain_products_stand_behind_the_same_symbols() -> None:
    run_with_plain_products(PLAIN)
