"""Where tiles lie in images.  In: sizes of images.  Out: tables, for `tile_transforms`.

    find_units(first, vectors, rows, height, width, tall, lanes, read_row, written_row, units)

Tiles go on from line to line of an image and from image to image, a unit at a time, so that small
images fill vectors too.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from celldsl.jit.functions import routine
from celldsl.jit.gemm.sizes import WINOGRAD_TILES
from celldsl.jit.gemm.tile_transforms import UNIT_WORDS, TileWords, tile_lanes
from celldsl.jit.lowering.pointers import address, pointer
from celldsl.jit.lowering.vector_width import PANEL_BYTES, panel_width

_LEAST = 8  # channels on either side: below it transforms take longer than products
# Routines read integers, and no members of an enumeration.
_READ, _WRITTEN, _LEFT, _RIGHT, _OWN, _LINES, _OWN_LINES = (int(word) for word in TileWords)
UNITS = WINOGRAD_TILES // 4 * UNIT_WORDS  # words of a share: a vector has four tiles at least


@routine
def winograd_pays(like, m, channels, height, width, tall):
    """Whether tiles save two of five multiplications at least, those beyond borders counted."""
    lanes = tile_lanes(like)
    across = (width + lanes - 1) // lanes * lanes
    if tall == 1:
        multiplications, directly = height * across * 6 // 4, height * width * 3
    else:
        multiplications = (height + 3) // 4 * across * 36 // 4
        directly = height * width * 9
    return m >= _LEAST and channels >= _LEAST and 5 * multiplications <= 3 * directly


@routine
def from_line(scratch):
    """Where the next line of the caches begins: vectors across two lines take twice as long."""
    bytes_each = PANEL_BYTES // panel_width(scratch)
    return pointer(scratch, (64 - address(scratch) % 64) % 64 // bytes_each, -1)


@routine
def units_of(height, width, tall, lanes):
    """Units of an image."""
    down = height if tall == 1 else (height + 3) // 4
    return down * ((width + lanes - 1) // lanes)


@routine
def _ones(count):
    return (1 << max(0, count)) - 1


@routine
def find_units(
    first, vectors, rows, height, width, tall, lanes, read_row, written_row, units
):  # fmt: skip
    """The words of four units after the other (`TileWords`), from unit `first` of all rows on."""
    across = (width + lanes - 1) // lanes
    whole = units_of(height, width, tall, lanes)
    for number in range(4 * vectors):
        row = (first + number) // whole
        line = ((first + number) - row * whole) // across
        x = ((first + number) - row * whole - line * across) * lanes
        y = line if tall == 1 else 4 * line
        there = row < rows
        words = pointer(units, number // 4 * UNIT_WORDS + number % 4, -1)
        words[_READ] = row * read_row + y * width + x if there else 0
        words[_WRITTEN] = row * written_row + y * width + x if there else 0
        words[_LEFT] = _ones(min(lanes, width - x + 1)) - (1 if x == 0 else 0)
        words[_RIGHT] = _ones(min(lanes, width - x - 3))
        words[_OWN] = _ones(min(lanes, width - x))
        words[_LINES] = 1
        words[_OWN_LINES] = 1
        if tall == 3:
            words[_LINES] = _ones(min(6, height - y + 1)) - (1 if y == 0 else 0)
            words[_OWN_LINES] = _ones(min(4, height - y))
        if not there:
            words[_LINES] = 0
            words[_OWN_LINES] = 0
