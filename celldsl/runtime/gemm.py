"""Small dense products for kernels.  In: lanes with strides in elements.  Out: C, written.

    prepare("float32")                                   # once, before kernels are loaded
    pack(k, n, b, ldb, 1, packed)                        # B[k, n] into panels
    gemm(m, n, k, a, lda, 1, packed, k * width, width, c, ldc, 0)

    gemm          C[m, n] = (or +=) A @ B.  Row p of panel j of B is at b + j*b_panel + p*b_rs:
                  (k*width, width) for packed B, (width, ldb) for a row-major B as it lies
    gemm_rows     C[m, n] = (or +=) A[r, m]^T @ B[r, n], for many rows: gradients of weights
    pack          B[k, n] of any strides into panels [ceil(n/width)][k][width], padded with zeros

Kernels reach these through symbols: they are compiled once for a machine and a dtype, and `prepare`
loads them from Numba's cache.  Nothing outside C[m, n] is written, nothing outside A and B read.
"""

from __future__ import annotations

import threading
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import cfunc, njit, types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable

from celldsl.runtime.gemm_tile import panel_width, stack, tile
from celldsl.runtime.lanes import LaneType, lane

_GEMM_ABI = 1
_GEMM_DEPTH = 256  # rows of a panel of B that stay in the first cache beside six of A
_GEMM_ROWS = 120  # rows of A that stay in the second cache
_GEMM_COLUMNS = 512  # columns of B that `gemm_rows` packs at a time
_GEMM_WIDEST = max(panel_width(np.float32), panel_width(np.float64))
_GEMM_LOCAL = 6 * _GEMM_WIDEST
_GEMM_LOCAL_PANEL = _GEMM_DEPTH * _GEMM_WIDEST
_gemm_compile = njit(nogil=True, error_model="numpy")


@register_jitable  # type: ignore[untyped-decorator]
def packed_length(k: int, n: int) -> int:
    """Elements that `pack` needs; enough for either dtype."""
    return k * ((n + _GEMM_WIDEST - 1) // _GEMM_WIDEST * _GEMM_WIDEST)


@register_jitable  # type: ignore[untyped-decorator]
def gemm_rows_scratch(n: int) -> int:
    """Elements of scratch that `gemm_rows` needs; enough for either dtype."""
    columns = min(n, _GEMM_COLUMNS)
    return packed_length(_GEMM_DEPTH, columns) + _GEMM_DEPTH * _GEMM_ROWS


@_gemm_compile
def _gemm_pack(k, n, b, row_stride, column_stride, out):
    width = panel_width(out)
    for first in range(0, n, width):
        panel = lane(out, first * k, -1)
        source = lane(b, first * column_stride, -1)
        _gemm_pack_panel(k, min(width, n - first), source, row_stride, column_stride, panel)


@_gemm_compile
def _gemm_pack_panel(k, columns, b, row_stride, column_stride, panel):
    width = panel_width(panel)
    for p in range(k):
        to = lane(panel, p * width, 0)
        row = lane(b, p * row_stride, 1)
        if column_stride == 1 and columns == width:
            for column in range(width):
                to[column] = row[column]
        else:
            for column in range(columns):
                to[column] = row[column * column_stride]
            for column in range(columns, width):
                to[column] = 0.0


@_gemm_compile
def _gemm_panels(m, panels, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate):
    """Whole panels.  Sixes and fours go down each panel, a last pair or row across panels."""
    width = panel_width(c)
    down = m - m % 2 if m >= 4 else 0
    for j in range(panels):
        panel = lane(b, j * b_panel, -1)
        i = 0
        while i < down:
            top = lane(a, i * a_rs, -1)
            corner = lane(c, i * c_rs + j * width, -1)
            if down - i == 4 or down - i == 8:
                tile(4, 1, k, top, a_rs, a_cs, panel, b_panel, b_rs, corner, c_rs, accumulate)
                i += 4
            else:
                tile(6, 1, k, top, a_rs, a_cs, panel, b_panel, b_rs, corner, c_rs, accumulate)
                i += 6
    i = down
    if m - i >= 2:
        top = lane(a, i * a_rs, -1)
        for j in range(0, panels - 1, 2):
            panel = lane(b, j * b_panel, -1)
            corner = lane(c, i * c_rs + j * width, -1)
            tile(2, 2, k, top, a_rs, a_cs, panel, b_panel, b_rs, corner, c_rs, accumulate)
        if panels % 2 == 1:
            j = panels - 1
            panel = lane(b, j * b_panel, -1)
            corner = lane(c, i * c_rs + j * width, -1)
            tile(2, 1, k, top, a_rs, a_cs, panel, b_panel, b_rs, corner, c_rs, accumulate)
        i += 2
    if m - i == 1:
        top = lane(a, i * a_rs, -1)
        j = 0
        while j < panels:
            panel = lane(b, j * b_panel, -1)
            corner = lane(c, i * c_rs + j * width, -1)
            if panels - j >= 4:
                tile(1, 4, k, top, a_rs, a_cs, panel, b_panel, b_rs, corner, c_rs, accumulate)
                j += 4
            else:
                tile(1, 1, k, top, a_rs, a_cs, panel, b_panel, b_rs, corner, c_rs, accumulate)
                j += 1


@_gemm_compile
def _gemm_tail(m, columns, k, a, a_rs, a_cs, b, b_rs, c, c_rs, accumulate):
    """The last columns, by way of a tile that is as wide as a panel."""
    width = panel_width(c)
    local = stack(c, _GEMM_LOCAL)
    i = 0
    while i < m:
        top = lane(a, i * a_rs, -1)
        if m - i >= 6:
            rows = 6
            tile(6, 1, k, top, a_rs, a_cs, b, 0, b_rs, local, width, 0)
        elif m - i >= 4:
            rows = 4
            tile(4, 1, k, top, a_rs, a_cs, b, 0, b_rs, local, width, 0)
        elif m - i >= 2:
            rows = 2
            tile(2, 1, k, top, a_rs, a_cs, b, 0, b_rs, local, width, 0)
        else:
            rows = 1
            tile(1, 1, k, top, a_rs, a_cs, b, 0, b_rs, local, width, 0)
        for row in range(rows):
            start = (i + row) * c_rs
            for column in range(columns):
                value = local[row * width + column]
                if accumulate != 0:
                    value += c[start + column]
                c[start + column] = value
        i += rows


@_gemm_compile
def _gemm_block(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate):
    width = panel_width(c)
    panels = n // width
    _gemm_panels(m, panels, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate)
    rest = n - panels * width
    if rest > 0:
        last = lane(b, panels * b_panel, -1)
        corner = lane(c, panels * width, -1)
        if b_panel == width:  # B as it lies: a whole panel would be read past its end
            local = stack(c, _GEMM_LOCAL_PANEL)
            _gemm_pack_panel(k, rest, last, b_rs, 1, local)
            _gemm_tail(m, rest, k, a, a_rs, a_cs, local, width, corner, c_rs, accumulate)
        else:
            _gemm_tail(m, rest, k, a, a_rs, a_cs, last, b_rs, corner, c_rs, accumulate)


def _gemm(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate):
    p = 0
    while p == 0 or p < k:
        depth = min(k - p, _GEMM_DEPTH)
        for i in range(0, m, _GEMM_ROWS):
            rows = min(m - i, _GEMM_ROWS)
            block_a = lane(a, i * a_rs + p * a_cs, -1)
            block_b = lane(b, p * b_rs, -1)
            block_c = lane(c, i * c_rs, -1)
            _gemm_block(rows, n, depth, block_a, a_rs, a_cs, block_b, b_panel, b_rs, block_c, c_rs,
                        accumulate)  # fmt: skip
        accumulate = 1
        p += _GEMM_DEPTH


def _gemm_rows(r, m, n, a, a_rs, b, b_rs, c, c_rs, scratch, accumulate):
    width = panel_width(c)
    copy = lane(scratch, 0, -1)
    packed = lane(scratch, _GEMM_DEPTH * _GEMM_ROWS, -1)
    p = 0
    while p == 0 or p < r:
        depth = min(r - p, _GEMM_DEPTH)
        for j in range(0, n, _GEMM_COLUMNS):
            columns = min(n - j, _GEMM_COLUMNS)
            _gemm_pack(depth, columns, lane(b, p * b_rs + j, -1), b_rs, 1, packed)
            for i in range(0, m, _GEMM_ROWS):
                rows = min(m - i, _GEMM_ROWS)
                _gemm_copy(depth, rows, lane(a, p * a_rs + i, -1), a_rs, copy)
                _gemm_block(rows, columns, depth, copy, 1, rows, packed, depth * width, width,
                            lane(c, i * c_rs + j, -1), c_rs, accumulate)  # fmt: skip
        accumulate = 1
        p += _GEMM_DEPTH


@_gemm_compile
def _gemm_copy(rows, columns, a, a_rs, out):
    for row in range(rows):
        to = lane(out, row * columns, 0)
        source = lane(a, row * a_rs, 1)
        for column in range(columns):
            to[column] = source[column]


_GEMM_ENTRIES = {
    "pack": (_gemm_pack.py_func, "iixiix"),
    "gemm": (_gemm, "iiixiixiixii"),
    "gemm_rows": (_gemm_rows, "iiixixixixi"),
}
_GEMM_SUFFIXES = {types.float32: "f32", types.float64: "f64"}
_gemm_ready: dict[str, list[Any]] = {}
_gemm_lock = threading.Lock()


def prepare(dtype: Any) -> None:
    """Makes the symbols of one dtype known.  Kernels that call them must not be loaded before."""
    name = np.dtype(dtype).name
    with _gemm_lock:
        if name in _gemm_ready:
            return
        element = getattr(types, name)
        entries = []
        for entry, (function, kinds) in _GEMM_ENTRIES.items():
            arguments = [types.intp if k == "i" else types.CPointer(element) for k in kinds]
            compiled = cfunc(types.void(*arguments), cache=True, error_model="numpy")(function)
            llvmlite.binding.add_symbol(_gemm_symbol(entry, element), compiled.address)
            entries.append(compiled)
        _gemm_ready[name] = entries


def _gemm_symbol(entry: str, element: Any) -> str:
    return f"celldsl_{entry}_{_GEMM_SUFFIXES[element]}_{_GEMM_ABI}"


def _gemm_call(entry: str, arguments: tuple[Any, ...]) -> Any:
    """The type and the code of a call of one entry."""
    _, kinds = _GEMM_ENTRIES[entry]
    lanes = [a for a, kind in zip(arguments, kinds, strict=True) if kind == "x"]
    if not all(isinstance(a, LaneType) and a.dtype in _GEMM_SUFFIXES for a in lanes):
        return None
    if len({a.dtype for a in lanes}) != 1:
        return None
    expected = [types.intp if kind == "i" else a for a, kind in zip(arguments, kinds, strict=True)]

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in args])
        symbol = _gemm_symbol(entry, lanes[0].dtype)
        builder.call(cgutils.get_or_insert_function(builder.module, kind, symbol), args)
        return context.get_dummy_value()

    return types.void(*expected), generate


@intrinsic
def pack(_context: Any, k: Any, n: Any, b: Any, row_stride: Any, column_stride: Any,
         out: Any) -> Any:  # fmt: skip
    return _gemm_call("pack", (k, n, b, row_stride, column_stride, out))


@intrinsic
def gemm(_context: Any, m: Any, n: Any, k: Any, a: Any, a_rs: Any, a_cs: Any, b: Any,
         b_panel: Any, b_rs: Any, c: Any, c_rs: Any, accumulate: Any) -> Any:  # fmt: skip
    return _gemm_call(
        "gemm", (m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate)
    )


@intrinsic
def gemm_rows(_context: Any, r: Any, m: Any, n: Any, a: Any, a_rs: Any, b: Any, b_rs: Any,
              c: Any, c_rs: Any, scratch: Any, accumulate: Any) -> Any:  # fmt: skip
    return _gemm_call("gemm_rows", (r, m, n, a, a_rs, b, b_rs, c, c_rs, scratch, accumulate))
