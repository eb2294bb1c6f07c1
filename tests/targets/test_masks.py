"""Dropout and zoneout in plain code: the reference with the same masks, and what is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celldsl.targets.reference import gradients
from tests.end_to_end.compare import TOLERANCE, Setup, distance
from tests.end_to_end.subject import Subject, subject_of
from tests.end_to_end.test_masks import DIMS, TEXT, B, T
from tests.targets.compare import TARGETS, as_array, call_forward, flat_gradients
from tests.targets.written import Values, draw_values, written

RATES = {"a": 0.4, "b": 0.3, "c": 0.3, "d": 0.5}


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    path = tmp_path / "masked.cell"
    path.write_text(TEXT, encoding="utf-8")
    return subject_of(path)


def drawn_masks() -> dict[int, Any]:
    """By site: of each step, sequence, parameter, and again of step and sequence."""
    rng = np.random.default_rng(5)
    shapes = [(T, B, 5), (B, 5), (5, 5), (T, B, 5), (B, 3)]
    return {site: 2.0 * rng.integers(0, 2, shape) for site, shape in enumerate(shapes)}


@pytest.mark.parametrize("target", TARGETS)
def test_with_the_same_masks(target: str, subject: Subject) -> None:
    pytest.importorskip(target)
    values, masks = draw_values(subject, DIMS), drawn_masks()
    inputs, starts = subject.draw_inputs(DIMS, T, B), subject.draw_states(DIMS, B)
    dy, dstate = subject.draw_outputs(DIMS, T, B), subject.draw_states(DIMS, B, seed=4)
    leaves = {**subject.hypers(), **values.params, **inputs}
    run, back = gradients(
        subject.forward, subject.backward, leaves, DIMS, T, B, dy, starts, dstate, masks
    )
    found = flat_gradients(
        target, written(subject, target), subject, DIMS, values, inputs, starts, dy, dstate,
        masks=list(masks.values()),
    )  # fmt: skip
    wanted = {f"output {n}": v for (_, n), v in run.results.items()}
    wanted |= {f"state {n}": v for n, v in run.finals.items()}
    wanted |= {f"d {n}": v for (_, n), v in back.results.items()}
    wanted |= {f"d state {n}": v for n, v in back.finals.items()}
    wrong = [name for name in wanted if not distance(found[name], wanted[name]) < TOLERANCE]
    assert not wrong
    assert wanted.keys() == found.keys()


def trained(target: str, subject: Subject, values: Values, seed: int) -> dict[str, Any]:
    """Outputs of a training pass over ones."""
    module, many = written(subject, target), 50
    arrays: dict[str, Any] = {
        "params": {n: as_array(target, a) for n, a in values.params.items()},
        "inputs": {"x": as_array(target, np.ones((T, many, 3)))},
    }
    chance: dict[str, Any] = {"training": True}
    if target == "torch":
        import torch

        torch.manual_seed(seed)
    else:
        import jax

        chance = {"key": jax.random.key(seed)}
    setup = Setup(given=False)
    outputs, _ = call_forward(module, subject, DIMS, arrays, setup, None, **chance)
    return {n: np.asarray(a) for n, a in outputs.items()}


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_drawn(target: str, subject: Subject) -> None:
    """Each mask has its values at its rate, and lasts as long as it should."""
    pytest.importorskip(target)
    values = draw_values(subject, DIMS)
    y, again, other = (trained(target, subject, values, seed) for seed in (1, 1, 2))
    for name in y:
        assert (y[name] == again[name]).all()
    assert (y["a"] != other["a"]).any()
    for name, rate in RATES.items():
        np.testing.assert_allclose(np.unique(y[name]), [0.0, 1 / (1 - rate)], rtol=1e-6)
    assert abs((y["a"] == 0.0).mean() - 0.4) < 0.08
    assert abs((y["z"] == 1.0).mean() - 0.4) < 0.08
    assert (y["b"] == y["b"][:1]).all() and (y["b"][:, :1] != y["b"]).any()
    assert (y["c"] == y["c"][:1, :1]).all()
    assert (y["a"][0] != y["a"][1]).any()
