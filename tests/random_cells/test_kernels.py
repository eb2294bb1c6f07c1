"""Kernels of random cells do what the reference does; so do kernels without an optimisation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from celldsl.pass_flags import optimisations
from tests.end_to_end.compare import Setup, compare_all
from tests.end_to_end.subject import FEATURES, Subject, main_cell, subject_of
from tests.random_cells.draw import draw_cell

SETUPS = (
    Setup(),
    Setup(sizes=1, T=1, B=1, given=False),
    Setup(sizes=2, T=2, B=7, threads=2),
    Setup(sizes=2, T=7, B=2, lengths=(3, 7), threads=2, given=False),
    Setup(lengths=(0, 4, 2), reverse=True),
)
SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(200, 224))]

OPTIMISATIONS = optimisations()


def drawn(seed: int, folder: Path) -> Subject:
    """A random cell; every second has masks."""
    path = folder / f"random{seed}.cell"
    # The cell under test is the last one of its file.
    outer, _, inner = draw_cell(seed, masks=seed % 2 == 0).partition("\ncell Inner")
    path.write_text(f"cell Inner{inner}\n{outer}" if inner else outer, encoding="utf-8")
    assert main_cell(path) == "Main"
    return subject_of(path)


@pytest.mark.parametrize("seed", SEEDS)
def test_kernels_agree_with_the_reference(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare_all(drawn(seed, tmp_path), SETUPS, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMISATIONS)
def test_kernels_without_an_optimisation(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = subject_of(FEATURES / "every_pass.cell")
    compare_all(replace(subject, without=(name,)), SETUPS, monkeypatch)


@pytest.mark.parametrize("seed", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_kernels_without_any(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compare_all(replace(drawn(seed, tmp_path), without=tuple(OPTIMISATIONS)), SETUPS, monkeypatch)
