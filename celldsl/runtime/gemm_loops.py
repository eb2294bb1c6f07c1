"""The loops around the tile.  In: lanes with strides in elements.  Out: panels, or C.

    gemm_loops(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate)

B is cut so that a panel of it stays in the first cache and a block of A in the second.  What LOOPS
names is compiled once for a machine and a dtype; `gemm` says what it does.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from numba import njit

from celldsl.runtime.gemm_calls import gemm
from celldsl.runtime.gemm_tile import WIDEST_PANEL, panel_width, stack, tile
from celldsl.runtime.lanes import lane

GEMM_DEPTH = 256  # rows of a panel of B, in the first cache beside a strip of A
GEMM_ROWS = 120  # rows of a block of A, in the second cache
GEMM_COLUMNS = 512  # columns of B that `gemm_rows_loops` packs at a time
_GEMM_LOCAL_ROWS = 24
_GEMM_LOCAL = _GEMM_LOCAL_ROWS * WIDEST_PANEL
_GEMM_LOCAL_PANEL = GEMM_DEPTH * WIDEST_PANEL
_gemm_compile = njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)


def pack_loops(k, n, b, row_stride, column_stride, out):
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


def gemm_loops(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate):
    p = 0
    while p == 0 or p < k:
        depth = min(k - p, GEMM_DEPTH)
        for i in range(0, m, GEMM_ROWS):
            rows = min(m - i, GEMM_ROWS)
            block_a = lane(a, i * a_rs + p * a_cs, -1)
            block_b = lane(b, p * b_rs, -1)
            block_c = lane(c, i * c_rs, -1)
            _gemm_block(rows, n, depth, block_a, a_rs, a_cs, block_b, b_panel, b_rs, block_c, c_rs,
                        accumulate)  # fmt: skip
        accumulate = 1
        p += GEMM_DEPTH


def gemm_rows_loops(r, m, n, a, a_rs, b, b_rs, c, c_rs, scratch, accumulate):
    width = panel_width(c)
    strips = lane(scratch, 0, -1)
    packed = lane(scratch, GEMM_DEPTH * GEMM_ROWS, -1)
    p = 0
    while p == 0 or p < r:
        depth = min(r - p, GEMM_DEPTH)
        b_panel = depth * width + width  # a power of two would put panels in the same cache sets
        for j in range(0, n, GEMM_COLUMNS):
            columns = min(n - j, GEMM_COLUMNS)
            _gemm_pack_panels(depth, columns, lane(b, p * b_rs + j, -1), b_rs, 1, packed, b_panel)
            for i in range(0, m, GEMM_ROWS):
                rows = min(m - i, GEMM_ROWS)
                _gemm_pack_strips(depth, rows, lane(a, p * a_rs + i, -1), a_rs, strips)
                gemm(rows, columns, depth, strips, 1, 0, packed, b_panel, width,
                     lane(c, i * c_rs + j, -1), c_rs, accumulate)  # fmt: skip
        accumulate = 1
        p += GEMM_DEPTH


LOOPS = {"pack": pack_loops, "gemm": gemm_loops, "gemm_rows": gemm_rows_loops}
