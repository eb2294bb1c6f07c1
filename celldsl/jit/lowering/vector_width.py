"""How wide panels are on this machine.  In: a dtype, or an array or pointer in kernels.  Out:
columns.

    panel_width("float32")     # 16: two vectors of 32 bytes

A product goes over its right factor in panels of so many columns, see `gemm.tile`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

from celldsl.jit.lowering.llvm_types import Context, Signature, Types, Value, Values
from celldsl.jit.process_target import target

PANEL_BYTES = 2 * target().vector_bytes
WIDEST_PANEL = PANEL_BYTES // 4  # of either dtype


def panel_width(dtype: Any) -> int:
    kind = dtype.dtype if isinstance(dtype, np.ndarray) else np.dtype(dtype)
    return PANEL_BYTES // int(kind.itemsize)


@infer_global(panel_width)
class _PanelWidth(AbstractTemplate):  # type: ignore[misc]
    def generic(self, args: Types, kws: object) -> Signature | None:
        return signature(types.intp, *args) if hasattr(args[0], "dtype") else None


@lower_builtin(panel_width, types.Any)  # type: ignore[untyped-decorator]
def _write_panel_width(context: Context, _: ir.IRBuilder, sig: Signature, __: Values) -> Value:
    return context.get_constant(types.intp, PANEL_BYTES // (sig.args[0].dtype.bitwidth // 8))
