"""How fast NumPy's BLAS multiplies.  In: nothing.  Out: functions, and a limit from their times.

The best of a few shapes is the machine's limit, as it is at the moment of a measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from timing import Time

SIZES = ((768, 768, 768), (1024, 512, 1024), (3200, 128, 512))


def runs() -> dict[str, Callable[[], Any]]:
    rng = np.random.default_rng(0)
    found: dict[str, Callable[[], Any]] = {}
    for m, k, n in SIZES:
        a = rng.normal(size=(m, k)).astype("float32")
        b = rng.normal(size=(k, n)).astype("float32")
        out = np.empty((m, n), "float32")
        found[f"sgemm {m}x{k}x{n}"] = lambda a=a, b=b, out=out: np.matmul(a, b, out=out)
    return found


def time_of(flops: int, times: Mapping[str, Time]) -> Time:
    """What so many floating-point operations take at the best rate."""
    found = [(2 * m * k * n, times[f"sgemm {m}x{k}x{n}"]) for m, k, n in SIZES]
    median = min(time.median / one for one, time in found)
    best = min(time.best / one for one, time in found)
    return Time(flops * median, flops * best)
