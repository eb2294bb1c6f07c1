"""The oracle itself, against loops written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from celldsl.ir.text import parse_program
from celldsl.targets.reference import evaluate, gradients
from celldsl.transforms.autodiff import differentiate
from tests.programs import CELLS, draw_leaves

DIMS = {"I": 3, "H": 2}


def test_a_plain_loop() -> None:
    p = CELLS["plain_rnn"]()
    leaves = draw_leaves(p, DIMS, 4, 2)
    start = np.full((2, 2), 0.25)
    run = evaluate(p, leaves, DIMS, 4, 2, {"h": start})
    h = start
    for t in range(4):
        h = np.tanh(leaves["x"][t] @ leaves["W"] + h @ leaves["U"] + leaves["b"])
        np.testing.assert_allclose(run.results["output", "h"][t], h, rtol=1e-14)
    np.testing.assert_array_equal(run.finals["h"], run.results["output", "h"][-1])


EVERYWHERE = """\
program Test[H]{reverse}
input x: step [H]
state h: step [H]
param w: once [H]
before:
  %0 = exp(w) : once [H]
  %1 = mul(x, %0) : step [H]
step:
  %2 = add(%1, h) : step [H]
after:
  %3 = mul(%2, %2) : step [H]
  %4 = rowsum(%3) : once [H]
  %5 = final(h) : batch [H]
  %6 = rowsum(%5) : once [H]
  %7 = add(%4, %6) : once [H]
  %8 = rowsum(h) : once [H]
states:
  h = %2 start w
results:
  output y = %3
  output w = w
  param w = %7
  param s = %8
saved:
  h@in
  %2
"""


@pytest.mark.parametrize("order", [1, -1])
def test_regions_and_directions(order: int) -> None:
    p = parse_program(EVERYWHERE.format(reverse="" if order == 1 else " reverse"))
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(3, 2, 5)), rng.normal(size=5)
    run = evaluate(p, {"x": x, "w": w}, {"H": 5}, 3, 2)
    h = w + np.cumsum((x * np.exp(w))[::order], axis=0)[::order]
    last = h[-1 if order == 1 else 0]
    came = np.concatenate([np.broadcast_to(w, (1, 2, 5)), h[::order][:-1]])[::order]
    np.testing.assert_allclose(run.results["output", "y"], h * h)
    np.testing.assert_allclose(run.finals["h"], last)
    np.testing.assert_allclose(run.saved["%2"], h)
    np.testing.assert_allclose(run.saved["h@in"], came)
    np.testing.assert_allclose(
        run.results["param", "w"], (h * h).sum(axis=(0, 1)) + last.sum(axis=0)
    )
    np.testing.assert_allclose(run.results["param", "s"], came.sum(axis=(0, 1)))
    assert run.results["output", "w"].shape == (3, 2, 5)


def test_no_steps() -> None:
    p = parse_program(EVERYWHERE.format(reverse=""))
    run = evaluate(p, {"x": np.zeros((0, 2, 5)), "w": np.ones(5)}, {"H": 5}, 0, 2)
    assert run.results["output", "y"].shape == run.saved["%2"].shape == (0, 2, 5)
    np.testing.assert_array_equal(run.finals["h"], np.ones((2, 5)))


def test_masks_are_given_or_at_rest() -> None:
    p = CELLS["row_masks"]()
    leaves = draw_leaves(p, DIMS, 2, 3)
    masks = {0: np.zeros((3, 2)), 1: np.ones((2, 3, 2))}
    drawn = evaluate(p, leaves, DIMS, 2, 3, masks=masks).results["output", "h"]
    np.testing.assert_array_equal(drawn, np.zeros((2, 3, 2)))
    resting = evaluate(p, leaves, DIMS, 2, 3).results["output", "h"]
    b, rate = np.exp(leaves["b"]), leaves["rate"]
    np.testing.assert_allclose(
        resting[0], rate * b + (1 - rate) * np.tanh(leaves["x"][0] @ leaves["W"] * b)
    )


def test_a_leaf_of_another_shape_is_named() -> None:
    p = CELLS["plain_rnn"]()
    leaves = draw_leaves(p, DIMS, 4, 2)
    with pytest.raises(ValueError, match=r"U is \(3, 3\), not \(2, 2\)"):
        evaluate(p, {**leaves, "U": np.zeros((3, 3))}, DIMS, 4, 2)


def test_gradients_give_both_runs() -> None:
    pair = differentiate(CELLS["plain_rnn"]())
    leaves = draw_leaves(pair[0], DIMS, 1, 1)
    first, second = gradients(*pair, leaves, DIMS, 1, 1, {"h": np.ones((1, 1, 2))})
    slope = 1 - first.results["output", "h"][0, 0] ** 2
    np.testing.assert_allclose(second.results["param", "b"], slope)
