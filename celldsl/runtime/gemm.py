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
_GEMM_LOCAL_ROWS = 24
_GEMM_LOCAL = _GEMM_LOCAL_ROWS * _GEMM_WIDEST
_GEMM_LOCAL_PANEL = _GEMM_DEPTH * _GEMM_WIDEST
_gemm_compile = njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)


@register_jitable  # type: ignore[untyped-decorator]
def packed_length(k: int, n: int) -> int:
    """Elements that `pack` needs; enough for either dtype."""
    return k * ((n + _GEMM_WIDEST - 1) // _GEMM_WIDEST * _GEMM_WIDEST)


@register_jitable  # type: ignore[untyped-decorator]
def gemm_rows_scratch(n: int) -> int:
    """Elements of scratch that `gemm_rows` needs; enough for either dtype."""
    columns = min(n, _GEMM_COLUMNS)
    return packed_length(_GEMM_DEPTH + 1, columns) + _GEMM_DEPTH * _GEMM_ROWS


def _gemm_pack(k, n, b, row_stride, column_stride, out):
    _gemm_pack_panels(k, n, b, row_stride, column_stride, out, k * panel_width(out))


@_gemm_compile
def _gemm_pack_panels(k, n, b, row_stride, column_stride, out, b_panel):
    width = panel_width(out)
    if column_stride == 1:
        _gemm_pack_rows(k, n // width, b, row_stride, out, b_panel)
    for first in range(n // width * width if column_stride == 1 else 0, n, width):
        columns = min(width, n - first)
        for p in range(k):
            to = lane(out, first // width * b_panel + p * width, 0)
            row = lane(b, first * column_stride + p * row_stride, 1)
            for column in range(columns):
                to[column] = row[column * column_stride]
            for column in range(columns, width):
                to[column] = 0.0


@_gemm_compile
def _gemm_pack_rows(k, panels, b, row_stride, out, b_panel):
    """Reads row after row, as the hardware expects; B may come from far away."""
    width = panel_width(out)
    for p in range(k):
        for j in range(panels):
            to = lane(out, j * b_panel + p * width, 0)
            row = lane(b, p * row_stride + j * width, 1)
            for column in range(width):
                to[column] = row[column]


@_gemm_compile
def _gemm_strip(rest):
    """How many rows go together when `rest` are left: the larger tiles waste the least."""
    if rest >= 6 and rest != 8 and rest != 9:
        return 6
    if rest >= 4:
        return 4
    return min(rest, 2)


@_gemm_compile
def _gemm_pack_strips(k, m, a, a_rs, out):
    """A[k, m] as strips [k][rows], one after the other."""
    i = 0
    while i < m:
        rows = _gemm_strip(m - i)
        strip = lane(out, i * k, 0)
        source = lane(a, i, 1)
        if rows == 6:
            for p in range(k):
                for row in range(6):
                    strip[p * 6 + row] = source[p * a_rs + row]
        else:
            for p in range(k):
                for row in range(rows):
                    strip[p * rows + row] = source[p * a_rs + row]
        i += rows


@_gemm_compile
def _gemm_panels(m, panels, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate):
    """Whole panels.  Sixes and fours go down each panel, a last pair or row across panels.

    `a_cs` is 0 where A is in strips.
    """
    width = panel_width(c)
    step = k if a_cs == 0 else a_rs
    i = 0
    for j in range(panels):
        panel = lane(b, j * b_panel, -1)
        i = 0
        while m - i >= 4:
            rows = _gemm_strip(m - i)
            cs = rows if a_cs == 0 else a_cs
            top = lane(a, i * step, -1)
            corner = lane(c, i * c_rs + j * width, -1)
            if rows == 6:
                tile(6, 1, k, top, a_rs, cs, panel, b_panel, b_rs, corner, c_rs, accumulate)
            else:
                tile(4, 1, k, top, a_rs, cs, panel, b_panel, b_rs, corner, c_rs, accumulate)
            i += rows
    while i < m:
        rows = _gemm_strip(m - i)
        cs = rows if a_cs == 0 else a_cs
        top = lane(a, i * step, -1)
        j = 0
        while j < panels:
            panel = lane(b, j * b_panel, -1)
            corner = lane(c, i * c_rs + j * width, -1)
            rest = panels - j
            if rows == 2 and rest >= 2:
                tile(2, 2, k, top, a_rs, cs, panel, b_panel, b_rs, corner, c_rs, accumulate)
                j += 2
            elif rows == 2:
                tile(2, 1, k, top, a_rs, cs, panel, b_panel, b_rs, corner, c_rs, accumulate)
                j += 1
            elif rest >= 4:
                tile(1, 4, k, top, a_rs, cs, panel, b_panel, b_rs, corner, c_rs, accumulate)
                j += 4
            else:
                tile(1, 1, k, top, a_rs, cs, panel, b_panel, b_rs, corner, c_rs, accumulate)
                j += 1
        i += rows


@_gemm_compile
def _gemm_block(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate):
    """Sizes that fit the caches.  The last columns go by way of a tile as wide as a panel."""
    width = panel_width(c)
    panels = n // width
    _gemm_panels(m, panels, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate)
    rest = n - panels * width
    if rest == 0:
        return
    last = lane(b, panels * b_panel, -1)
    if b_panel == width:  # B as it lies: a whole panel would be read past its end
        whole = stack(c, _GEMM_LOCAL_PANEL)
        _gemm_pack_panels(k, rest, last, b_rs, 1, whole, 0)
        last = whole
        b_rs = width
    local = stack(c, _GEMM_LOCAL)
    for i in range(0, m, _GEMM_LOCAL_ROWS):
        rows = min(m - i, _GEMM_LOCAL_ROWS)
        top = lane(a, i * (k if a_cs == 0 else a_rs), -1)
        _gemm_panels(rows, 1, k, top, a_rs, a_cs, last, 0, b_rs, local, width, 0)
        for row in range(rows):
            to = lane(c, (i + row) * c_rs + panels * width, 0)
            sums = lane(local, row * width, 1)
            for column in range(rest):
                to[column] = sums[column] if accumulate == 0 else to[column] + sums[column]


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
    strips = lane(scratch, 0, -1)
    packed = lane(scratch, _GEMM_DEPTH * _GEMM_ROWS, -1)
    p = 0
    while p == 0 or p < r:
        depth = min(r - p, _GEMM_DEPTH)
        b_panel = depth * width + width  # a power of two would put panels in the same cache sets
        for j in range(0, n, _GEMM_COLUMNS):
            columns = min(n - j, _GEMM_COLUMNS)
            _gemm_pack_panels(depth, columns, lane(b, p * b_rs + j, -1), b_rs, 1, packed, b_panel)
            for i in range(0, m, _GEMM_ROWS):
                rows = min(m - i, _GEMM_ROWS)
                _gemm_pack_strips(depth, rows, lane(a, p * a_rs + i, -1), a_rs, strips)
                gemm(rows, columns, depth, strips, 1, 0, packed, b_panel, width,
                     lane(c, i * c_rs + j, -1), c_rs, accumulate)  # fmt: skip
        accumulate = 1
        p += _GEMM_DEPTH


_GEMM_ENTRIES = {
    "pack": (_gemm_pack, "iixiix"),
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
