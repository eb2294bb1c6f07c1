"""The products of `celldsl.jit.gemm` beside NumPy's BLAS, on one thread.

    python benchmarks/gemm.py

prints GFLOP/s.  Runs alternate; the fastest of each counts, because others disturb a machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from threadpoolctl import threadpool_limits

from celldsl.jit.gemm.calls import gemm, gemm_sums, pack
from celldsl.jit.gemm.packing import packed_length, sum_chunks, sum_panels
from celldsl.jit.gemm.prepare import prepare_products
from celldsl.jit.gemm.sizes import SUM_MICRO_PANELS
from celldsl.jit.lowering.numba_types import register_routines
from celldsl.jit.lowering.pointers import pointer
from celldsl.jit.lowering.vector_width import panel_width

PRODUCTS = [  # m, n, k
    (1, 192, 64), (1, 256, 64), (2, 256, 64), (7, 384, 128), (16, 384, 128), (17, 384, 128),
    (32, 384, 128), (33, 385, 127), (32, 768, 256), (64, 2048, 512), (3200, 384, 128),
    (3200, 2048, 512),
]  # fmt: skip
GRADIENTS = [(100, 64, 256), (3200, 128, 384), (6400, 256, 768), (6400, 512, 2048)]  # r, m, n
LIMIT = 6e9  # floating-point operations of all runs of one case


@njit(nogil=True, error_model="numpy")
def packs(k, n, b, out):
    pack(k, n, pointer(b, 0, 0), n, 1, pointer(out, 0, 1))


@njit(nogil=True, error_model="numpy")
def products(times, m, n, k, a, b, c):
    width = panel_width(a)
    for _ in range(times):
        gemm(
            m,
            n,
            k,
            pointer(a, 0, 0),
            k,
            1,
            pointer(b, 0, 1),
            k * width,
            width,
            pointer(c, 0, 2),
            n,
            0,
        )


@njit(nogil=True, error_model="numpy")
def gradients(r, m, n, a, b, c, packed, strips):
    chunks = sum_chunks(r)
    for chunk in range(chunks):
        low = r * chunk // chunks
        depth = r * (chunk + 1) // chunks - low
        pack(depth, n, pointer(b, low * n, 0), n, 1, pointer(packed, 0, 1))
        gemm_sums(depth, m, n, pointer(a, low * m, 0), m, pointer(packed, 0, 1),
                  pointer(strips, 0, 3), pointer(c, 0, 2), n, chunk > 0)  # fmt: skip


def draw(rows: int, columns: int) -> Any:
    return np.random.default_rng(0).normal(size=(rows, columns)).astype(np.float32)


def fastest(work: float, *runs: Callable[[], None]) -> list[float]:
    """GFLOP/s of each, the best of alternating runs."""
    best = [float("inf")] * len(runs)
    for _ in range(max(5, min(200, int(LIMIT / work)))):
        for place, run in enumerate(runs):
            start = time.perf_counter()
            run()
            best[place] = min(best[place], time.perf_counter() - start)
    return [1e-9 * work / seconds for seconds in best]


def product(m: int, n: int, k: int) -> list[float]:
    a, b, c = draw(m, k), draw(k, n), np.zeros((m, n), np.float32)
    packed = np.empty(packed_length(k, n), np.float32)
    packs(k, n, b.ravel(), packed)
    times = max(1, int(2e7 / (m * n * k)))

    def peer() -> None:
        for _ in range(times):
            np.dot(a, b, out=c)

    flat = a.ravel(), packed, np.zeros(m * n, np.float32)
    return fastest(2.0 * m * n * k * times, lambda: products(times, m, n, k, *flat), peer)


def gradient(r: int, m: int, n: int) -> list[float]:
    a, b, c = draw(r, m), draw(r, n), np.zeros((m, n), np.float32)
    scratch = [np.empty(length, np.float32) for length in (sum_panels(n), SUM_MICRO_PANELS)]
    flat = a.ravel(), b.ravel(), np.zeros(m * n, np.float32), *scratch
    return fastest(
        2.0 * r * m * n, lambda: gradients(r, m, n, *flat), lambda: np.dot(a.T, b, out=c)
    )


def main() -> None:
    register_routines()
    prepare_products("float32")
    print(f"{'':24}{'celldsl':>9}{'BLAS':>9}{'ratio':>7}")
    with threadpool_limits(1):
        for name, measure, cases in (("gemm", product, PRODUCTS), ("sums", gradient, GRADIENTS)):
            for case in cases:
                own, peer = measure(*case)
                print(f"{name} {case!s:19}{own:9.1f}{peer:9.1f}{own / peer:7.2f}")


if __name__ == "__main__":
    main()
