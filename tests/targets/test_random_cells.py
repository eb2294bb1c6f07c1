"""Plain code of random cells does what the reference does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.compare import Setup
from tests.random_cells.test_kernels import drawn
from tests.targets.compare import compare

# JAX compiles half a second for each.
QUICK = {"torch": range(300, 312), "jax": range(300, 304)}
SLOW = range(312, 372)
SETUPS = (
    Setup(lengths=(0, 4, 2), reverse=True),
    Setup(sizes=2, T=3, B=2, given=False),
    Setup(sizes=1, T=1, B=1),
)
CASES = [
    pytest.param(target, seed, marks=() if seed in quick else pytest.mark.slow)
    for target, quick in QUICK.items()
    for seed in [*QUICK["torch"], *SLOW]
]


@pytest.mark.parametrize(("target", "seed"), CASES)
def test_plain_code_agrees_with_the_reference(target: str, seed: int, tmp_path: Path) -> None:
    pytest.importorskip(target)
    compare(drawn(seed, tmp_path), target, SETUPS[seed % 3])
