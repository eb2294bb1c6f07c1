"""Loops that are no whole vectors long do the same as loops that are, once for every element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from celldsl.jit.functions import Routine, routine
from celldsl.jit.symbols import exp, pointer, real, sigmoid, tanh
from tests.runtime.made import run_phases

Arrays = tuple[Any, Any, Any]


@routine
def in_place(part, parts, share, shares, rows, dims, hyper, x, y, total):
    """Elements are read and written, and what has been done must not be done again."""
    values, held = pointer(x, 0, 0), pointer(y, 0, 1)
    for j in range(dims[0]):
        values[j] = values[j] + tanh(held[j])
        held[j] += sigmoid(values[j])


def in_place_by_hand(count: int, x: Any, y: Any, total: Any) -> None:
    x[:count] += np.tanh(y[:count])
    y[:count] += 1 / (1 + np.exp(-x[:count]))


@routine
def added_up(part, parts, share, shares, rows, dims, hyper, x, y, total):
    values, sums = pointer(x, 0, 0), pointer(total, 0, 2)
    found, largest = real(x, 0.0), values[0]
    for j in range(dims[0]):
        raised = exp(values[j])
        found += raised
        largest = raised if raised > largest and j != 2 else largest
        sums[2] += raised
    sums[0], sums[1] = found, largest


def added_up_by_hand(count: int, x: Any, y: Any, total: Any) -> None:
    raised = np.exp(x[:count])
    total[0], total[1] = raised.sum(), max([x[0], *np.delete(raised, slice(2, 3))])
    total[2] += raised.sum()


@routine
def one_after_the_other(part, parts, share, shares, rows, dims, hyper, x, y, total):
    values = pointer(x, 0, 0)
    for j in range(dims[0]):
        values[j + 1] = tanh(values[j] + values[j + 1])


def one_after_the_other_by_hand(count: int, x: Any, y: Any, total: Any) -> None:
    for j in range(count):
        x[j + 1] = np.tanh(x[j] + x[j + 1])


@routine
def far_apart(part, parts, share, shares, rows, dims, hyper, x, y, total):
    values, held = pointer(x, 0, 0), pointer(y, 0, 1)
    for i in range(2):
        for j in range(dims[0]):
            held[2 * j + i] = exp(values[dims[0] - j]) if values[j] > 0.0 else values[j]


def far_apart_by_hand(count: int, x: Any, y: Any, total: Any) -> None:
    for j in range(count):
        y[2 * j : 2 * j + 2] = np.exp(x[count - j]) if x[j] > 0 else x[j]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("function", "by_hand"),
    [
        (in_place, in_place_by_hand),
        (added_up, added_up_by_hand),
        (one_after_the_other, one_after_the_other_by_hand),
        (far_apart, far_apart_by_hand),
    ],
    ids=lambda f: f.name if isinstance(f, Routine) else "",
)
def test_every_element_once(function: Routine, by_hand: Callable[..., None], dtype: str) -> None:
    random = np.random.default_rng(0)
    for count in (*range(20), 31, 32, 33, 40, 47):
        given: Arrays = tuple(random.standard_normal(100).astype(dtype) for _ in range(3))
        expected = tuple(array.copy() for array in given)
        by_hand(count, *expected)
        run_phases([function], [np.array([count]), np.zeros(1), *given], dtype)
        for found, right in zip(given, expected, strict=True):
            least = 16 * np.finfo(dtype).eps
            np.testing.assert_allclose(found, right, rtol=least, atol=least)
