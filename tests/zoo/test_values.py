"""Cells compute what the libraries did whose rows the index gives them, at every step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from celldsl.targets.reference import evaluate
from tests.end_to_end.compare import nested, pick
from tests.end_to_end.subject import Arrays
from tests.zoo.runs import DATA, Recorded, recorded_rows
from tests.zoo.weights import ROWS

CASES = recorded_rows()


def agree(run: Recorded, t: int, output: Any, states: Arrays | None = None) -> None:
    """The output, and the states after step `t` where given; without an axis for the batch."""
    wanted, out = run.steps[t]
    np.testing.assert_allclose(run.row.output(output), out, rtol=0, atol=run.tolerance)
    if states is None:
        return
    for name, value in wanted.items():
        np.testing.assert_allclose(states[name], value, rtol=0, atol=run.tolerance, err_msg=name)


@pytest.mark.parametrize(("name", "file"), CASES, ids=[f"{r}-{f}" for r, f in CASES])
def test_the_reference_computes_what_the_library_did(name: str, file: str) -> None:
    run = Recorded.of(name, file)
    params, consts = ({a.name for a in part} for part in run.subject.arrays())
    assert params <= set(run.weights) <= params | consts
    assert set(run.starts) == {s.name for s in run.subject.spec.states}
    output = run.subject.spec.outputs[0].name
    for T in range(1, len(run.steps) + 1):
        leaves = {**run.leaves(), **{n: x[:T] for n, x in run.inputs.items()}}
        masks = {site: mask[:T] for site, mask in run.masks.items()}
        found = evaluate(run.subject.program, leaves, run.dims, T, 1, run.starts, masks)
        states = {n: a[0] for n, a in found.finals.items()}
        agree(run, T - 1, found.results["output", output][-1, 0], states)


@pytest.mark.parametrize(("name", "file"), CASES, ids=[f"{r}-{f}" for r, f in CASES])
def test_the_kernels_compute_what_the_library_did(name: str, file: str) -> None:
    """Over the sequence, and step by step."""
    run = Recorded.of(name, file)
    if run.masks:
        pytest.skip("kernels draw masks of their own")
    cell, starts = run.cell(), nested(run.starts)
    y, last = cell(run.inputs, starts)
    y = y[0] if isinstance(y, tuple) else y
    agree(run, -1, y[-1, 0], {n: pick(last, n)[0] for n in run.starts})
    state: Any = starts
    for t in range(len(run.steps)):
        out, state = cell.step({n: x[t] for n, x in run.inputs.items()}, state)
        out = out[0] if isinstance(out, tuple) else out
        agree(run, t, out[0], {n: pick(state, n)[0] for n in run.starts})
        agree(run, t, y[t, 0])


def test_every_recorded_run_is_used() -> None:
    assert {path.stem for path in DATA.glob("*.json")} == {row for row, _ in CASES}


def test_every_mapping_is_of_a_row_that_the_index_has() -> None:
    from tests.zoo.runs import index

    for row, files in ROWS.items():
        for file in files:
            assert row in index().cells[file].rows, f"{row} of {file}"
