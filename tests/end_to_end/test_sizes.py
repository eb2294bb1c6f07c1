"""Gradients at sizes that nobody chose: products are cut in other ways at each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.threads import thread_count as threads
from tests.cells import example

SMOOTH = ("cudnn_gru", "ln_lstm", "packed_lstm", "projected_lstm", "rnn", "sru_projected")
STEP = 1e-8
pytestmark = pytest.mark.usefixtures("small_work_shared")


@pytest.mark.parametrize(
    "seed",
    [*range(40), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(40, 1000))],
)
def test_gradients_are_slopes(seed: int) -> None:
    """In one direction through all parameters and inputs, which an error anywhere would turn."""
    rng = np.random.default_rng(seed)
    cell_class = celldsl.load(example(SMOOTH[seed % len(SMOOTH)]))
    dims = {d.name: int(rng.integers(1, 150)) for d in cell_class.description.dims}
    cell = cell_class(dtype="float64", seed=seed, **dims)
    steps, batch = int(rng.integers(1, 8)), int(rng.integers(1, 40))
    x = rng.standard_normal((steps, batch, dims["I"]))
    given: dict[str, Any] = {"reverse": bool(rng.integers(2))}
    if rng.integers(2):
        given["lengths"] = rng.integers(0, steps + 1, batch)
    threads.set_threads(int(rng.integers(1, 4)))

    y, _, tape = cell.forward(x, **given)
    dy = rng.standard_normal(y.shape)
    found = cell.backward(tape, dy)
    flat = cell.params.flat
    start, gradients = flat.copy(), (found.params.flat, found.inputs["x"])
    ways = [rng.standard_normal(g.shape) for g in gradients]

    def loss(distance: float) -> float:
        flat[:] = start + distance * ways[0]
        return float((cell.forward(x + distance * ways[1], **given)[0] * dy).sum())

    slope = (loss(STEP) - loss(-STEP)) / (2 * STEP)
    expected = sum(float((g * way).sum()) for g, way in zip(gradients, ways, strict=True))
    size = np.sqrt(sum(float(np.square(g).sum()) for g in gradients))
    assert slope == pytest.approx(expected, abs=1e-5 * size + 1e-5)
