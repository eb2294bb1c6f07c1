"""Compiled kernels do what the reference does, for every feature."""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.end_to_end.compare import Setup, compare_all
from tests.end_to_end.subject import FEATURES, subject_of

# One for each way of planning and emitting; the others are a slow sweep.
QUICK = {
    "two_inputs", "sub_in_for", "previous_input", "matrix_products", "view_outputs",
    "shared_weight", "start_below", "derived_beside_packed", "hoisted_cotangent",
    "masked_sequences", "two_biases", "pieces_kept_twice",
}  # fmt: skip
SETUPS = (
    Setup(),
    Setup(given=False, threads=2),
    Setup(sizes=1, T=1, B=1),
    Setup(sizes=1, T=4, B=3, given=False),
    Setup(sizes=2, T=1, B=3, threads=2, given=False),
    Setup(sizes=2, lengths=(2, 4, 1)),
    Setup(lengths=(0, 3, 4), threads=2, given=False),
    Setup(lengths=(3, 1, 4), reverse=True, threads=2),
    Setup(reverse=True, given=False),
)


def parameters() -> list[ParameterSet]:
    found = []
    for path in sorted(FEATURES.glob("*.cell")):
        marks = () if path.stem in QUICK else (pytest.mark.slow,)
        found.append(pytest.param(path, marks=marks, id=path.stem))
    return found


@pytest.mark.parametrize("path", parameters())
def test_kernels_agree_with_the_reference(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compare_all(subject_of(path), SETUPS, monkeypatch)
