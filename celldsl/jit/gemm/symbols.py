"""Small dense products for kernels.  In: pointers with strides in elements.  Out: C, written.

    prepare_products("float32")                             # in Python, before kernels are loaded
    pack(k, n, b, ldb, 1, packed)                        # B[k, n] into panels
    gemm(m, n, k, a, lda, 1, packed, k * width, width, c, ldc, 0)

    gemm(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate)
        C[m, n] = (or +=) A @ B.  Row p of panel j of B is at b + j*b_panel + p*b_rs:
        (k*width, width) for packed B, (width, ldb) for a row-major B as it lies
    gemm_sums(r, m, n, a, a_rs, packed, micro-panels, c, c_rs, accumulate)
        C[m, n] = (or +=) A[r, m]^T @ B[r, n]: gradients of weights, over a chunk of rows as
        `sum_chunks` (of `packing`) cuts them.  B is packed; `micro_panels` is scratch for
        SUM_MICRO_PANELS
    pack(k, n, b, row_stride, column_stride, out)
        B[k, n] of any strides into panels [ceil(n/width)][k][width], padded with zeros
    packed_length(k, n), sum_panels(n), SUM_MICRO_PANELS       (of `packing` and `sizes`)
        elements that `out`, the packed B of a chunk and `micro_panels` need, for either dtype
    gemm_rows(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate,
              rows, a_first, a_index, c_first, c_index)
        As `gemm`, where row i of A is row a_first + i of the array that begins at `a`, and row
        rows[a_index + a_first + i] where a_index is not 0; likewise of C
    pack_rows(k, n, b, row_stride, column_stride, out, rows, index)
    gemm_sums_rows(r, m, n, a, a_rs, packed, micro-panels, c, c_rs, accumulate, rows, index)
        As `pack` and `gemm_sums`, where row p of B, and of A, is row rows[index + p] of its array

    prepare_rounded("float32")                              # likewise; products are ready then too

    pack_rounded(k, n, b, row_stride, column_stride, out)
    gemm_rounded(m, n, k, a, a_rs, a_cs, packed, c, c_rs, accumulate)
    gemm_sums_rounded(r, m, n, a, a_rs, packed, micro_panels, c, c_rs, accumulate)
        The same with both factors rounded to bfloat16, each as it is packed; sums are of the dtype.
        B is what `pack_rounded` made of it.  How it lies, these three alone know; it is as long as
        `packed_length` says, and its first columns may be used alone

    prepare_convolutions("float32")                         # likewise; products are ready then too

    convolve(rows, groups, m, channels, height, width, tall, wide, packed, image, image_row,
             image_group, image_channel, c, c_row, c_group, c_channel, accumulate)
        C[m, height * width] = (or +=) A @ what the kernel sees of image[channels, height * width],
        for each row and each group.  Line (channel, i, j) of what it sees has at pixel y, x the
        image's number at y + i - tall // 2, x + j - wide // 2, zero beyond the border
    convolve_sums(rows, m, channels, height, width, tall, wide, a, a_row, a_channel, image,
                  image_row, image_channel, c, c_step, accumulate)
        C[m, channels * tall * wide] = (or +=) the sum over rows of A[m, height * width] @ what the
        kernel sees, transposed: gradients of kernels
    pack_kernel(m, channels, tall, wide, a, m_step, channel_step, tall_step, wide_step, out)
        A[m, channels * tall * wide] of any strides as `convolve` reads it, as long

    prepare_winograd("float32")                             # likewise, and convolutions are ready

    winograd(rows, m, channels, height, width, tall, wide, packed, image, image_row, image_channel,
             c, c_row, c_channel, accumulate, scratch)
        As `convolve`, of one group and for kernels of 3 × 3 and 1 × 3, by Winograd's transforms
        where they pay.  `scratch` is for WINOGRAD_SCRATCH elements
    winograd_sums(rows, m, channels, height, width, tall, wide, a, a_row, a_channel, image,
                  image_row, image_channel, c, c_step, accumulate, finish, totals, scratch)
        As `convolve_sums`; C is complete after the call whose `finish` is 1.  `totals`, 36 (or 6)
        times m * channels, go from call to call
    pack_winograd(m, channels, height, width, tall, wide, a, m_step, channel_step, tall_step,
                  wide_step, out)
        A as `winograd` reads it, for images of that size; as long as `totals`

Nothing outside C[m, n] is written and nothing outside A and B is read.  `width` is `panel_width` of
the dtype.  Column offsets that are multiples of it split n; rows split m.
"""

from __future__ import annotations

GEMM_KINDS = {  # arguments: i an intp, x a pointer of the dtype, s a pointer of intp
    "tile": "iixxxs",
    "pack": "iixiix",
    "gemm": "iiixiixiixii",
    "gemm_sums": "iiixixxxii",
    "pack_rows": "iixiixsi",
    "gemm_rows": "iiixiixiixiisiiii",
    "gemm_sums_rows": "iiixixxxiisi",
}
ROUNDED_KINDS = {
    "pack_rounded": "iixiix",
    "gemm_rounded": "iiixiixxii",
    "gemm_sums_rounded": "iiixixxxii",
}
WINDOW_KINDS = {
    "pack_kernel": "iiiixiiiix",
    "convolve": "iiiiiiiixxiiixiiii",
    "convolve_sums": "iiiiiiixiixiixii",
}
WINOGRAD_KINDS = {
    "pack_winograd": "iiiiiixiiiix",
    "winograd": "iiiiiiixxiixiiix",
    "winograd_sums": "iiiiiiixiixiixiiixx",
}
KINDS = {**GEMM_KINDS, **ROUNDED_KINDS, **WINDOW_KINDS, **WINOGRAD_KINDS}
GEMM_SUFFIXES = {"float32": "f32", "float64": "f64"}


def gemm_symbol(entry: str, dtype: str) -> str:
    return f"celldsl_{entry}_{GEMM_SUFFIXES[dtype]}"
