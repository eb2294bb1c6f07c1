"""Examples reproduce recorded runs of the real libraries, over the sequence and step by step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celldsl.api import load
from celldsl.runtime.cell.cell import Cell
from tests.traces.table import TRACES, Trace

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
RUNS = [(name, trace) for name, traces in TRACES.items() for trace in traces]


def recorded(name: str) -> dict[str, Any]:
    run: dict[str, Any] = json.loads((HERE / "data" / f"{name}.json").read_text(encoding="utf-8"))
    run["P"] = {key: np.array(value) for key, value in run["P"].items()}
    run["s0"] = {key: np.array(value)[None] for key, value in run["s0"].items()}
    return run


def build(run: dict[str, Any], trace: Trace) -> Cell:
    """The example at the trace's sizes, with the library's weights."""
    cls: Any = load(EXAMPLES / f"{trace.example}.cell")
    sizes = {"I": len(run["X"][0]["x"]), "H": 4, "P": 2}
    dims = {dim.name: sizes[dim.name] for dim in cls.description.dims}
    P = run["P"]
    hypers = {n: float(P[v]) if v in P else v for n, v in trace.hypers.items()}
    cell: Cell = cls(**dims, **hypers, dtype="float64")
    weights = trace.weights(P)
    assert set(weights) == set(cell.params)
    for name, value in weights.items():
        cell.params[name][...] = value
    return cell


@pytest.mark.parametrize(("name", "trace"), RUNS, ids=[f"{n}-{t.example}" for n, t in RUNS])
def test_the_example_computes_what_the_library_did(name: str, trace: Trace) -> None:
    run = recorded(name)
    cell, tolerance = build(run, trace), run.get("tol", 1e-10)
    x = np.array([inputs["x"] for inputs in run["X"]])[:, None]
    y, last = cell(x, run["s0"])
    np.testing.assert_allclose(y[:, 0], [s["out"] for s in run["steps"]], rtol=0, atol=tolerance)
    state: Any = run["s0"]
    for t, step in enumerate(run["steps"]):
        out, state = cell.step(x[t], state)
        np.testing.assert_allclose(out[0], step["out"], rtol=0, atol=tolerance)
        for key, value in step["state"].items():
            np.testing.assert_allclose(getattr(state, key)[0], value, rtol=0, atol=tolerance)
    for key, value in run["steps"][-1]["state"].items():
        np.testing.assert_allclose(getattr(last, key)[0], value, rtol=0, atol=tolerance)


def test_every_recorded_run_is_used() -> None:
    assert {path.stem for path in (HERE / "data").glob("*.json")} == set(TRACES)
