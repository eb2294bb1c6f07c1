"""The loops around the tile.  In: pointers with strides in elements.  Out: panels, or C.

    gemm_loops(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate)

B is cut so that a panel of it stays in the first cache and a block of A in the second.  While one
multiplies, the next is fetched: memory far away costs nothing then.  What LOOPS names is compiled
once for a machine and a dtype; `symbols` says what it does.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from celldsl.jit.functions import routine
from celldsl.jit.gemm.calls import gemm, pack, tile
from celldsl.jit.gemm.lanes import integers
from celldsl.jit.gemm.packing import (
    micro_panel_rows,
    micro_tiles_of,
    pack_micro_panels,
    pack_panels,
)
from celldsl.jit.gemm.sizes import GEMM_PAD, KC, KC_MOST, MC, MC_UNPACKED
from celldsl.jit.gemm.tile import fetch, stack, tile_code, tile_steps
from celldsl.jit.lowering.pointers import pointer
from celldsl.jit.lowering.vector_width import PANEL_BYTES, WIDEST_PANEL, panel_width

_LAST_ROWS = 12  # rows whose tiles fetch the next panel
_LINE_BYTES = 64  # bytes
_LOCAL_ROWS = 24
_LOCAL = (_LOCAL_ROWS + 7) * WIDEST_PANEL  # 31 rows have no more than three micro-tiles
_LOCAL_PANEL = KC_MOST * WIDEST_PANEL


@routine
def tile_loops(shape, k, a, b, c, steps):
    """By a symbol too, because LLVM would compile the tiles again with each loop around them."""
    tile_code(shape, k, a, b, c, steps)


@routine
def _gemm_fetch(rows, a, a_step, first, last):
    """Brings a share of the columns of the next rows of A nearer."""
    line = panel_width(a) * _LINE_BYTES // PANEL_BYTES
    for at in range((first + line - 1) // line * line, last, line):
        for row in range(rows):
            fetch(pointer(a, row * a_step + at, -1))


@routine
def gemm_panels(m, panels, k, a, b, c, a_step, b_panel, c_rs, steps, ahead):
    """Whole panels.  Strips of four rows or more go down each, the last three or fewer across them.

    `ahead` is where the next block of A begins, 0 where there is none.
    """
    width = panel_width(c)
    down = 0 if m < 4 else 5 if m == 7 else m
    for j in range(panels):
        i = 0
        first, last = j * k // panels, (j + 1) * k // panels
        while i < down:
            rows = micro_panel_rows(m - i)
            if ahead > 0:
                _gemm_fetch(rows, pointer(a, ahead + i * a_step, -1), a_step, first, last)
            shape = rows * 8 + (1 if m - i > _LAST_ROWS else 0)
            tile(shape, k, pointer(a, i * a_step, -1), pointer(b, j * b_panel, -1),
                 pointer(c, i * c_rs + j * width, -1), steps)  # fmt: skip
            i += rows
    rows = m - down
    together = 4 if rows == 1 else 2 if rows == 2 else 1
    j = 0
    while rows > 0 and j < panels:
        wide = together if panels - j >= together else 1
        tile(rows * 8 + wide, k, pointer(a, down * a_step, -1), pointer(b, j * b_panel, -1),
             pointer(c, down * c_rs + j * width, -1), steps)  # fmt: skip
        j += wide


@routine
def _gemm_block(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate, ahead):
    """Sizes that fit the caches.  The last columns go by way of a tile as wide as a panel."""
    width = panel_width(c)
    panels = n // width
    a_step = k + GEMM_PAD if a_cs < 0 else a_rs
    steps = tile_steps(a_rs, a_cs, b_panel, b_rs, c_rs, accumulate)
    gemm_panels(m, panels, k, a, b, c, a_step, b_panel, c_rs, steps, ahead)
    rest = n - panels * width
    if rest == 0:
        return
    last = pointer(b, panels * b_panel, -1)
    if b_panel == width:  # B as it lies: a whole panel would be read past its end
        whole = stack(c, _LOCAL_PANEL)
        pack(k, rest, last, b_rs, 1, whole)
        last = whole
        b_rs = width
    columns = pointer(c, panels * width, -1)
    last_columns(m, rest, k, a, a_rs, a_cs, a_step, last, b_rs, columns, c_rs, accumulate)


@routine
def last_columns(m, rest, k, a, a_rs, a_cs, a_step, b, b_rs, c, c_rs, accumulate):
    """A panel of which C has the first `rest` columns alone."""
    width = panel_width(c)
    local = stack(c, _LOCAL)
    steps = tile_steps(a_rs, a_cs, 0, b_rs, width, 0)
    i = 0
    while i < m:
        # No micro-panel of A is cut: those of what is left are its own where four micro-tiles come
        # first.
        rows = _LOCAL_ROWS if 6 * micro_tiles_of(m - i) >= _LOCAL_ROWS else m - i
        gemm_panels(rows, 1, k, pointer(a, i * a_step, -1), b, local, a_step, 0, width, steps, 0)
        for row in range(rows):
            to = pointer(c, (i + row) * c_rs, 0)
            sums = pointer(local, row * width, 1)
            for column in range(rest):
                to[column] = sums[column] if accumulate == 0 else to[column] + sums[column]
        i += rows


@routine
def gemm_share(rest, most):
    """The next part of `rest`: a last one up to half as large again is better than a small one."""
    return rest if 2 * rest <= 3 * most else most


@routine
def gemm_loops(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate):
    most = MC_UNPACKED if a_cs == 1 else MC
    p = 0
    while p == 0 or p < k:
        depth = gemm_share(k - p, KC)
        i = 0
        while i < m:
            rows = gemm_share(m - i, most)
            ahead = rows * a_rs if a_cs == 1 and i + rows < m else 0
            _gemm_block(rows, n, depth, pointer(a, i * a_rs + p * a_cs, -1), a_rs, a_cs,
                        pointer(b, p * b_rs, -1), b_panel, b_rs, pointer(c, i * c_rs, -1), c_rs,
                        accumulate, ahead)  # fmt: skip
            i += rows
        accumulate = 1
        p += max(depth, 1)


@routine
def pack_loops(k, n, b, row_stride, column_stride, out):
    pack_panels(k, n, b, row_stride, column_stride, out, 0, integers(1), 0)


@routine
def gemm_sums_loops(r, m, n, a, a_rs, panels, micro_panels, c, c_rs, accumulate):
    sums_of_rows(r, m, n, a, a_rs, panels, micro_panels, c, c_rs, accumulate, 0, integers(1), 0)


@routine
def sums_of_rows(
    r, m, n, a, a_rs, panels, micro_panels, c, c_rs, accumulate, rounds, numbers, index
):  # fmt: skip
    width = panel_width(c)
    i = 0
    while i < m:
        rows = gemm_share(m - i, MC)
        pack_micro_panels(r, rows, pointer(a, i, -1), a_rs, micro_panels, rounds, numbers, index)
        gemm(rows, n, r, micro_panels, 1, -1, panels, r * width, width, pointer(c, i * c_rs, -1),
             c_rs, accumulate)  # fmt: skip
        i += rows


LOOPS = {"tile": tile_loops, "pack": pack_loops, "gemm": gemm_loops, "gemm_sums": gemm_sums_loops}
