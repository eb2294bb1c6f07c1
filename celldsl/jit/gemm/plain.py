"""The products as plain loops.  In: what `symbols` says of each.  Out: the same, written.

    gemm(m, n, k, a, a_rs, a_cs, b, b_panel, b_rs, c, c_rs, accumulate)

Slow, and without a line in common with the tiles and panels that they stand beside: Numba compiles
them for cells that run on Numba alone (`celldsl.jit.by_numba`), Python runs them in checked mode,
and CELLDSL_GEMM=plain puts them in the place of the others.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from celldsl.jit.functions import stage
from celldsl.jit.symbols import panel_width


@stage
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


@stage
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


@stage
def gemm_sums(r, m, n, a, a_rs, panels, micro_panels, c, c_rs, accumulate):
    """C[m, n] = (or +=) A[r, m]^T @ B[r, n], where B is packed."""
    gemm(m, n, r, a, 1, a_rs, panels, r * panel_width(c), panel_width(c), c, c_rs, accumulate)


PLAIN = {"pack": pack, "gemm": gemm, "gemm_sums": gemm_sums}
