"""How kernels are compiled, and their smallest parts.  In: functions.  Out: compiled functions.

    @kernel
    def forward_1(low, high, …): …

Sums may be taken in another order (`reassoc`), which is what lets LLVM vectorise them; nothing is
assumed of infinities and NaN.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from celldsl.runtime.lanes import real

OPTIONS = {
    "nogil": True,
    "cache": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz"},
}
kernel: Any = njit(**OPTIONS)


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def copy(target: Any, source: Any, count: int) -> None:
    """target[i] = source[i] for i < count."""
    for i in range(count):
        target[i] = source[i]


@njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def fill(target: Any, count: int, value: float) -> None:
    """target[i] = value for i < count."""
    held = real(target, value)
    for i in range(count):
        target[i] = held
