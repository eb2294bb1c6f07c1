"""The convolutions that kernels call, beside NumPy's sums over windows.

What must not be read is NaN, and what must not be written a guard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numba import njit

from celldsl.jit.gemm import plain
from celldsl.jit.gemm.calls import convolve, convolve_sums, pack_kernel
from celldsl.jit.gemm.prepare import prepare_convolutions
from celldsl.jit.gemm.sizes import KERNEL_MOST
from celldsl.jit.lowering.numba_types import register_routines
from celldsl.jit.lowering.pointers import pointer
from celldsl.runtime.numerics import window

GUARD = 777.0


@dataclass(frozen=True)
class Case:
    rows: int
    groups: int
    m: int
    channels: int
    height: int
    width: int
    tall: int
    wide: int

    @property
    def numbers(self) -> tuple[int, ...]:
        return self.m, self.channels, self.height, self.width, self.tall, self.wide

    @property
    def pixels(self) -> int:
        return self.height * self.width

    @property
    def depth(self) -> int:
        return self.channels * self.tall * self.wide


CASES = [
    Case(1, 1, 1, 1, 1, 1, 1, 1),
    Case(2, 1, 6, 3, 5, 7, 3, 3),
    Case(2, 2, 7, 3, 8, 8, 3, 3),  # two panels of whole lines
    Case(1, 3, 1, 1, 9, 31, 5, 5),  # depthwise
    Case(2, 4, 2, 1, 3, 33, 3, 3),
    Case(1, 1, 13, 2, 32, 32, 3, 3),
    Case(1, 1, 25, 90, 4, 33, 3, 3),  # deeper than a share of the depth
    Case(2, 1, 4, 5, 1, 40, 1, 7),
    Case(1, 1, 128, 16, 16, 16, 3, 3),
    Case(3, 1, 3, 1, 1, 3, 1, 5),  # a kernel wider than the line
    Case(1, 1, 30, 7, 29, 1, 7, 1),
    Case(2, 1, 8, 100, 3, 3, 1, 1),
    Case(1, 1, 9, 3, 17, 1, 3, 3),
    Case(1, 1, 31, 9, 2, 65, 5, 3),
    Case(1, 1, 5, 2, 27, 29, 3, 3),  # more pixels than a share of them
    Case(1, 1, 2, 2, 1, 150, 1, KERNEL_MOST),
    Case(0, 1, 3, 2, 4, 4, 3, 3),
]


@njit(nogil=True, error_model="numpy")
def run_pack(m, channels, tall, wide, a, out):
    pack_kernel(m, channels, tall, wide, pointer(a, 0, 0), channels * tall * wide, tall * wide,
                wide, 1, pointer(out, 0, 1))  # fmt: skip


@njit(nogil=True, error_model="numpy")
def run_convolve(rows, groups, m, channels, height, width, tall, wide, packed, image, at, apart,
                 c, c_at, c_apart, add):  # fmt: skip
    pixels = height * width
    convolve(rows, groups, m, channels, height, width, tall, wide, pointer(packed, 0, 0),
             pointer(image, at, 1), groups * channels * pixels + apart, channels * pixels, pixels,
             pointer(c, c_at, 2), groups * m * pixels + c_apart, m * pixels, pixels,
             add)  # fmt: skip


@njit(nogil=True, error_model="numpy")
def run_sums(rows, m, channels, height, width, tall, wide, a, image, at, apart, c, c_at, c_step,
             add):  # fmt: skip
    pixels = height * width
    convolve_sums(rows, m, channels, height, width, tall, wide, pointer(a, at, 0),
                  m * pixels + apart, pixels, pointer(image, at, 1), channels * pixels + apart,
                  pixels, pointer(c, c_at, 2), c_step, add)  # fmt: skip


@pytest.fixture(autouse=True)
def prepared() -> None:
    register_routines()
    prepare_convolutions("float32")
    prepare_convolutions("float64")


def draw(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def apart(values: Any, filler: float, dtype: Any) -> Any:
    """Rows five elements apart, three from the beginning and 40 from the end."""
    flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
    laid = np.full((len(flat), flat.shape[1] + 5), filler, dtype)
    laid[:, : flat.shape[1]] = flat
    return np.concatenate([np.full(3, filler), laid.ravel(), np.full(40, filler)]).astype(dtype)


def inside(laid: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The values of `apart`, and all else."""
    rows, size = shape[0], int(np.prod(shape[1:]))
    held = np.zeros(len(laid), bool)
    held[3 : 3 + rows * (size + 5)].reshape(rows, size + 5)[:, :size] = True
    return laid[held].reshape(shape), laid[~held]


def close(found: Any, wanted: Any, terms: int) -> None:
    tolerance = 8 * np.finfo(found.dtype).eps * np.sqrt(terms + 1)
    np.testing.assert_allclose(
        found, wanted, rtol=0, atol=tolerance * (np.abs(wanted).max(initial=1))
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_kernels_see(case: Case, dtype: Any) -> None:
    image = draw(case.rows, case.groups, case.channels, case.height, case.width).astype(dtype)
    kernels = draw(case.groups, case.m, case.channels, case.tall, case.wide).astype(dtype)
    seen = window(image.astype(np.float64), (case.tall, case.wide))
    wanted = np.einsum("rgcijyx,gmcij->rgmyx", seen, kernels.astype(np.float64))
    packed = np.full(kernels.size + 3, GUARD, dtype)
    size = case.m * case.depth
    for group, own in enumerate(kernels):
        run_pack(case.m, case.channels, case.tall, case.wide, own.ravel(), packed[group * size :])
    assert np.all(packed[-3:] == GUARD)
    for add in (0, 1):
        before = draw(*wanted.shape).astype(dtype)
        c = apart(before, GUARD, dtype)
        run_convolve(
            case.rows, case.groups, *case.numbers, packed, apart(image, np.nan, dtype), 3, 5, c, 3,
            5, add,
        )  # fmt: skip
        found, rest = inside(c, wanted.shape)
        close(found, wanted + add * before, case.depth)
        assert np.all(rest == GUARD)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_sums_over_rows_and_pixels(case: Case, dtype: Any) -> None:
    image = draw(case.rows, case.channels, case.height, case.width).astype(dtype)
    left = draw(case.rows, case.m, case.height, case.width).astype(dtype)
    seen = window(image.astype(np.float64), (case.tall, case.wide))
    wanted = np.einsum("rmyx,rcijyx->mcij", left.astype(np.float64), seen)
    wanted = wanted.reshape(case.m, case.depth)
    for add in (0, 1):
        before = draw(*wanted.shape).astype(dtype)
        c = apart(before, GUARD, dtype)
        run_sums(case.rows, *case.numbers, apart(left, np.nan, dtype),
                 apart(image, np.nan, dtype), 3, 5, c, 3, case.depth + 5, add)  # fmt: skip
        found, rest = inside(c, wanted.shape)
        close(found, wanted + add * before, case.rows * case.pixels)
        assert np.all(rest == GUARD)


def test_plain_loops_do_the_same() -> None:
    case = Case(2, 2, 3, 2, 4, 5, 3, 5)
    image = draw(case.rows, case.groups, case.channels, case.height, case.width)
    kernels = draw(case.groups, case.m, case.channels, case.tall, case.wide)
    seen = window(image, (case.tall, case.wide))
    packed, out = np.zeros(kernels.size), np.zeros((2, 2, 3, 4, 5))
    steps = case.depth, case.tall * case.wide, case.wide, 1
    for group, own in enumerate(kernels):
        start = packed[group * own.size :]
        plain.pack_kernel(3, 2, 3, 5, own.ravel(), *steps, start)
    plain.convolve(2, 2, *case.numbers, packed, image.ravel(), 80, 40, 20, out.ravel(), 120, 60,
                   20, 0)  # fmt: skip
    close(out, np.einsum("rgcijyx,gmcij->rgmyx", seen, kernels), case.depth)
    left, sums = draw(2, 3, 4, 5), np.zeros((3, case.depth))
    plain.convolve_sums(2, *case.numbers, left.ravel(), 60, 20, image[:, 0].ravel(), 40, 20,
                        sums.ravel(), case.depth, 0)  # fmt: skip
    wanted = np.einsum("rmyx,rcijyx->mcij", left, seen[:, 0]).reshape(sums.shape)
    close(sums, wanted, 40)
