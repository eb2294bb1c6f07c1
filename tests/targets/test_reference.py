"""Plain code does what the reference does, for every cell that comes along and every feature."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cells import EVERY
from tests.end_to_end.compare import Setup
from tests.end_to_end.subject import FEATURES
from tests.targets.compare import TARGETS, compare
from tests.zoo.subject import sized_subject

CELLS = [*EVERY.values(), *sorted(FEATURES.glob("*.cell"))]
QUICK = (Setup(lengths=(2, 0, 4)), Setup(given=False, reverse=True, T=3, B=2))
SETUPS = (
    Setup(given=False, lengths=(3, 1, 4), reverse=True),
    Setup(sizes=1, T=1, B=1),
    Setup(sizes=2, T=2, B=1, given=False),
    Setup(sizes=3, T=2, B=2),
    Setup(T=0),
)


@pytest.mark.parametrize("path", CELLS, ids=lambda path: path.stem)
@pytest.mark.parametrize("target", TARGETS)
def test_plain_code_agrees_with_the_reference(target: str, path: Path) -> None:
    pytest.importorskip(target)
    # JAX compiles for each setup: half a second.
    setups = QUICK if target == "torch" else QUICK[len(path.stem) % 2 :][:1]
    for setup in setups:
        compare(sized_subject(path), target, setup)


@pytest.mark.slow
@pytest.mark.parametrize("setup", SETUPS, ids=str)
@pytest.mark.parametrize("path", CELLS, ids=lambda path: path.stem)
@pytest.mark.parametrize("target", TARGETS)
def test_plain_code_agrees_in_other_setups(target: str, path: Path, setup: Setup) -> None:
    pytest.importorskip(target)
    compare(sized_subject(path), target, setup)
