"""A cell of the zoo under test.  In: a name.  Out: a Subject, with sizes that are allowed.

subject = zoo_subject("gru")
subject.sizes                odd ones, then 1, 2 and 7
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from celldsl.runtime.cell.cell import Cell
from tests.cells import example
from tests.end_to_end.subject import Arrays, Subject, subject_of
from tests.zoo.sizes import dims_near

# States that hold sums of outer products: the cell solves a system with them.
GRAMS = {"mesanet": ("A",)}
# Weights of places in a memory, which the cell takes to a power.
POSITIVE = {"ntm": ("w", "v")}
# Shares: products of many of them overflow where they are drawn as other numbers are.
SHARES = {"dnc": ("usage", "written", "w_r", "w_w")}
# Time constants: Euler's rule diverges where they are much shorter than its step.
TIMES = {"ctrnn": ("tau",)}


@dataclass(frozen=True)
class ZooSubject(Subject):
    """A subject some of whose states are symmetrical and positive."""

    def make(self, dims: dict[str, int], seed: int = 0) -> Cell:
        cell = super().make(dims, seed)
        for name in TIMES.get(self.path.stem, ()):
            cell.params[name][...] = np.abs(cell.params[name]) + 0.5
        return cell

    def draw_states(self, dims: dict[str, int], B: int, seed: int = 3) -> Arrays:
        drawn = super().draw_states(dims, B, seed)
        for name in GRAMS.get(self.path.stem, ()):
            drawn[name] = drawn[name] @ drawn[name].swapaxes(-1, -2) + np.eye(drawn[name].shape[-1])
        for name in POSITIVE.get(self.path.stem, ()):
            drawn[name] = np.abs(drawn[name]) + 0.1
        for name in SHARES.get(self.path.stem, ()):
            drawn[name] = 1.0 / (1.0 + np.exp(-drawn[name]))
        return drawn


@cache
def zoo_subject(name: str) -> Subject:
    return sized_subject(example(name))


@cache
def sized_subject(path: Path) -> Subject:
    """A cell anywhere, with sizes that it allows."""
    return _sized(subject_of(path))


def with_structure(name: str, settings: Mapping[str, Any]) -> Subject:
    """The cell with those of the settings that its structure depends on."""
    fixed = {h.name for h in zoo_subject(name).spec.hypers if h.fixed}
    fixed |= {d.name for d in zoo_subject(name).spec.dims if d.fixed is not None}
    chosen = {setting: value for setting, value in settings.items() if setting in fixed}
    return _sized(subject_of(example(name), tuple(sorted(chosen.items()))))


def _sized(subject: Subject) -> Subject:
    sizes = tuple(dims_near(subject.spec, wanted) for wanted in (0, 1, 2, 7))
    return ZooSubject(**{**vars(subject), "sizes": sizes})
