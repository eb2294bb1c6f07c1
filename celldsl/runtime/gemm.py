"""Small dense products for kernels.  In: lanes with strides in elements.  Out: C, written.

    prepare("float32")                                   # in Python, before kernels are loaded
    pack(k, n, b, ldb, 1, packed)                        # B[k, n] into panels
    gemm(m, n, k, a, lda, 1, packed, k * width, width, c, ldc, 0)

    gemm(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate)
        C[m, n] = (or +=) A @ B.  Row p of panel j of B is at b + j*b_panel + p*b_rs:
        (k*width, width) for packed B, (width, ldb) for a row-major B as it lies
    gemm_rows(r, m, n, a, a_rs, b, b_rs, c, c_rs, scratch, accumulate)
        C[m, n] = (or +=) A[r, m]^T @ B[r, n], for many rows: gradients of weights
    pack(k, n, b, row_stride, column_stride, out)
        B[k, n] of any strides into panels [ceil(n/width)][k][width], padded with zeros
    packed_length(k, n), gemm_rows_scratch(n)
        elements that `out` and `scratch` need, for either dtype; in Python and in kernels

Nothing outside C[m, n] is written and nothing outside A and B is read.  `width` is `panel_width` of
the dtype.  Column offsets that are multiples of it split n; rows split m.
"""

from __future__ import annotations

import threading
from typing import Any

import llvmlite.binding
import numpy as np
from numba import cfunc, types
from numba.extending import register_jitable

from celldsl.runtime.gemm_calls import GEMM_KINDS, gemm, gemm_rows, gemm_symbol, pack
from celldsl.runtime.gemm_loops import GEMM_COLUMNS, GEMM_DEPTH, GEMM_STRIPS, LOOPS
from celldsl.runtime.gemm_tile import WIDEST_PANEL, panel_width

__all__ = [
    "gemm", "gemm_rows", "gemm_rows_scratch", "pack", "packed_length", "panel_width", "prepare",
]  # fmt: skip

_gemm_ready: dict[str, list[Any]] = {}  # keeps the machine code alive
_gemm_lock = threading.Lock()


@register_jitable
def packed_length(k: int, n: int) -> int:
    columns: int = (n + WIDEST_PANEL - 1) // WIDEST_PANEL * WIDEST_PANEL
    return k * columns


@register_jitable
def gemm_rows_scratch(n: int) -> int:
    packed: int = packed_length(GEMM_DEPTH * 3 // 2, min(n, GEMM_COLUMNS))
    return packed + GEMM_STRIPS


def prepare(dtype: Any) -> None:
    """Makes the symbols of a dtype known: compiles the loops, or loads them from Numba's cache.

    A process that loads a kernel whose symbols are unknown ends there and then.
    """
    name = np.dtype(dtype).name
    with _gemm_lock:
        if name not in _gemm_ready:
            _gemm_ready[name] = [_gemm_entry(entry, name) for entry in LOOPS]


def _gemm_entry(entry: str, dtype: str) -> Any:
    number = types.CPointer(getattr(types, dtype))
    kinds = {"i": types.intp, "x": number, "s": types.CPointer(types.intp)}
    arguments = [kinds[kind] for kind in GEMM_KINDS[entry]]
    compiled = cfunc(types.void(*arguments), cache=True, error_model="numpy")(LOOPS[entry])
    llvmlite.binding.add_symbol(gemm_symbol(entry, dtype), compiled.address)
    return compiled
