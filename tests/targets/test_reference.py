"""Plain code does what the reference does, for every cell that comes along and every feature."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.cells import EVERY
from tests.end_to_end.compare import Setup
from tests.end_to_end.subject import FEATURES
from tests.targets.compare import TARGETS, compare
from tests.tenth import marked
from tests.zoo.subject import sized_subject

CELLS = [*EVERY.values(), *sorted(FEATURES.glob("*.cell"))]
# What plain code for JAX writes in a way of its own.
FEATURES_OF_JAX = {
    "conv_plane", "grouped", "learned_start", "reductions", "scans", "shapes", "spiking",
    "sub_in_for", "flat_functions", "norms", "elementwise", "values_of_parameters", "concats",
    "gradient_rules",
}  # fmt: skip
BACKWARDS = Setup(given=False, reverse=True, T=3, B=2)
# XLA compiles a second for each.
QUICK = {"torch": (Setup(lengths=(2, 0, 4)), BACKWARDS), "jax": (BACKWARDS,)}
SETUPS = (
    Setup(lengths=(2, 0, 4)),
    Setup(given=False, lengths=(3, 1, 4), reverse=True),
    Setup(sizes=1, T=1, B=1),
    Setup(sizes=2, T=2, B=1, given=False),
    # States as drawn would make systems of 7 equations that amplify what is rounded.
    Setup(sizes=3, T=2, B=2, given=False),
    Setup(T=0),
)


def cases() -> Iterator[ParameterSet]:
    """All for PyTorch; for JAX features that it writes in its own way, and a tenth of others."""
    for target in TARGETS:
        for path, others in zip(CELLS, marked([path.stem for path in CELLS]), strict=True):
            own = path.parent == FEATURES and path.stem in FEATURES_OF_JAX
            marks = () if target == "torch" or own else others.marks
            yield pytest.param(target, path, marks=marks, id=f"{target}-{path.stem}")


@pytest.mark.parametrize(("target", "path"), list(cases()))
def test_plain_code_agrees_with_the_reference(target: str, path: Path) -> None:
    pytest.importorskip(target)
    for setup in QUICK[target]:
        compare(sized_subject(path), target, setup)


@pytest.mark.slow
@pytest.mark.parametrize("setup", SETUPS, ids=str)
@pytest.mark.parametrize("path", CELLS, ids=lambda path: path.stem)
@pytest.mark.parametrize("target", TARGETS)
def test_plain_code_agrees_in_other_setups(target: str, path: Path, setup: Setup) -> None:
    pytest.importorskip(target)
    compare(sized_subject(path), target, setup)
