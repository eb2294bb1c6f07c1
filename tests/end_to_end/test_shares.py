"""Which thread does what, and in what order, makes no difference to a bit of the results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.threads import task_graph as tasks
from celldsl.runtime.threads import thread_count as threads
from tests.cells import example

SHAPE = STEPS, BATCH = 40, 23
KEYWORDS: list[dict[str, Any]] = [
    {},
    {"reverse": True},
    {"lengths": np.random.default_rng(3).integers(0, STEPS + 1, BATCH)},
]


def results(cell: Any, keywords: dict[str, Any]) -> list[Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(*SHAPE, 48)).astype("float32")
    outputs, _, tape = cell.forward(x, **keywords)
    gradients = cell.backward(tape, rng.normal(size=outputs.shape).astype("float32"))
    found = [outputs, cell(x, **keywords)[0]]
    return [*found, *gradients.params.values(), *gradients.inputs.values()]


@pytest.mark.parametrize("keywords", KEYWORDS)
@pytest.mark.parametrize("name", ["gru", "packed_lstm", "ln_lstm", "sru", "indrnn"])
def test_shares_change_no_bit(
    name: str, keywords: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads.THREADS, "number", 3)
    monkeypatch.setattr(threads, "SMALL_WORK", 0)
    made = celldsl.load(example(name))
    sizes = {dim.name: 48 for dim in made.description.dims}
    shared = results(made(**sizes), keywords)
    monkeypatch.setattr(tasks, "TIME_SHARES", 1)
    monkeypatch.setattr(tasks, "FINER", 1)
    for ours, whole in zip(shared, results(made(**sizes), keywords), strict=True):
        np.testing.assert_array_equal(ours, whole)
