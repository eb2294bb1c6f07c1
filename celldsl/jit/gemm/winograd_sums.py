"""Gradients of kernels with fewer multiplications.  In: pointers with strides.  Out: C, written.

    winograd_sums_loops(rows, m, channels, height, width, tall, wide, a, …, image, …, c, …, scratch)

As `winograd`, transposed: at each of 36 positions one product [m, tiles] by [tiles, channels] is
added up over all tiles of all rows, and the sums are transformed once, at the end.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from celldsl.jit.functions import routine
from celldsl.jit.gemm.calls import convolve_sums, gemm
from celldsl.jit.gemm.lanes import integers
from celldsl.jit.gemm.sizes import WINOGRAD_CHANNELS, WINOGRAD_ROWS, WINOGRAD_TILES
from celldsl.jit.gemm.tile_transforms import (
    UNIT_WORDS,
    read_image_tiles,
    read_own_tiles,
    tile_lanes,
    turn_square,
    write_kernel,
)
from celldsl.jit.gemm.units import UNITS, find_units, from_line, units_of, winograd_pays
from celldsl.jit.lowering.pointers import pointer
from celldsl.jit.lowering.vector_width import panel_width


@routine
def _read_turned(p, own, width, tall, image, channel_step, units, square, out):
    """[position, panel of channels, tile, channel] of channels p … p + own - 1; zeros beyond."""
    lanes = tile_lanes(out)
    columns = panel_width(out)
    positions = 36 if tall == 3 else 6
    padded = (own + columns - 1) // columns * columns
    for q in range(0, padded, lanes):
        panel = q // columns
        for v in range(WINOGRAD_TILES // lanes):
            words = pointer(units, v * UNIT_WORDS, -1)
            for i in range(lanes):
                seen = pointer(image, (p + min(q + i, own - 1)) * channel_step, -1)
                to = pointer(square, i * lanes, -1)
                if tall == 3:
                    read_image_tiles(to, lanes * lanes, seen, width, words, 3)
                else:
                    read_image_tiles(to, lanes * lanes, seen, width, words, 1)
            for position in range(positions):
                at = (position * padded + panel * columns) * WINOGRAD_TILES
                at += v * lanes * columns + q - panel * columns
                turn_square(pointer(out, at, -1), columns,
                            pointer(square, position * lanes * lanes, -1), lanes)  # fmt: skip


@routine
def _read_cotangents(i, take, width, tall, a, channel_step, units, out):
    """[position, channel, tile] of channels i … i + take - 1."""
    lanes = tile_lanes(out)
    for q in range(take):
        own = pointer(a, (i + q) * channel_step, -1)
        for v in range(WINOGRAD_TILES // lanes):
            words = pointer(units, v * UNIT_WORDS, -1)
            to = pointer(out, q * WINOGRAD_TILES + v * lanes, -1)
            if tall == 3:
                read_own_tiles(to, take * WINOGRAD_TILES, own, width, words, 3)
            else:
                read_own_tiles(to, take * WINOGRAD_TILES, own, width, words, 1)


@routine
def winograd_sums_loops(
    rows, m, channels, height, width, tall, wide, a, a_row, a_channel, image, image_row,
    image_channel, c, c_step, accumulate, finish, totals, scratch,
):  # fmt: skip
    """As `convolve_sums`; `totals` [positions, m, channels] go from call to call, and C is written
    where it is the last one."""
    if not winograd_pays(c, m, channels, height, width, tall):
        convolve_sums(rows, m, channels, height, width, tall, wide, a, a_row, a_channel, image,
                      image_row, image_channel, c, c_step, accumulate)  # fmt: skip
        return
    lanes = tile_lanes(c)
    columns = panel_width(c)
    positions = 36 if tall == 3 else 6
    size = m * channels
    if accumulate == 0:
        for at in range(positions * size):
            totals[at] = 0.0
    units = integers(UNITS)
    scratch = from_line(scratch)
    left = pointer(scratch, 36 * WINOGRAD_TILES * WINOGRAD_CHANNELS, -1)
    whole = rows * units_of(height, width, tall, lanes)
    for first in range(0, whole, 4 * (WINOGRAD_TILES // lanes)):
        vectors = WINOGRAD_TILES // lanes
        find_units(first, vectors, rows, height, width, tall, lanes, image_row, a_row, units)
        for p in range(0, channels, WINOGRAD_CHANNELS):
            own = min(WINOGRAD_CHANNELS, channels - p)
            padded = (own + columns - 1) // columns * columns
            # The square is where cotangents go later.
            _read_turned(p, own, width, tall, image, image_channel, units, left, scratch)
            for i in range(0, m, WINOGRAD_ROWS):
                take = min(WINOGRAD_ROWS, m - i)
                _read_cotangents(i, take, width, tall, a, a_channel, units, left)
                for position in range(positions):
                    gemm(take, own, WINOGRAD_TILES,
                         pointer(left, position * take * WINOGRAD_TILES, -1), WINOGRAD_TILES, 1,
                         pointer(scratch, position * padded * WINOGRAD_TILES, -1),
                         columns * WINOGRAD_TILES, columns,
                         pointer(totals, position * size + i * channels + p, -1), channels,
                         1)  # fmt: skip
    if finish != 0:
        for i in range(m):
            for p in range(channels):
                sums = pointer(totals, i * channels + p, -1)
                to = pointer(c, i * c_step + p * tall * wide, -1)
                if tall == 3:
                    write_kernel(to, sums, size, 3)
                else:
                    write_kernel(to, sums, size, 1)
