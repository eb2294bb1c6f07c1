"""Published equations in NumPy, for cells without a recorded run.  Out: STEPS and VARIANTS."""

from __future__ import annotations

from tests.zoo.equations import (
    composition,
    continuous_time,
    diagonal,
    gated,
    matrix_memory,
    normalised,
    spiking,
    structured,
)
from tests.zoo.equations.terms import Step
from tests.zoo.equations.variants import VARIANTS as VARIANTS

STEPS: dict[str, Step] = {}
KINDS = (
    gated, normalised, diagonal, continuous_time, matrix_memory, structured, composition, spiking
)  # fmt: skip
for module in KINDS:
    assert not set(STEPS) & set(module.STEPS)
    STEPS |= module.STEPS
