"""Factors of products, as tiles read them best.  In: pointers with strides.  Out: panels and
micro-panels.

    pack_panels(k, n, b, row_stride, column_stride, out, 0, integers(1), 0)
                                                            # B[k, n] as panels [k][width]
    pack_micro_panels(k, m, a, a_rs, out, 0, integers(1), 0)    # A[k, m] as micro-panels [k][6]

The same for a sum over rows, which is cut into chunks whose panels fit the caches.  With a 1 for
the first 0, numbers are rounded to bfloat16 while they are in the first cache.  Where the last one
is `index`, row p is row rows[index + p] of its array.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from celldsl.jit.functions import routine
from celldsl.jit.gemm.sizes import GEMM_PAD, KC, KC_MOST, MC_MOST
from celldsl.jit.gemm.tile import fetch, move, stack
from celldsl.jit.lowering.pointers import pointer
from celldsl.jit.lowering.vector_width import WIDEST_PANEL, panel_width
from celldsl.jit.vector_math.functions import bfloat16

_GEMM_TOGETHER = 8  # rows: panels lie where one would drive another out of the caches
_PREFETCH_ROWS = 16  # rows that are fetched before they are packed: memory is far away


@routine
def packed_length(k, n):
    """Elements that `pack` writes, for either dtype."""
    columns = (n + WIDEST_PANEL - 1) // WIDEST_PANEL * WIDEST_PANEL
    return k * columns


@routine
def sum_chunks(rows):
    """Into how many parts of at most KC_MOST rows a sum over rows is cut."""
    return max(1, (rows + KC // 2) // KC)


@routine
def sum_split(parts, rows):
    """How many parts share the rows of a sum; those with the same rows share its columns.

    To share rows costs a sum over parts at the end, to share columns packs rows again and again.
    """
    split = max(1, min(parts, rows // KC))
    while parts % split != 0:
        split -= 1
    return split


@routine
def sum_panels(n):
    """Elements for the right rows of a chunk, packed."""
    return packed_length(KC_MOST, n)


@routine
def round_line(count, source, step, to):
    """to[i] = source[i * step], rounded; the two may be the same."""
    if step == 1:
        for i in range(count):
            to[i] = bfloat16(source[i])
    else:
        for i in range(count):
            to[i] = bfloat16(source[i * step])


@routine
def row_at(p, rows, index):
    """The row of its array that row p of a factor is."""
    if index == 0:
        return p
    return rows[index + p]


@routine
def row_ahead(p, k, rows, index):
    """That of a row to be fetched: none is beyond the end of the index."""
    if index == 0:
        return p + _PREFETCH_ROWS
    return rows[index + min(p + _PREFETCH_ROWS, k - 1)]


@routine
def pack_panels(k, n, b, row_stride, column_stride, out, rounds, rows, index):
    width = panel_width(out)
    whole = n // width if column_stride == 1 else 0
    for low in range(0, k, _GEMM_TOGETHER):  # about as the hardware expects: B may come from far
        high = min(k, low + _GEMM_TOGETHER)
        for j in range(whole):
            for p in range(low, high):
                row = pointer(b, row_at(p, rows, index) * row_stride + j * width, 1)
                fetch(pointer(b, row_ahead(p, k, rows, index) * row_stride + j * width, -1))
                move(pointer(out, (j * k + p) * width, 0), row, panel_width(out))
            if rounds:
                piece = pointer(out, (j * k + low) * width, -1)
                round_line((high - low) * width, piece, 1, piece)
    for first in range(whole * width, n, width):
        columns = min(width, n - first)
        for p in range(k):
            to = pointer(out, first * k + p * width, 0)
            row = pointer(b, first * column_stride + row_at(p, rows, index) * row_stride, 1)
            for column in range(columns):
                to[column] = row[column * column_stride]
            for column in range(columns, width):
                to[column] = 0.0
            if rounds:
                round_line(columns, to, 1, to)


@routine
def micro_panel_rows(rest):
    """How many rows go together when `rest` are left: sixes waste least, then fives."""
    odd = rest % 2
    if rest >= 6 + 5 * odd and rest != 8 + 5 * odd:
        return 6
    return 4 + odd if rest >= 4 + odd else rest


@routine
def micro_tiles_of(m):
    """How many micro-panels of six rows come first."""
    rest = m % 6
    others = 2 if rest == 1 else 1 if rest == 2 or rest == 3 else 0
    return max(0, m // 6 - others)


@routine
def pack_micro_panels(k, m, a, a_rs, out, rounds, rows, index):
    """A[k, m] as micro-panels [k][rows], one after the other, a row of A after the other."""
    step = k + GEMM_PAD
    micro_tiles = micro_tiles_of(m)
    line = stack(out, MC_MOST)
    for p in range(k):
        row = pointer(a, row_at(p, rows, index) * a_rs, -1)
        for i in range(0, m, 16):
            fetch(pointer(a, row_ahead(p, k, rows, index) * a_rs + i, -1))
        if rounds:
            round_line(6 * micro_tiles, row, 1, line)
            row = line
        for s in range(micro_tiles - 1):
            # As fast as six; the last two are overwritten.
            move(pointer(out, s * 6 * step + p * 6, 0), pointer(row, s * 6, -1), 8)
        for s in range(max(0, micro_tiles - 1), micro_tiles):
            to = pointer(out, s * 6 * step + p * 6, 0)
            for i in range(6):
                to[i] = row[s * 6 + i]
    first = micro_tiles * 6
    while first < m:
        lanes = micro_panel_rows(m - first)
        for p in range(k):
            to = pointer(out, first * step + p * lanes, 0)
            row = pointer(a, row_at(p, rows, index) * a_rs + first, -1)
            for i in range(lanes):
                to[i] = row[i]
            if rounds:
                round_line(lanes, to, 1, to)
        first += lanes
