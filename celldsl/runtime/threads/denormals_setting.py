"""Whether kernels take denormal numbers for zero.  In: the environment.  Out: a truth value."""

from __future__ import annotations

import os


def wants_flushing() -> bool:
    """What the environment says."""
    return os.environ.get("CELLDSL_FLUSH_DENORMALS", "1") != "0"
