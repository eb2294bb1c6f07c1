"""The numerics that value templates call: far out, at the edges, and to first order."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celldsl.runtime import numerics

FAR = np.array([-1e4, -745.0, -40.0, -1e-20, 0.0, 1e-20, 40.0, 745.0, 1e4])


def test_it_needs_numpy_alone() -> None:
    text = Path(numerics.__file__).read_text(encoding="utf-8")
    imported = set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE))
    assert imported == {"__future__", "math", "collections", "typing", "numpy"}


@pytest.mark.parametrize("kind", [float, complex])
def test_nothing_overflows(kind: type) -> None:
    """Warnings are errors here."""
    x = FAR.astype(kind)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        sigmoid, softplus = numerics.sigmoid(x), numerics.softplus(x)
    assert sigmoid.dtype == softplus.dtype == np.dtype(kind)
    np.testing.assert_allclose(np.real(sigmoid[[0, 4, -1]]), [0.0, 0.5, 1.0])
    np.testing.assert_allclose(np.real(softplus[[0, 4, -1]]), [0.0, math.log(2), 1e4])


def test_real_values_stay_real() -> None:
    x = np.array([0.5, -0.5])
    for f in (numerics.erf, numerics.relu, numerics.absolute, numerics.sigmoid):
        assert f(x).dtype == np.float64
    assert numerics.maximum(x, -x).dtype == np.float64
    assert numerics.power(np.abs(x), x).dtype == np.float64


SMOOTH: list[tuple[Callable[[Any], Any], float]] = [
    (numerics.erf, 0.3),
    (numerics.sigmoid, -1.3),
    (numerics.softplus, 2.0),
    (lambda x: numerics.power(x, 3.0), -2.0),
    (lambda x: numerics.power(2.0, x), 0.7),
    (lambda x: numerics.power(x, x), 1.7),
    (lambda x: numerics.modulo(x, 2.0), 7.3),
    (lambda x: numerics.modulo(7.3, x), -2.0),
]


@pytest.mark.parametrize(("f", "x"), SMOOTH)
def test_the_first_order_agrees_with_differences(f: Callable[[Any], Any], x: float) -> None:
    """Derivatives that are written out here, against the function itself."""
    h = 1e-5
    difference = (f(np.float64(x + h)) - f(np.float64(x - h))) / (2 * h)
    step = f(np.asarray(x + 1e-30j)).imag / 1e-30
    assert step == pytest.approx(difference, rel=1e-8)


def test_choices_go_by_the_real_part() -> None:
    a, b = np.array([1 + 9j, 2 + 1j, 2 + 1j]), np.array([2 + 1j, 1 + 9j, 2 + 3j])
    np.testing.assert_array_equal(numerics.maximum(a, b), [2 + 1j, 2 + 1j, 2 + 2j])
    np.testing.assert_array_equal(numerics.minimum(a, b), [1 + 9j, 1 + 9j, 2 + 2j])
    np.testing.assert_array_equal(numerics.amax(a, -1), 2 + 1j)
    np.testing.assert_array_equal(numerics.absolute(np.array([-1 + 2j, 0 + 5j])), [1 - 2j, 0])


def test_infinity_is_a_state_to_start_from() -> None:
    low = np.array([-np.inf + 0j])
    assert numerics.maximum(low, np.array([1 + 2j])) == 1 + 2j
    assert numerics.maximum(low, low).real == -np.inf


def test_window_is_a_convolution() -> None:
    x = np.arange(1.0, 6.0)
    kernel = np.array([1.0, 10.0, 100.0])
    seen = numerics.window(x, (3,))
    np.testing.assert_array_equal(kernel @ seen, np.convolve(x, kernel[::-1], "same"))


@pytest.mark.parametrize("kernel", [(1,), (3,), (5,), (3, 3), (1, 5)])
def test_fold_is_the_adjoint_of_window(kernel: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, *(4, 2)[: len(kernel)]))
    seen = numerics.window(x, kernel)
    d = rng.normal(size=seen.shape)
    assert (seen * d).sum() == pytest.approx((x * numerics.fold(d, kernel)).sum())


def test_rows_lead() -> None:
    """Values with fewer rows meet values with more."""
    once, step = np.ones(2), np.zeros((4, 3, 5))
    assert numerics.concat([once, step], -1, 1).shape == (4, 3, 7)
    assert numerics.einsum("i,ij->j", np.ones((3, 2)), np.ones((2, 5))).shape == (3, 5)
    assert numerics.einsum_rows("i,i->", step, np.ones((3, 5))).shape == ()
    assert numerics.broadcast(np.zeros((4, 3)), 0, (2, 2)).shape == (4, 3, 2, 2)
    assert numerics.transpose(np.zeros((4, 3, 5)), (1, 0)).shape == (4, 5, 3)
    np.testing.assert_array_equal(numerics.rowsum(np.ones((4, 3, 2)), 1), [12.0, 12.0])
