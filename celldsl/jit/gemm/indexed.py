"""Products of rows that an index finds.  In: pointers, and integers among which the index is.  Out:
C, written.

    gemm_rows_loops(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate,
                    rows, a_first, a_index, c_first, c_index)

A block of A is gathered to the stack, where tiles read it; a block of C is made there and
scattered.  `pack` and `gemm_sums` copy each row in any case, from wherever it is.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from celldsl.jit.functions import routine
from celldsl.jit.gemm.calls import gemm
from celldsl.jit.gemm.loops import gemm_share, sums_of_rows
from celldsl.jit.gemm.packing import pack_panels
from celldsl.jit.gemm.sizes import APART, KC, MC_UNPACKED, UNPACKED_BLOCK, UNPACKED_MOST
from celldsl.jit.gemm.tile import fetch, stack
from celldsl.jit.lowering.pointers import pointer
from celldsl.jit.lowering.vector_width import panel_width

_FETCHED = 6  # rows that are fetched before they are copied: memory is far away
_COLUMNS = 256  # of a block of C: whole panels
_LINE = _COLUMNS + APART
_BLOCK_OF_C = UNPACKED_MOST * _LINE


@routine
def copy_line(count, source, step, to, accumulate):
    """to[j] = (or +=) source[j * step]"""
    if accumulate:
        for j in range(count):
            to[j] += source[j * step]
    elif step == 1:
        for j in range(count):
            to[j] = source[j]
    else:
        for j in range(count):
            to[j] = source[j * step]


@routine
def fetch_line(count, source, step):
    if step == 1:
        for j in range(0, count, 16):
            fetch(pointer(source, j, -1))


@routine
def gathered_product(
    m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate, rows, first, index
):  # fmt: skip
    """A block of rows of A, which `rows` finds where `index` is not 0; C as it lies."""
    if index == 0:
        gemm(m, n, k, pointer(a, first * a_rs, -1), a_rs, a_cs, b, b_panel, b_rs, c, c_rs,
             accumulate)  # fmt: skip
        return
    block = stack(c, UNPACKED_BLOCK)
    p = 0
    while p == 0 or p < k:
        depth = gemm_share(k - p, KC)
        line = depth + APART
        for i in range(m):
            source = pointer(a, rows[index + first + i] * a_rs + p * a_cs, 1)
            coming = rows[index + first + min(i + _FETCHED, m - 1)]
            fetch_line(depth, pointer(a, coming * a_rs + p * a_cs, -1), a_cs)
            copy_line(depth, source, a_cs, pointer(block, i * line, 0), 0)
        gemm(m, n, depth, block, line, 1, pointer(b, p * b_rs, -1), b_panel, b_rs, c, c_rs,
             accumulate)  # fmt: skip
        accumulate = 1
        p += max(depth, 1)


@routine
def gemm_rows_loops(
    m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate, rows, a_first, a_index,
    c_first, c_index,
):  # fmt: skip
    block = stack(c, _BLOCK_OF_C)
    columns = _COLUMNS if c_index != 0 else max(n, 1)
    i = 0
    while i < m:
        many = gemm_share(m - i, MC_UNPACKED)
        for first in range(0, n, columns):
            wide = min(columns, n - first)
            right = pointer(b, first // panel_width(b) * b_panel, -1)
            if c_index == 0:
                gathered_product(
                    many, wide, k, a, a_rs, a_cs, right, b_panel, b_rs,
                    pointer(c, (c_first + i) * c_rs, -1), c_rs, accumulate, rows, a_first + i,
                    a_index,
                )  # fmt: skip
            else:
                gathered_product(
                    many, wide, k, a, a_rs, a_cs, right, b_panel, b_rs, block, _LINE, 0, rows,
                    a_first + i, a_index,
                )  # fmt: skip
                for row in range(many):
                    to = pointer(c, rows[c_index + c_first + i + row] * c_rs + first, 0)
                    copy_line(wide, pointer(block, row * _LINE, 1), 1, to, accumulate)
        i += many


@routine
def pack_rows_loops(k, n, b, row_stride, column_stride, out, rows, index):
    pack_panels(k, n, b, row_stride, column_stride, out, 0, rows, index)


@routine
def gemm_sums_rows_loops(
    r, m, n, a, a_rs, panels, micro_panels, c, c_rs, accumulate, rows, index
):  # fmt: skip
    sums_of_rows(r, m, n, a, a_rs, panels, micro_panels, c, c_rs, accumulate, 0, rows, index)


INDEXED = {
    "pack_rows": pack_rows_loops,
    "gemm_rows": gemm_rows_loops,
    "gemm_sums_rows": gemm_sums_rows_loops,
}
