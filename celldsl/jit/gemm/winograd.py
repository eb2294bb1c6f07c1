"""Convolutions by kernels of three places, with fewer multiplications.  In: pointers with strides.

    winograd_loops(rows, m, channels, height, width, tall, wide, a, image, …, c, …, scratch)

Tiles of 4 × 4 pixels are transformed (`tile_transforms`), and at each of their 36 positions there
is one product of matrices, [m, channels] by [channels, tiles]: 36 multiplications for 16 pixels and
a channel, where the kernel itself takes 144.  Tiles of one line, for kernels of one line, take 6
for 4 pixels instead of 12.  A block of tiles at a time goes through all of it, in the second cache.

Where a matrix has few rows or columns, or an image fills few tiles, the convolution is `convolve`.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from celldsl.jit.functions import routine
from celldsl.jit.gemm.calls import convolve, pack_kernel
from celldsl.jit.gemm.lanes import integers
from celldsl.jit.gemm.loops import gemm_panels, gemm_share
from celldsl.jit.gemm.packing import micro_panel_rows
from celldsl.jit.gemm.sizes import WINOGRAD_DEPTH, WINOGRAD_ROWS
from celldsl.jit.gemm.tile import tile_steps
from celldsl.jit.gemm.tile_transforms import (
    UNIT_WORDS,
    read_image_tiles,
    tile_lanes,
    transform_kernel,
    write_tiles,
)
from celldsl.jit.gemm.units import UNITS, find_units, from_line, units_of, winograd_pays
from celldsl.jit.gemm.winograd_sums import winograd_sums_loops
from celldsl.jit.lowering.pointers import pointer
from celldsl.jit.lowering.vector_width import panel_width

_MOST_PANELS = 4  # of a block of tiles


@routine
def _block_panels(channels):
    """Panels of tiles in a block: few channels leave room for several."""
    own = gemm_share(channels, WINOGRAD_DEPTH)
    return max(1, min(_MOST_PANELS, (WINOGRAD_DEPTH * 3 // 2) // own))


@routine
def _block_rows(panels):
    return max(6, WINOGRAD_ROWS // panels // 6 * 6)


@routine
def pack_winograd_loops(
    m, channels, height, width, tall, wide, a, m_step, channel_step, tall_step, wide_step, out
):  # fmt: skip
    """Transformed kernels: for each share of the channels and block of rows, the micro-panels of
    one position after the other."""
    if not winograd_pays(out, m, channels, height, width, tall):
        pack_kernel(m, channels, tall, wide, a, m_step, channel_step, tall_step, wide_step, out)
        return
    positions = 36 if tall == 3 else 6
    most = _block_rows(_block_panels(channels))
    p = 0
    while p < channels:
        own = gemm_share(channels - p, WINOGRAD_DEPTH)
        for low in range(0, m, most):
            take = min(most, m - low)
            block = pointer(out, positions * (m * p + low * own), -1)
            first = 0
            while first < take:
                rows = micro_panel_rows(take - first)
                for q in range(own):
                    for i in range(rows):
                        to = pointer(block, first * own + q * rows + i, -1)
                        at = (low + first + i) * m_step + (p + q) * channel_step
                        taps = pointer(a, at, -1)
                        if tall == 3:
                            transform_kernel(to, take * own, taps, tall_step, wide_step, 3)
                        else:
                            transform_kernel(to, take * own, taps, tall_step, wide_step, 1)
                first += rows
        p += own


@routine
def _read_block(
    p, own, vectors, panels, width, tall, image, channel_step, units, out
):  # fmt: skip
    """[position, panel, channel, tile]: what tiles see of channels p … p + own - 1."""
    lanes = tile_lanes(out)
    columns = panel_width(out)
    step = panels * own * columns
    for q in range(own):
        seen = pointer(image, (p + q) * channel_step, -1)
        for v in range(vectors):
            panel = v * lanes // columns
            to = pointer(out, (panel * own + q) * columns + v * lanes - panel * columns, -1)
            words = pointer(units, v * UNIT_WORDS, -1)
            if tall == 3:
                read_image_tiles(to, step, seen, width, words, 3)
            else:
                read_image_tiles(to, step, seen, width, words, 1)


@routine
def _write_block(i, take, vectors, wide_step, width, tall, sums, units, c, c_channel, adds):
    """The pixels of channels i … i + take - 1 from sums[position, channel, tile]."""
    lanes = tile_lanes(c)
    for q in range(take):
        to = pointer(c, (i + q) * c_channel, -1)
        for v in range(vectors):
            words = pointer(units, v * UNIT_WORDS, -1)
            made = pointer(sums, q * wide_step + v * lanes, -1)
            if tall == 3:
                write_tiles(to, width, words, made, take * wide_step, adds, 3)
            else:
                write_tiles(to, width, words, made, take * wide_step, adds, 1)


@routine
def winograd_loops(
    rows, m, channels, height, width, tall, wide, a, image, image_row, image_channel, c, c_row,
    c_channel, accumulate, scratch,
):  # fmt: skip
    if not winograd_pays(c, m, channels, height, width, tall):
        convolve(rows, 1, m, channels, height, width, tall, wide, a, image, image_row, 0,
                 image_channel, c, c_row, 0, c_channel, accumulate)  # fmt: skip
        return
    lanes = tile_lanes(c)
    columns = panel_width(c)
    positions = 36 if tall == 3 else 6
    whole = rows * units_of(height, width, tall, lanes)
    units = integers(UNITS)
    most = _block_panels(channels)
    high = _block_rows(most)
    scratch = from_line(scratch)
    sums = pointer(scratch, 36 * (WINOGRAD_DEPTH * 3 // 2) * columns, -1)
    of_panel = 4 * columns // lanes  # units
    first = 0
    while first < whole:
        panels = min(most, (whole - first + of_panel - 1) // of_panel)
        vectors = panels * columns // lanes
        find_units(first, vectors, rows, height, width, tall, lanes, image_row, c_row, units)
        adds = accumulate
        p = 0
        while p < channels:
            own = gemm_share(channels - p, WINOGRAD_DEPTH)
            _read_block(p, own, vectors, panels, width, tall, image, image_channel, units, scratch)
            for i in range(0, m, high):
                take = min(high, m - i)
                steps = tile_steps(1, -1, own * columns, columns, panels * columns, 0)
                for position in range(positions):
                    left = pointer(a, positions * (m * p + i * own) + position * take * own, -1)
                    right = pointer(scratch, position * panels * own * columns, -1)
                    to = pointer(sums, position * take * panels * columns, -1)
                    gemm_panels(take, panels, own, left, right, to, own, own * columns,
                                panels * columns, steps, 0)  # fmt: skip
                _write_block(i, take, vectors, panels * columns, width, tall, sums, units, c,
                             c_channel, adds)  # fmt: skip
            adds = 1
            p += own
        first += panels * of_panel


WINOGRAD = {
    "pack_winograd": pack_winograd_loops,
    "winograd": winograd_loops,
    "winograd_sums": winograd_sums_loops,
}
