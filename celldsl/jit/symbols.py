"""Names of what only compiled code calls.  In: nothing.  Out: names that routines can hold.

    from celldsl.jit.symbols import pointer, real, tanh

    @routine
    def double(x, n):
        values = pointer(x, 0, 0)
        for j in range(n):
            values[j] = tanh(values[j] * real(x, 2.0))

A name stands for the function of the file that the table gives.  That file says what instructions
the function is, and is imported when something is compiled: to run code that was compiled before
needs no Numba, whose import takes longer than everything else in a process that starts.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

CODE_FILES = {
    "lowering.pointers": ("address", "pointer", "real"),
    "lowering.vector_width": ("panel_width",),
    "gemm.calls": (
        "convolve", "convolve_sums", "gemm", "gemm_rounded", "gemm_rows", "gemm_sums",
        "gemm_sums_rounded", "gemm_sums_rows", "pack", "pack_kernel", "pack_rounded", "pack_rows",
        "pack_winograd", "tile", "winograd", "winograd_sums",
    ),
    "gemm.packing": ("sum_chunks", "sum_split"),
    "vector_math.functions": (
        "atan", "bfloat16", "copysign", "cos", "erf", "exp", "expm1", "floor", "hypot", "log",
        "log1p", "power", "round_even", "sigmoid", "sin", "softplus", "sqrt", "tan", "tanh",
    ),
}  # fmt: skip


class CodeName:
    """A function of compiled code, which is looked up when a routine that calls it is compiled."""

    def __init__(self, file: str, name: str) -> None:
        self.file = file
        self.name = name

    def __call__(self, *arguments: Any) -> Any:
        """The same in plain Python."""
        from celldsl.jit.checked import plain_function  # which needs NumPy

        return plain_function(self.file, self.name)(*arguments)

    @property
    def stands_for(self) -> Any:
        return getattr(import_module(f"{__package__}.{self.file}"), self.name)


def __getattr__(name: str) -> Any:
    for file, names in CODE_FILES.items():
        if name in names:
            found = globals()[name] = CodeName(file, name)
            return found
    raise AttributeError(f"{__name__} has no {name}")
