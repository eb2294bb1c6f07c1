"""Compiled kernels of every cell of the zoo against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from celldsl.api import load
from celldsl.runtime.cell.cell import Cell
from tests.cells import EVERY
from tests.end_to_end.compare import Drawn, Setup, compare_all, differences, reference
from tests.end_to_end.subject import Arrays, Subject, main_cell
from tests.zoo.subject import zoo_subject

# Sizes near 1, 2 and 7, one step, lengths, both directions; one compilation serves all.
SETUPS = (
    Setup(),
    Setup(given=False, threads=2),
    Setup(sizes=1, T=1, B=1),
    Setup(sizes=1, T=4, B=3, given=False),
    Setup(sizes=2, T=1, B=3, threads=2, given=False),
    Setup(sizes=3, lengths=(2, 4, 1)),
    Setup(lengths=(0, 3, 4), threads=2, given=False),
    Setup(sizes=3, lengths=(3, 1, 4), reverse=True, threads=2),
    Setup(reverse=True, given=False),
)
SINGLE = (Setup(), Setup(sizes=1, T=1, B=1), Setup(sizes=2, T=1), Setup(sizes=3))

# The derivative goes back through steps of conjugate gradients, which lose digits as they go on.
ITERATED = {"mesanet": 1e-2}


@pytest.mark.parametrize("name", EVERY)
def test_kernels_agree_with_the_reference(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compare_all(zoo_subject(name), SETUPS, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_kernels_of_single_precision_agree_with_the_reference(name: str) -> None:
    """The reference computes in double precision from the same rounded numbers."""
    subject, wrong = zoo_subject(name), []
    bound = ITERATED.get(name, 1e-4)
    for setup in SINGLE:
        dims = subject.dims(subject.sizes[setup.sizes])
        drawn = rounded(subject, dims, setup)
        single = in_single(subject, subject.make(dims), dims)
        exact = subject.make(dims)
        for key, value in single.params.items():
            exact.params[key][...] = value
        expected = reference(subject, exact, dims, setup, drawn)
        small = Drawn(*(singles(getattr(drawn, part)) for part in Drawn.__annotations__))
        found = differences(single, setup, small, expected)
        wrong += [f"{setup} {key}: {error:.1e}" for key, error in found if not error < bound]
    assert not wrong, "; ".join(wrong)


def in_single(subject: Subject, double: Cell, dims: dict[str, int]) -> Cell:
    """The same cell in float32."""
    consts = {c.name: np.float32(double.consts[c.name])
              for c in subject.spec.consts if c.value is None}  # fmt: skip
    made: Any = load(subject.path, main_cell(subject.path))
    cell: Cell = made(**dims, **consts, dtype="float32")
    for key, value in double.params.items():
        cell.params[key][...] = value
    return cell


def rounded(subject: Subject, dims: dict[str, int], setup: Setup) -> Drawn:
    """Numbers that float32 has."""
    drawn = (
        subject.draw_inputs(dims, setup.T, setup.B),
        subject.draw_outputs(dims, setup.T, setup.B),
        subject.draw_states(dims, setup.B),
        subject.draw_states(dims, setup.B, seed=4),
    )
    return Drawn(*(as_type(np.float64, singles(part)) for part in drawn))


def singles(arrays: Arrays) -> Arrays:
    return as_type(np.float32, arrays)


def as_type(dtype: type[np.floating[Any]], arrays: Arrays) -> Arrays:
    """Numbers of places, such as tokens, are integers and stay so."""
    return {
        key: dtype(value) if np.asarray(value).dtype.kind == "f" else value
        for key, value in arrays.items()
    }
