"""Products with windows of an image.  In: pointers with strides in elements.  Out: C, written.

    convolve_loops(rows, groups, m, channels, height, width, tall, wide, a, image, …)

Column n of the matrix that a kernel is multiplied by holds what the kernel sees at pixel n.  That
matrix is never in memory: a panel of it is gathered on the stack, right before tiles read it.  A
line of a panel is a piece of the image, moved, with zeros where the kernel looks beyond the border:
bits say which lanes are inside, so pixels go on from one line of the image to the next, and images
of any width fill whole panels.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from celldsl.jit.functions import routine
from celldsl.jit.gemm.calls import gemm
from celldsl.jit.gemm.lanes import gather_lanes, integers, turn_lanes, vector_lanes
from celldsl.jit.gemm.loops import gemm_panels, gemm_share, last_columns
from celldsl.jit.gemm.packing import micro_panel_rows
from celldsl.jit.gemm.sizes import KC, KC_MOST, KERNEL_MOST
from celldsl.jit.gemm.tile import stack, tile_steps
from celldsl.jit.lowering.pointers import pointer
from celldsl.jit.lowering.vector_width import WIDEST_PANEL, panel_width

_PANEL = KC_MOST * WIDEST_PANEL


@routine
def pack_kernel_loops(m, channels, tall, wide, a, m_step, channel_step, tall_step, wide_step, out):
    """A[m, (channel, line, place)] as micro-panels, those of one share of its columns after the
    other."""
    taps = tall * wide
    depth = channels * taps
    p = 0
    while p < depth:
        own = gemm_share(depth - p, KC)
        first = 0
        while first < m:
            rows = micro_panel_rows(m - first)
            to = pointer(out, m * p + first * own, -1)
            for q in range(own):
                channel = (p + q) // taps
                tap = (p + q) - channel * taps
                line = tap // wide
                at = channel * channel_step + line * tall_step + (tap - line * wide) * wide_step
                for i in range(rows):
                    to[q * rows + i] = a[at + (first + i) * m_step]
            first += rows
        p += own


@routine
def find_inside(first, count, height, width, tall, wide, lines, places):
    """Bit l of lines[i] (places[j]) is 1 where line i (place j) of the kernel at pixel first + l is
    a line (place) of the image, for l < count."""
    for i in range(tall):
        lines[i] = 0
    for j in range(wide):
        places[j] = 0
    lane = 0
    at_y = first // width
    at_x = first - at_y * width
    up = tall // 2
    left = wide // 2
    while lane < count:
        length = min(count - lane, width - at_x)
        ones = ((1 << length) - 1) << lane
        for i in range(max(0, up - at_y), min(tall, height + up - at_y)):
            lines[i] = lines[i] | ones
        for j in range(wide):
            low = max(at_x, left - j)
            high = min(at_x + length, width + left - j)
            if low < high:
                places[j] = places[j] | (((1 << (high - low)) - 1) << (lane + low - at_x))
        lane += length
        at_y += 1
        at_x = 0


@routine
def _gather_panel(p, depth, width, tall, wide, image, channel_step, lines, places, out):
    """Rows p … p + depth - 1 of the matrix of windows; `image` is where the panel's first pixel
    lies."""
    taps = tall * wide
    channel = p // taps
    line = (p - channel * taps) // wide
    place = p - channel * taps - line * wide
    reach = tall // 2 * width + wide // 2
    for q in range(depth):
        source = pointer(image, channel * channel_step + line * width + place - reach, -1)
        to = pointer(out, q * panel_width(out), -1)
        gather_lanes(to, source, lines[line] & places[place], panel_width(out))
        place += 1
        if place == wide:
            place = 0
            line += 1
        if line == tall:
            line = 0
            channel += 1


@routine
def convolve_loops(
    rows, groups, m, channels, height, width, tall, wide, a, image, image_row, image_group,
    image_channel, c, c_row, c_group, c_channel, accumulate,
):  # fmt: skip
    columns = panel_width(c)
    pixels = height * width
    depth = channels * tall * wide
    lines = integers(KERNEL_MOST)
    places = integers(KERNEL_MOST)
    panel = stack(c, _PANEL)
    for row in range(rows):
        for first in range(0, pixels, columns):
            count = min(columns, pixels - first)
            find_inside(first, count, height, width, tall, wide, lines, places)
            for group in range(groups):
                seen = pointer(image, row * image_row + group * image_group + first, -1)
                out = pointer(c, row * c_row + group * c_group + first, -1)
                adds = accumulate
                p = 0
                while p < depth:
                    own = gemm_share(depth - p, KC)
                    _gather_panel(
                        p, own, width, tall, wide, seen, image_channel, lines, places, panel
                    )
                    left = pointer(a, m * (group * depth + p), -1)
                    if count == columns:
                        steps = tile_steps(1, -1, 0, columns, c_channel, adds)
                        gemm_panels(m, 1, own, left, panel, out, own, 0, c_channel, steps, 0)
                    else:
                        last_columns(
                            m, count, own, left, 1, -1, own, panel, columns, out, c_channel, adds
                        )
                    adds = 1
                    p += own


@routine
def _turn_panel(
    first, depth, p, columns, height, width, tall, wide, image, channel_step, lines, places, out
):  # fmt: skip
    """Columns p … p + columns - 1 of what is seen at pixels first … first + depth - 1, a pixel a
    row."""
    lanes = vector_lanes(out)
    taps = tall * wide
    reach = tall // 2 * width + wide // 2
    starts = integers(WIDEST_PANEL)
    line_of = integers(WIDEST_PANEL)
    place_of = integers(WIDEST_PANEL)
    for lane in range(panel_width(out)):
        at = min(p + lane, p + columns - 1)
        channel = at // taps
        line = (at - channel * taps) // wide
        place = at - channel * taps - line * wide
        starts[lane] = channel * channel_step + line * width + place - reach
        line_of[lane] = line
        place_of[lane] = place
    for low in range(0, depth, lanes):
        find_inside(first + low, min(lanes, depth - low), height, width, tall, wide, lines, places)
        for half in range(0, columns, lanes):
            turn_lanes(
                pointer(out, low * panel_width(out) + half, -1), panel_width(out),
                pointer(image, first + low, -1), pointer(starts, half, -1),
                pointer(line_of, half, -1), pointer(place_of, half, -1), lines, places,
            )  # fmt: skip


@routine
def convolve_sums_loops(
    rows, m, channels, height, width, tall, wide, a, a_row, a_channel, image, image_row,
    image_channel, c, c_step, accumulate,
):  # fmt: skip
    pixels = height * width
    depth = channels * tall * wide
    lines = integers(KERNEL_MOST)
    places = integers(KERNEL_MOST)
    panel = stack(c, _PANEL)
    if rows * pixels == 0 and accumulate == 0:
        for i in range(m):
            for p in range(depth):
                c[i * c_step + p] = 0.0
    for row in range(rows):
        first = 0
        while first < pixels:
            own = gemm_share(pixels - first, KC)
            for p in range(0, depth, panel_width(c)):
                columns = min(panel_width(c), depth - p)
                _turn_panel(first, own, p, columns, height, width, tall, wide,
                            pointer(image, row * image_row, -1), image_channel, lines, places,
                            panel)  # fmt: skip
                gemm(m, columns, own, pointer(a, row * a_row + first, -1), a_channel, 1, panel,
                     own * panel_width(c), panel_width(c), pointer(c, p, -1), c_step,
                     accumulate)  # fmt: skip
            accumulate = 1
            first += own


WINDOWS = {
    "pack_kernel": pack_kernel_loops,
    "convolve": convolve_loops,
    "convolve_sums": convolve_sums_loops,
}
