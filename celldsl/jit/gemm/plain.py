"""The products as plain loops.  In: what `symbols` says of each.  Out: the same, written.

    gemm(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate)

Slow, and without a line in common with the tiles and panels that they stand beside: Numba compiles
them for cells that run on Numba alone (`numba_types`), Python runs them in checked mode,
and CELLDSL_GEMM=plain puts them in the place of the others.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from celldsl.jit.functions import routine
from celldsl.jit.symbols import bfloat16, panel_width, pointer, real


@routine
def pack(k, n, b, row_stride, column_stride, out):
    """B[k, n] as panels [ceil(n / width)][k][width], with zeros past its last column."""
    width = panel_width(out)
    for panel in range((n + width - 1) // width):
        for p in range(k):
            for column in range(width):
                at = (panel * k + p) * width + column
                j = panel * width + column
                if j < n:
                    out[at] = b[p * row_stride + j * column_stride]
                else:
                    out[at] = 0.0


@routine
def gemm(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate):
    """C[m, n] = (or +=) A @ B, where row p of panel j of B is at b + j * b_panel + p * b_rs."""
    width = panel_width(c)
    for i in range(m):
        for j in range(n):
            if not accumulate:
                c[i * c_rs + j] = 0.0
            for p in range(k):
                right = b[j // width * b_panel + p * b_rs + j % width]
                c[i * c_rs + j] += a[i * a_rs + p * a_cs] * right


@routine
def gemm_sums(r, m, n, a, a_rs, panels, micro_panels, c, c_rs, accumulate):
    """C[m, n] = (or +=) A[r, m]^T @ B[r, n], where B is packed."""
    gemm(m, n, r, a, 1, a_rs, panels, r * panel_width(c), panel_width(c), c, c_rs, accumulate)


@routine
def pack_rows(k, n, b, row_stride, column_stride, out, rows, index):
    """As `pack`, where row p of B is row rows[index + p] of its array."""
    width = panel_width(out)
    for p in range(k):
        row = rows[index + p]
        for j in range((n + width - 1) // width * width):
            at = (j // width * k + p) * width + j % width
            if j < n:
                out[at] = b[row * row_stride + j * column_stride]
            else:
                out[at] = 0.0


@routine
def gemm_rows(
    m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate, rows, a_first, a_index,
    c_first, c_index,
):  # fmt: skip
    """As `gemm`, a row at a time."""
    for i in range(m):
        read = a_first + i
        if a_index != 0:
            read = rows[a_index + read]
        written = c_first + i
        if c_index != 0:
            written = rows[c_index + written]
        gemm(
            1, n, k, pointer(a, read * a_rs, -1), a_rs, a_cs, b, b_panel, b_rs,
            pointer(c, written * c_rs, -1), c_rs, accumulate,
        )  # fmt: skip


@routine
def gemm_sums_rows(r, m, n, a, a_rs, panels, micro_panels, c, c_rs, accumulate, rows, index):
    """As `gemm_sums`, a row at a time."""
    width = panel_width(c)
    for p in range(r):
        at = rows[index + p] * a_rs
        gemm(
            m, n, 1, pointer(a, at, -1), 1, a_rs, pointer(panels, p * width, -1), r * width, width,
            c, c_rs, 1 if accumulate or p > 0 else 0,
        )  # fmt: skip
    if r == 0:
        gemm(m, n, 0, a, 1, a_rs, panels, 0, width, c, c_rs, accumulate)


@routine
def pack_rounded(k, n, b, row_stride, column_stride, out):
    """As `pack`, rounded."""
    pack(k, n, b, row_stride, column_stride, out)
    width = panel_width(out)
    for at in range((n + width - 1) // width * width * k):
        out[at] = bfloat16(out[at])


@routine
def gemm_rounded(m, n, k, a, a_rs, a_cs, packed, c, c_rs, accumulate):
    """C[m, n] = (or +=) A @ B, A rounded here and B before."""
    width = panel_width(c)
    for i in range(m):
        for j in range(n):
            if not accumulate:
                c[i * c_rs + j] = 0.0
            for p in range(k):
                right = packed[j // width * k * width + p * width + j % width]
                c[i * c_rs + j] += bfloat16(a[i * a_rs + p * a_cs]) * right


@routine
def gemm_sums_rounded(r, m, n, a, a_rs, packed, micro_panels, c, c_rs, accumulate):
    """C[m, n] = (or +=) A[r, m]^T @ B[r, n], A rounded here and B before."""
    gemm_rounded(m, n, r, a, 1, a_rs, packed, c, c_rs, accumulate)


@routine
def pack_kernel(m, channels, tall, wide, a, m_step, channel_step, tall_step, wide_step, out):
    """A[m, (channel, line, place)], row by row."""
    for i in range(m):
        for channel in range(channels):
            for line in range(tall):
                for place in range(wide):
                    at = ((i * channels + channel) * tall + line) * wide + place
                    out[at] = a[
                        i * m_step + channel * channel_step + line * tall_step + place * wide_step
                    ]


@routine
def _weighed(
    i, y, x, channels, height, width, tall, wide, packed, image, image_channel, total
):  # fmt: skip
    """`total`, with what row i of the kernels makes of what it sees at a pixel."""
    for channel in range(channels):
        for line in range(max(0, tall // 2 - y), min(tall, height + tall // 2 - y)):
            for place in range(max(0, wide // 2 - x), min(wide, width + wide // 2 - x)):
                seen = (y + line - tall // 2) * width + x + place - wide // 2
                at = ((i * channels + channel) * tall + line) * wide + place
                total += packed[at] * image[channel * image_channel + seen]
    return total


@routine
def convolve(
    rows, groups, m, channels, height, width, tall, wide, packed, image, image_row, image_group,
    image_channel, c, c_row, c_group, c_channel, accumulate,
):  # fmt: skip
    """C[m, height * width] = (or +=) kernels over an image, for each row and group."""
    for row in range(rows):
        for group in range(groups):
            kernels = pointer(packed, group * m * channels * tall * wide, -1)
            for i in range(m):
                for y in range(height):
                    for x in range(width):
                        at = row * c_row + group * c_group + i * c_channel + y * width + x
                        before = c[at] if accumulate else real(c, 0.0)
                        seen = pointer(image, row * image_row + group * image_group, -1)
                        c[at] = _weighed(
                            i, y, x, channels, height, width, tall, wide, kernels, seen,
                            image_channel, before,
                        )  # fmt: skip


@routine
def convolve_sums(
    rows, m, channels, height, width, tall, wide, a, a_row, a_channel, image, image_row,
    image_channel, c, c_step, accumulate,
):  # fmt: skip
    """C[m, channels * tall * wide] = (or +=) the sums of A times what is seen, over rows."""
    for i in range(m):
        for p in range(channels * tall * wide):
            if not accumulate:
                c[i * c_step + p] = 0.0
            channel = p // (tall * wide)
            down = p // wide % tall - tall // 2
            right = p % wide - wide // 2
            for row in range(rows):
                for y in range(max(0, 0 - down), min(height, height - down)):
                    for x in range(max(0, 0 - right), min(width, width - right)):
                        seen = channel * image_channel + (y + down) * width + x + right
                        one = a[row * a_row + i * a_channel + y * width + x]
                        c[i * c_step + p] += one * image[row * image_row + seen]


@routine
def pack_winograd(
    m, channels, height, width, tall, wide, a, m_step, channel_step, tall_step, wide_step, out
):  # fmt: skip
    """As `pack_kernel`: nothing is transformed here."""
    pack_kernel(m, channels, tall, wide, a, m_step, channel_step, tall_step, wide_step, out)


@routine
def winograd(
    rows, m, channels, height, width, tall, wide, packed, image, image_row, image_channel, c,
    c_row, c_channel, accumulate, scratch,
):  # fmt: skip
    """As `convolve`, of one group."""
    convolve(
        rows, 1, m, channels, height, width, tall, wide, packed, image, image_row, 0,
        image_channel, c, c_row, 0, c_channel, accumulate,
    )  # fmt: skip


@routine
def winograd_sums(
    rows, m, channels, height, width, tall, wide, a, a_row, a_channel, image, image_row,
    image_channel, c, c_step, accumulate, finish, totals, scratch,
):  # fmt: skip
    """As `convolve_sums`, in which nothing waits for the last call."""
    convolve_sums(
        rows, m, channels, height, width, tall, wide, a, a_row, a_channel, image, image_row,
        image_channel, c, c_step, accumulate,
    )  # fmt: skip


PLAIN = {
    "pack": pack,
    "gemm": gemm,
    "gemm_sums": gemm_sums,
    "pack_rows": pack_rows,
    "gemm_rows": gemm_rows,
    "gemm_sums_rows": gemm_sums_rows,
    "pack_rounded": pack_rounded,
    "gemm_rounded": gemm_rounded,
    "gemm_sums_rounded": gemm_sums_rounded,
    "pack_kernel": pack_kernel,
    "convolve": convolve,
    "convolve_sums": convolve_sums,
    "pack_winograd": pack_winograd,
    "winograd": winograd,
    "winograd_sums": winograd_sums,
}
