"""The loops around the tile.  In: lanes with strides in elements.  Out: panels, or C.

    gemm_loops(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate)

B is cut so that a panel of it stays in the first cache and a block of A in the second.  What LOOPS
names is compiled once for a machine and a dtype; `symbols` says what it does.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from celldsl.runtime.gemm.calls import gemm, pack, tile
from celldsl.runtime.gemm.tile import fetch, stack, tile_code, tile_steps
from celldsl.runtime.kernel import stage
from celldsl.runtime.stages.lanes import lane
from celldsl.runtime.stages.panels import WIDEST_PANEL, panel_width

GEMM_DEPTH = 512  # rows of a panel of B, in the first caches beside a strip of A
GEMM_ROWS = 96  # rows of a block of A, in the second cache
GEMM_PAD = 4  # elements after a packed row of A, for what copies eight where six are wanted
SUM_STRIPS = (GEMM_DEPTH * 3 // 2 + GEMM_PAD) * (GEMM_ROWS * 3 // 2)  # a block of A, packed
_GEMM_AHEAD = 16  # rows that are fetched before they are packed: memory is far away
_GEMM_LOCAL_ROWS = 24
_GEMM_LOCAL = _GEMM_LOCAL_ROWS * WIDEST_PANEL
_GEMM_LOCAL_PANEL = GEMM_DEPTH * 3 // 2 * WIDEST_PANEL


@stage
def tile_loops(shape, k, a, b, c, steps):
    """By a symbol too, because LLVM would compile the tiles again with each loop around them."""
    tile_code(shape, k, a, b, c, steps)


@stage
def packed_length(k, n):
    """Elements that `pack` writes, for either dtype."""
    columns = (n + WIDEST_PANEL - 1) // WIDEST_PANEL * WIDEST_PANEL
    return k * columns


@stage
def sum_chunks(rows):
    """Into how many parts of at most GEMM_DEPTH * 3 // 2 rows a sum over rows is cut."""
    return max(1, (rows + GEMM_DEPTH // 2) // GEMM_DEPTH)


@stage
def sum_split(parts, rows):
    """How many parts share the rows of a sum; those with the same rows share its columns.

    To share rows costs a sum over parts at the end, to share columns packs rows again and again.
    """
    split = max(1, min(parts, rows // GEMM_DEPTH))
    while parts % split != 0:
        split -= 1
    return split


@stage
def sum_panels(n):
    """Elements for the right rows of a chunk, packed."""
    return packed_length(GEMM_DEPTH * 3 // 2, n)


@stage
def pack_loops(k, n, b, row_stride, column_stride, out):
    width = panel_width(out)
    whole = n // width if column_stride == 1 else 0
    for p in range(k):  # row after row, as the hardware expects: B may come from far away
        row = lane(b, p * row_stride, 1)
        for j in range(whole):
            fetch(lane(row, _GEMM_AHEAD * row_stride + j * width, -1))
            to = lane(out, (j * k + p) * width, 0)
            for column in range(width):
                to[column] = row[j * width + column]
    for first in range(whole * width, n, width):
        columns = min(width, n - first)
        for p in range(k):
            to = lane(out, first * k + p * width, 0)
            row = lane(b, first * column_stride + p * row_stride, 1)
            for column in range(columns):
                to[column] = row[column * column_stride]
            for column in range(columns, width):
                to[column] = 0.0


@stage
def _gemm_strip(rest):
    """How many rows go together when `rest` are left: the larger tiles waste the least."""
    if rest >= 6 and rest != 8 and rest != 9:
        return 6
    if rest >= 4:
        return 4
    return min(rest, 2)


@stage
def _gemm_sixes(m):
    """How many strips of six rows come first."""
    rest = m % 6
    return max(0, m // 6 - 1) if rest == 2 or rest == 3 else m // 6


@stage
def _gemm_pack_strips(k, m, a, a_rs, out):
    """A[k, m] as strips [k][rows], one after the other, a row of A after the other."""
    step = k + GEMM_PAD
    sixes = _gemm_sixes(m)
    for p in range(k):
        row = lane(a, p * a_rs, 1)
        for i in range(0, m, 16):
            fetch(lane(row, _GEMM_AHEAD * a_rs + i, -1))
        for s in range(sixes - 1):
            to = lane(out, s * 6 * step + p * 6, 0)
            for i in range(8):  # one vector: the last two are overwritten
                to[i] = row[s * 6 + i]
        for s in range(max(0, sixes - 1), sixes):
            to = lane(out, s * 6 * step + p * 6, 0)
            for i in range(6):
                to[i] = row[s * 6 + i]
    first = sixes * 6
    while first < m:
        rows = _gemm_strip(m - first)
        for p in range(k):
            to = lane(out, first * step + p * rows, 0)
            for i in range(rows):
                to[i] = a[p * a_rs + first + i]
        first += rows


@stage
def _gemm_panels(m, panels, k, a, b, c, a_step, b_panel, c_rs, steps):
    """Whole panels.  Sixes and fours go down each panel, a last pair or row across panels."""
    width = panel_width(c)
    down = m - m % 2 if m >= 4 else 0
    for j in range(panels):
        i = 0
        while i < down:
            rows = _gemm_strip(m - i)
            tile(rows * 8 + 1, k, lane(a, i * a_step, -1), lane(b, j * b_panel, -1),
                 lane(c, i * c_rs + j * width, -1), steps)  # fmt: skip
            i += rows
    i = down
    while i < m:
        rows = min(m - i, 2)
        together = 2 if rows == 2 else 4
        j = 0
        while j < panels:
            wide = together if panels - j >= together else 1
            tile(rows * 8 + wide, k, lane(a, i * a_step, -1), lane(b, j * b_panel, -1),
                 lane(c, i * c_rs + j * width, -1), steps)  # fmt: skip
            j += wide
        i += rows


@stage
def _gemm_block(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate):
    """Sizes that fit the caches.  The last columns go by way of a tile as wide as a panel."""
    width = panel_width(c)
    panels = n // width
    a_step = k + GEMM_PAD if a_cs < 0 else a_rs
    steps = tile_steps(a_rs, a_cs, b_panel, b_rs, c_rs, accumulate)
    _gemm_panels(m, panels, k, a, b, c, a_step, b_panel, c_rs, steps)
    rest = n - panels * width
    if rest == 0:
        return
    last = lane(b, panels * b_panel, -1)
    if b_panel == width:  # B as it lies: a whole panel would be read past its end
        whole = stack(c, _GEMM_LOCAL_PANEL)
        pack(k, rest, last, b_rs, 1, whole)
        last = whole
        b_rs = width
    local = stack(c, _GEMM_LOCAL)
    steps = tile_steps(a_rs, a_cs, 0, b_rs, width, 0)
    for i in range(0, m, _GEMM_LOCAL_ROWS):
        rows = min(m - i, _GEMM_LOCAL_ROWS)
        _gemm_panels(rows, 1, k, lane(a, i * a_step, -1), last, local, a_step, 0, width, steps)
        for row in range(rows):
            to = lane(c, (i + row) * c_rs + panels * width, 0)
            sums = lane(local, row * width, 1)
            for column in range(rest):
                to[column] = sums[column] if accumulate == 0 else to[column] + sums[column]


@stage
def _gemm_share(rest, most):
    """The next part of `rest`: a last one up to half as large again is better than a small one."""
    return rest if 2 * rest <= 3 * most else most


@stage
def gemm_loops(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate):
    p = 0
    while p == 0 or p < k:
        depth = _gemm_share(k - p, GEMM_DEPTH)
        i = 0
        while i < m:
            rows = _gemm_share(m - i, GEMM_ROWS)
            _gemm_block(rows, n, depth, lane(a, i * a_rs + p * a_cs, -1), a_rs, a_cs,
                        lane(b, p * b_rs, -1), b_panel, b_rs, lane(c, i * c_rs, -1), c_rs,
                        accumulate)  # fmt: skip
            i += rows
        accumulate = 1
        p += max(depth, 1)


@stage
def gemm_sums_loops(r, m, n, a, a_rs, panels, strips, c, c_rs, accumulate):
    width = panel_width(c)
    i = 0
    while i < m:
        rows = _gemm_share(m - i, GEMM_ROWS)
        _gemm_pack_strips(r, rows, lane(a, i, -1), a_rs, strips)
        gemm(rows, n, r, strips, 1, -1, panels, r * width, width, lane(c, i * c_rs, -1), c_rs,
             accumulate)  # fmt: skip
        i += rows


LOOPS = {"tile": tile_loops, "pack": pack_loops, "gemm": gemm_loops, "gemm_sums": gemm_sums_loops}
