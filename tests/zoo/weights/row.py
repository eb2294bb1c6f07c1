"""How a run of a library is put into a cell of ours.  In: arrays of the run.  Out: arrays of ours.

Row(plain)                                                 the parameters alone
Row(clipped, hypers={"cell_clip": "cc"})                   a number that the run was made with
Row(grid, states=lambda s: {"c": s["S"][:12], ...})        states by other names or shapes

A run is one sequence: no array has an axis for the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Arrays = dict[str, Any]
Change = Callable[[Arrays], Arrays]


def same(arrays: Arrays) -> Arrays:
    return arrays


@dataclass(frozen=True)
class Row:
    """Settings that the index names need not be here.

    weights  the library's parameters -> our parameters, and consts
    hypers   hyperparameters of ours -> parameters of the library, whose numbers they take
    states   the library's states -> ours
    inputs   inputs of a step -> ours; those that we have no name for are left out
    output   our output -> the library's
    masks    inputs of a step -> what zoneout keeps of the old, as the library drew it
    sizes    of dims that are not I (the input's), H = 4, P = 2
    rounded  those of `hypers` that the library rounded to float32
    starts   states that the library does not have, and their shapes; they start at zero
    """

    weights: Change
    hypers: Mapping[str, str] = field(default_factory=dict)
    states: Change = same
    inputs: Change = same
    output: Callable[[Any], Any] = lambda y: y
    masks: Callable[[Arrays], Any] | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    rounded: tuple[str, ...] = ()
    starts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
