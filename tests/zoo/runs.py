"""A recorded run, in a cell of ours.  In: a row and a file.  Out: what to compute and to expect.

run = Recorded.of("tf.gru", "gru")
run.inputs["x"]            (T, 1, I)
run.leaves()               what the reference reads
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from celldsl.api import load
from celldsl.ir.attributes import KIND, SITE
from celldsl.runtime.cell.cell import Cell
from celldsl.zoo_index import read_index
from tests.end_to_end.subject import Arrays, Subject, main_cell
from tests.zoo.subject import with_structure
from tests.zoo.weights import ROWS
from tests.zoo.weights.row import Row

DATA = Path(__file__).parents[1] / "traces" / "data"
index = cache(read_index)


def recorded_rows() -> list[tuple[str, str]]:
    """(row, file) of every row of the index that has a recorded run.

    A run is of one variant; what else its row stands for is compared in other ways.
    """
    found = [(row, cell.name) for cell in index().cells.values() for row in cell.rows]
    found = [pair for pair in found if pair != ("tf.gridlstm", "grid_lstm")]
    return [(row, name) for row, name in found if (DATA / f"{row}.json").is_file()]


@dataclass(frozen=True)
class Recorded:
    """`steps` are (states, output) after each step, by our names; no axis for the batch.

    States are empty where the run did not record them.
    """

    row: Row
    subject: Subject
    dims: dict[str, int]
    settings: Arrays
    weights: Arrays
    inputs: Arrays
    starts: Arrays
    steps: list[tuple[Arrays, Any]]
    masks: dict[int, Any]
    tolerance: float

    @classmethod
    def of(cls, name: str, file: str) -> Recorded:
        row = ROWS[name][file]
        told = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
        P = {key: np.array(value) for key, value in told["P"].items()}
        numbers = {ours: float(P[theirs]) for ours, theirs in row.hypers.items()}
        numbers |= {ours: float(np.float32(numbers[ours])) for ours in row.rounded}
        settings = {**index().cells[file].rows[name], **numbers}
        subject = with_structure(file, settings)
        each = [row.inputs({k: np.array(v) for k, v in step.items()}) for step in told["X"]]
        starts = {n: np.zeros(shape) for n, shape in row.starts.items()}
        starts |= row.states(arrays(told["s0"]))
        steps = [(row.states(arrays(s["state"])), np.array(s["out"])) for s in told["steps"]]
        return cls(
            row,
            subject,
            run_dims(subject, row, each[0], settings),
            settings,
            row.weights(P),
            {i.name: np.array([x[i.name] for x in each])[:, None] for i in subject.spec.inputs},
            {key: value[None] for key, value in starts.items()},
            steps,
            _masks(subject, row, [arrays(step) for step in told["X"]]),
            told.get("tol", 1e-10),
        )

    def leaves(self) -> Arrays:
        """Parameters, consts, inputs and numbers, for the reference."""
        read = {leaf.name for leaf in self.subject.program.leaves if leaf.kind == "hyper"}
        numbers = {n: np.float64(v) for n, v in self.settings.items() if n in read}
        known = {**self.subject.hypers(), **numbers, **self.weights}
        return {**known, **self.inputs}

    def cell(self) -> Cell:
        """The compiled cell, in float64, with the library's weights."""
        return built(self.subject, self.dims, self.settings, self.weights)


def built(subject: Subject, dims: Arrays, settings: Arrays, weights: Arrays) -> Cell:
    """A compiled cell, in float64, with weights and consts by our names."""
    consts = {c.name: weights[c.name] for c in subject.spec.consts if c.name in weights}
    made: Any = load(subject.path, main_cell(subject.path))
    cell: Cell = made(**{**dims, **settings, **consts}, dtype="float64")
    assert set(weights) == {*cell.params, *consts}
    for name in cell.params:
        cell.params[name][...] = weights[name]
    return cell


def _masks(subject: Subject, row: Row, each: list[Arrays]) -> dict[int, Any]:
    """By site, (T, 1, …)."""
    if row.masks is None:
        return {}
    sites = [n[SITE] for n in subject.program.nodes() if n.op == "mask" and n[KIND] == "zoneout"]
    return {site: np.array([row.masks(step) for step in each])[:, None] for site in sites}


def arrays(values: dict[str, Any]) -> Arrays:
    return {key: np.array(value) for key, value in values.items()}


def run_dims(subject: Subject, row: Row, inputs: Arrays, settings: Arrays) -> dict[str, int]:
    first = next(iter(inputs.values()))
    sizes = {"I": len(first) if first.ndim else 1, "H": 4, "P": 2, **settings, **row.sizes}
    return {dim.name: sizes[dim.name] for dim in subject.spec.dims}
