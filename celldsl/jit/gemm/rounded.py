"""Products of factors rounded to bfloat16.  In: pointers with strides.  Out: C, written.

    gemm_rounded_loops(m, n, k, a, a_rs, a_cs, packed, c, c_rs, accumulate)

Both factors are rounded as they are packed; what was packed once, as a weight is, stays rounded.  A
block of A is rounded to the stack and read from there.

    rounded_loops(features)        # the routines of `symbols.ROUNDED_KINDS` for a processor

Some processors have instructions for such products.  Code that uses them belongs into FAMILIES:
kernels hand on what `pack_rounded` made without looking at it, so nothing else has to change.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Mapping, Sequence

from celldsl.jit.functions import Routine, routine
from celldsl.jit.gemm.calls import gemm
from celldsl.jit.gemm.lanes import integers
from celldsl.jit.gemm.loops import gemm_share, sums_of_rows
from celldsl.jit.gemm.packing import pack_panels, round_line
from celldsl.jit.gemm.sizes import APART, KC, MC_UNPACKED, UNPACKED_BLOCK
from celldsl.jit.gemm.tile import stack
from celldsl.jit.lowering.pointers import pointer
from celldsl.jit.lowering.vector_width import panel_width


@routine
def pack_rounded_loops(k, n, b, row_stride, column_stride, out):
    pack_panels(k, n, b, row_stride, column_stride, out, 1, integers(1), 0)


@routine
def gemm_rounded_loops(m, n, k, a, a_rs, a_cs, packed, c, c_rs, accumulate):
    width = panel_width(c)
    block = stack(c, UNPACKED_BLOCK)
    p = 0
    while p == 0 or p < k:
        depth = gemm_share(k - p, KC)
        line = depth + APART
        i = 0
        while i < m:
            rows = gemm_share(m - i, MC_UNPACKED)
            for row in range(rows):
                source = pointer(a, (i + row) * a_rs + p * a_cs, -1)
                round_line(depth, source, a_cs, pointer(block, row * line, -1))
            gemm(rows, n, depth, block, line, 1, pointer(packed, p * width, -1), k * width, width,
                 pointer(c, i * c_rs, -1), c_rs, accumulate)  # fmt: skip
            i += rows
        accumulate = 1
        p += max(depth, 1)


@routine
def gemm_sums_rounded_loops(r, m, n, a, a_rs, packed, micro_panels, c, c_rs, accumulate):
    sums_of_rows(r, m, n, a, a_rs, packed, micro_panels, c, c_rs, accumulate, 1, integers(1), 0)


IN_SINGLES: Mapping[str, Routine] = {
    "pack_rounded": pack_rounded_loops,
    "gemm_rounded": gemm_rounded_loops,
    "gemm_sums_rounded": gemm_sums_rounded_loops,
}
# What a processor must have, by LLVM's names, and the routines for it; the best first.
FAMILIES: Sequence[tuple[str, Mapping[str, Routine]]] = (("", IN_SINGLES),)


def rounded_loops(features: str) -> Mapping[str, Routine]:
    """The first family for a processor of these features, `+avx2,-amx-bf16,…`."""
    has = features.split(",")
    return next(
        loops for needs, loops in FAMILIES if all(f"+{name}" in has for name in needs.split())
    )
