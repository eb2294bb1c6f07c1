"""Convolutions by Winograd's transforms, beside NumPy's sums over windows and the direct ones.

What must not be read is NaN, and what must not be written a guard.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import njit

import celldsl
from celldsl.jit.gemm import plain
from celldsl.jit.gemm.calls import pack_winograd, winograd, winograd_sums
from celldsl.jit.gemm.prepare import prepare_winograd
from celldsl.jit.gemm.sizes import WINOGRAD_SCRATCH
from celldsl.jit.lowering.numba_types import register_routines
from celldsl.jit.lowering.pointers import pointer
from celldsl.runtime.numerics import window
from tests.runtime.test_convolutions import (
    GUARD,
    Case,
    apart,
    close,
    draw,
    inside,
    run_convolve,
    run_pack,
    run_sums,
)

FEATURES = Path(__file__).parents[1] / "end_to_end" / "feature_cells"
CASES = [  # rows, groups, m, channels, height, width, tall, wide
    Case(2, 1, 8, 8, 16, 32, 3, 3),
    Case(3, 1, 13, 9, 17, 30, 3, 3),
    Case(1, 1, 31, 65, 33, 47, 3, 3),
    Case(1, 1, 9, 150, 4, 16, 3, 3),  # more than a share of the channels
    Case(1, 1, 100, 8, 5, 64, 3, 3),  # more than a block of rows
    Case(5, 1, 9, 8, 12, 15, 3, 3),
    Case(2, 1, 8, 9, 1, 131, 1, 3),
    Case(3, 1, 17, 33, 1, 64, 1, 3),
    Case(2, 1, 20, 200, 3, 63, 1, 3),  # lines that have nothing to do with each other
    Case(2, 1, 8, 8, 1, 1, 3, 3),  # so few pixels that transforms do not pay
    Case(1, 1, 7, 20, 16, 16, 3, 3),
    Case(0, 1, 8, 8, 16, 32, 3, 3),
]
# So many tiles are transformed for nothing that the direct product is better.
DIRECT = CASES[-3:-1]


@njit(nogil=True, error_model="numpy")
def run_pack_winograd(m, channels, height, width, tall, wide, a, out):
    pack_winograd(m, channels, height, width, tall, wide, pointer(a, 0, 0),
                  channels * tall * wide, tall * wide, wide, 1, pointer(out, 0, 1))  # fmt: skip


@njit(nogil=True, error_model="numpy")
def run_winograd(rows, m, channels, height, width, tall, wide, packed, image, at, apart, c, c_at,
                 c_apart, add, scratch):  # fmt: skip
    pixels = height * width
    winograd(rows, m, channels, height, width, tall, wide, pointer(packed, 0, 0),
             pointer(image, at, 1), channels * pixels + apart, pixels, pointer(c, c_at, 2),
             m * pixels + c_apart, pixels, add, pointer(scratch, 0, 3))  # fmt: skip


@njit(nogil=True, error_model="numpy")
def run_winograd_sums(rows, m, channels, height, width, tall, wide, a, image, at, apart, c, c_at,
                      c_step, add, finish, totals, scratch):  # fmt: skip
    pixels = height * width
    winograd_sums(rows, m, channels, height, width, tall, wide, pointer(a, at, 0),
                  m * pixels + apart, pixels, pointer(image, at, 1), channels * pixels + apart,
                  pixels, pointer(c, c_at, 2), c_step, add, finish, pointer(totals, 0, 3),
                  pointer(scratch, 0, 4))  # fmt: skip


@pytest.fixture(autouse=True)
def prepared() -> None:
    register_routines()
    prepare_winograd("float32")
    prepare_winograd("float64")


def scratch(dtype: Any) -> Any:
    """Of which some do not begin where a vector does."""
    return np.full(WINOGRAD_SCRATCH + 3, np.nan, dtype)[3:]


def positions(case: Case) -> int:
    return 36 if case.tall == 3 else 6


def convolved(case: Case, image: Any, kernels: Any, before: Any, add: int) -> tuple[Any, Any]:
    """By transforms, and what lies around it."""
    packed = np.full(positions(case) * kernels.shape[0] * kernels.shape[1] + 3, GUARD, image.dtype)
    run_pack_winograd(*case.numbers, kernels.ravel(), packed)
    assert np.all(packed[-3:] == GUARD)
    c = apart(before, GUARD, image.dtype)
    run_winograd(case.rows, *case.numbers, packed, apart(image, np.nan, image.dtype), 3, 5, c, 3,
                 5, add, scratch(image.dtype))  # fmt: skip
    return inside(c, before.shape)


def summed(case: Case, left: Any, image: Any, add: int) -> tuple[Any, Any]:
    """The rows in two calls, the first of which may have none."""
    dtype, half = image.dtype, case.rows // 2
    totals = np.full(positions(case) * case.m * case.channels, np.nan, dtype)
    c = apart(np.full((case.m, case.depth), np.nan if not add else 1.0), GUARD, dtype)
    for first, rows, again, last in ((0, half, add, 0), (half, case.rows - half, 1, 1)):
        run_winograd_sums(rows, *case.numbers, apart(left[first:], np.nan, dtype),
                          apart(image[first:], np.nan, dtype), 3, 5, c, 3, case.depth + 5, again,
                          last, totals, scratch(dtype))  # fmt: skip
    return inside(c, (case.m, case.depth))


def drawn(case: Case, dtype: Any) -> tuple[Any, Any, Any]:
    """An image, kernels, cotangents."""
    image = draw(case.rows, case.channels, case.height, case.width).astype(dtype)
    kernels = draw(case.m, case.channels, case.tall, case.wide).astype(dtype)
    return image, kernels, draw(case.rows, case.m, case.height, case.width).astype(dtype)


def exactly(case: Case, image: Any, kernels: Any, left: Any) -> tuple[Any, Any]:
    seen = window(image.astype(np.float64), (case.tall, case.wide))
    made = np.einsum("rcijyx,mcij->rmyx", seen, kernels.astype(np.float64), optimize=True)
    sums = np.einsum("rmyx,rcijyx->mcij", left.astype(np.float64), seen, optimize=True)
    return made, sums.reshape(case.m, case.depth)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_same_as_sums_over_windows(case: Case, dtype: Any) -> None:
    image, kernels, left = drawn(case, dtype)
    made, sums = exactly(case, image, kernels, left)
    for add in (0, 1):
        before = draw(*made.shape).astype(dtype)
        found, rest = convolved(case, image, kernels, before, add)
        close(found, made + add * before, 4 * case.depth)
        assert np.all(rest == GUARD)
    found, rest = summed(case, left, image, 0)
    close(found, sums, 4 * case.rows * case.pixels)
    assert np.all(rest == GUARD)


@pytest.mark.parametrize("case", CASES[:-1], ids=str)
def test_errors_are_at_most_four_times_those_of_the_direct_product(case: Case) -> None:
    image, kernels, left = drawn(case, np.float32)
    made, sums = exactly(case, image, kernels, left)
    packed = np.empty(kernels.size, np.float32)
    run_pack(case.m, case.channels, case.tall, case.wide, kernels.ravel(), packed)
    c = apart(np.zeros(made.shape), 0, np.float32)
    laid = apart(image, 0, np.float32)
    run_convolve(case.rows, 1, *case.numbers, packed, laid, 3, 5, c, 3, 5, 0)
    direct, _ = inside(c, made.shape)
    c = apart(np.zeros(sums.shape), 0, np.float32)
    run_sums(case.rows, *case.numbers, apart(left, 0, np.float32), laid, 3, 5, c, 3,
             case.depth + 5, 0)  # fmt: skip
    direct_sums, _ = inside(c, sums.shape)
    found, _ = convolved(case, image, kernels, made, 0)
    found_sums, _ = summed(case, left, image, 0)
    for one, other, exact in ((found, direct, made), (found_sums, direct_sums, sums)):
        error, least = (np.sqrt(np.mean((each - exact) ** 2)) for each in (one, other))
        assert error <= 4 * least
        assert np.array_equal(one, other) == (case in DIRECT)


@pytest.mark.parametrize("threads", [1, 2])
def test_cells_do_the_same_by_either(threads: int) -> None:
    rng, before, found = np.random.default_rng(0), celldsl.get_threads(), []
    x, d = rng.normal(size=(3, 5, 9, 17, 30)), rng.normal(size=(3, 5, 8, 17, 30))
    celldsl.set_threads(threads)
    try:
        for without in ([], ["direct_convolutions"]):
            cell_type = celldsl.load(FEATURES / "conv_plane.cell", without=without)
            cell = cell_type(C=9, K=8, Y=17, X=30, dtype="float64", seed=0)
            y, _, tape = cell.forward(x)
            gradients = cell.backward(tape, d)
            found.append([y, gradients.inputs["x"], *gradients.params.values()])
    finally:
        celldsl.set_threads(before)
    for one, other in zip(*found, strict=True):
        close(np.asarray(other), np.asarray(one), 10_000)
    assert not np.array_equal(found[0][0], found[1][0])


def test_plain_loops_do_the_same() -> None:
    case = Case(2, 1, 3, 2, 4, 5, 3, 3)
    image, kernels, left = drawn(case, np.float64)
    made, sums = exactly(case, image, kernels, left)
    packed, out, c = np.zeros(kernels.size), np.zeros(made.shape), np.zeros(sums.shape)
    plain.pack_winograd(*case.numbers, kernels.ravel(), case.depth, 9, 3, 1, packed)
    plain.winograd(2, *case.numbers, packed, image.ravel(), 40, 20, out.ravel(), 60, 20, 0, None)
    plain.winograd_sums(2, *case.numbers, left.ravel(), 60, 20, image.ravel(), 40, 20, c.ravel(),
                        case.depth, 0, 1, None, None)  # fmt: skip
    close(out, made, case.depth)
    close(c, sums, 40)
