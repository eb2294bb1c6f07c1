"""How wide panels are on this machine.  In: a dtype, or an array or pointer in kernels.  Out:
columns.

    panel_width("float32")     # 16: two vectors of 32 bytes

A product goes over its right factor in panels of so many columns, see `gemm.tile`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from celldsl.jit.target import target

PANEL_BYTES = 2 * target().vector_bytes
WIDEST_PANEL = PANEL_BYTES // 4  # of either dtype


def panel_width(dtype: Any) -> int:
    kind = dtype.dtype if isinstance(dtype, np.ndarray) else np.dtype(dtype)
    return PANEL_BYTES // int(kind.itemsize)
