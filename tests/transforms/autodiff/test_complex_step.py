"""Gradients of whole cells against the complex step through the reference, which is exact."""

from __future__ import annotations

import numpy as np
import pytest

from celldsl.ir.program import Program
from celldsl.ir.verify import verify
from celldsl.targets.reference import Run, evaluate, gradients
from celldsl.transforms.autodiff import differentiate
from tests.programs import (
    CELLS,
    SIZES,
    TIMES,
    draw_finals,
    draw_leaves,
    draw_masks,
    draw_outputs,
)

STEP = 1e-30


def objective(run: Run, outputs: dict[str, np.ndarray], finals: dict[str, np.ndarray]) -> complex:
    total = sum((d * run.results["output", n]).sum() for n, d in outputs.items())
    return complex(total + sum((d * run.finals[n]).sum() for n, d in finals.items()))


def numeric(
    p: Program, leaves: dict, starts: dict, at: tuple[dict, str], rest: tuple
) -> np.ndarray:
    """The derivative of the objective by each element of one array, by the complex step."""
    dims, T, B, masks, outputs, finals = rest
    where, name = at
    plain = where[name]
    found = np.empty(plain.shape)
    for index in np.ndindex(plain.shape):
        moved = plain.astype(complex)
        moved[index] += STEP * 1j
        where[name] = moved
        run = evaluate(p, leaves, dims, T, B, starts, masks)
        found[index] = objective(run, outputs, finals).imag / STEP
    where[name] = plain
    return found


@pytest.mark.parametrize("given", [False, True], ids=["own start", "given start"])
@pytest.mark.parametrize(("T", "B"), TIMES)
@pytest.mark.parametrize(("i", "h"), SIZES)
@pytest.mark.parametrize("name", CELLS)
def test_gradients(name: str, i: int, h: int, T: int, B: int, given: bool) -> None:
    forward, backward = differentiate(CELLS[name]())
    verify(forward)
    verify(backward)
    dims = {"I": i, "H": h}
    leaves = draw_leaves(forward, dims, T, B)
    starts = draw_finals(forward, dims, T, B) if given else {}
    masks, outputs = draw_masks(forward, dims, T, B), draw_outputs(forward, dims, T, B)
    finals = draw_finals(forward, dims, T, B)
    _, run = gradients(forward, backward, leaves, dims, T, B, outputs, starts, finals, masks)
    rest = (dims, T, B, masks, outputs, finals)
    for (_, leaf), gradient in run.results.items():
        expected = numeric(forward, leaves, starts, (leaves, leaf), rest)
        np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-11, err_msg=leaf)
    for state in starts:
        expected = numeric(forward, leaves, starts, (starts, state), rest)
        np.testing.assert_allclose(run.finals[state], expected, rtol=1e-10, atol=1e-11)
