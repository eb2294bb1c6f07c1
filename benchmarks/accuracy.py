"""How accurate the elementary functions are in float32, over the whole range.

    python benchmarks/accuracy.py [--stride 997]

Prints a table in Markdown: the largest error in units of the last place, and where it is.  Every
stride-th of the 2**32 numbers is taken; what is right is what NumPy and SciPy find in float64.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numba import njit
from scipy import special

from celldsl.jit.lowering.numba_types import register_routines
from celldsl.jit.lowering.pointers import pointer
from celldsl.jit.vector_math import functions as elementary

FLAGS = {"reassoc", "contract", "nsz"}  # those of generated kernels
FARTHEST = 1e5  # sin, cos and tan lose digits beyond
TURNING = ("sin", "cos", "tan")


def sigmoid(x: Any) -> Any:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def softplus(x: Any) -> Any:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


RIGHT = {
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "tanh": np.tanh,
    "sigmoid": sigmoid, "softplus": softplus, "erf": special.erf, "sin": np.sin, "cos": np.cos,
    "tan": np.tan, "atan": np.arctan,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stride", type=int, default=997)
    stride = parser.parse_args().stride
    every = np.arange(0, 2**32, stride, dtype=np.uint64).astype(np.uint32).view(np.float32)
    every = every[np.isfinite(every)]
    print(f"{len(every):,} numbers\n\n| function | largest error, ULP | at |\n|---|--:|--:|")
    for name, right in RIGHT.items():
        x = every[np.abs(every) <= FARTHEST] if name in TURNING else every
        error, where = worst(name, right, x)
        print(f"| `{name}` | {error:.2f} | {where:.7g} |", flush=True)


def worst(name: str, right: Any, x: Any) -> tuple[float, float]:
    """The largest error among finite results, and the argument that has it."""
    found = np.empty_like(x)
    loop(getattr(elementary, name))(len(x), x, found)
    with np.errstate(all="ignore"):
        exact = right(x.astype(np.float64))
        single = exact.astype(np.float32)
        units = np.abs(found - exact) / np.spacing(np.abs(single)).astype(np.float64)
    units[~np.isfinite(single)] = 0.0
    assert not np.isnan(units).any(), f"{name} is not a number where it should be one"
    at = int(np.argmax(units))
    return float(units[at]), float(x[at])


def loop(function: Any) -> Any:
    """As generated kernels call it: in a loop that LLVM vectorises."""
    register_routines()

    @njit(nogil=True, error_model="numpy", fastmath=FLAGS)
    def run(n, x, y):  # type: ignore[no-untyped-def]
        source, result = pointer(x, 0, 0), pointer(y, 0, 1)
        for j in range(n):
            result[j] = function(source[j])

    return run


if __name__ == "__main__":
    main()
