"""Initial values: their spread, their form, and that they depend on seed and name alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from celldsl.runtime.cell.initial import INITIALISERS, drawing

BIG = (200, 300)


def drawn(initialiser: str, *arguments: float, shape: tuple[int, ...] = BIG) -> np.ndarray:
    return drawing(0)(initialiser, "p", shape, 200, 300, *arguments)


@pytest.mark.parametrize(
    ("initialiser", "arguments", "deviation", "limit"),
    [
        ("uniform", (-1, 1), math.sqrt(1 / 3), 1),
        ("normal", (0.1,), 0.1, math.inf),
        ("truncated_normal", (0.1,), 0.08796, 0.2),
        ("glorot_uniform", (), math.sqrt(2 / 500), math.sqrt(6 / 500)),
        ("glorot_normal", (), math.sqrt(2 / 500), math.inf),
        ("he_uniform", (), math.sqrt(2 / 200), math.sqrt(6 / 200)),
        ("he_normal", (), math.sqrt(2 / 200), math.inf),
        ("lecun_normal", (), math.sqrt(1 / 200), math.inf),
    ],
)
def test_spread(
    initialiser: str, arguments: tuple[float, ...], deviation: float, limit: float
) -> None:
    found = drawn(initialiser, *arguments)
    assert found.shape == BIG
    assert found.dtype == np.float64
    assert abs(found.mean()) < 0.02 * deviation
    assert found.std() == pytest.approx(deviation, rel=0.02)
    assert np.abs(found).max() <= limit


def test_ranges() -> None:
    logs = drawn("log_uniform", 0.01, 1.0)
    assert 0.01 <= logs.min() < 0.02
    assert 0.5 < logs.max() <= 1.0
    assert np.median(logs) == pytest.approx(0.1, rel=0.1)
    chrono = drawn("chrono", 100.0)
    assert 0 <= chrono.min() <= chrono.max() <= math.log(99)


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (5,), (2, 3, 5)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    found = drawn("orthogonal", 2.0, shape=shape)
    assert found.shape == shape
    matrix = found.reshape(shape[0], -1)
    product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-12)


def test_orthogonal_for_each_group_of_blocks() -> None:
    found = drawing(0)("orthogonal", "p", (3, 4, 4), 4, 4)
    for block in found:
        np.testing.assert_allclose(block @ block.T, np.eye(4), atol=1e-12)
    assert not np.allclose(found[0], found[1])


def test_fixed_values() -> None:
    assert drawn("zeros").sum() == 0
    assert drawn("ones").sum() == 60000
    assert (drawn("constant", 0.25) == 0.25).all()
    assert np.array_equal(drawn("identity", 0.5, shape=(2, 3)), [[0.5, 0, 0], [0, 0.5, 0]])
    assert np.array_equal(drawn("eye", 2, shape=(2, 2)), np.eye(2))
    assert drawn("arange", 3, shape=(3,)).tolist() == [0, 1, 2]


def test_legendre() -> None:
    a, b = drawn("legendre_a", shape=(3, 3)), drawn("legendre_b", shape=(3,))
    assert np.array_equal(a, [[-1, -1, -1], [3, -3, -3], [-5, 5, -5]])
    assert b.tolist() == [1, -3, 5]


def test_a_stream_for_each_seed_and_name() -> None:
    def values(seed: int, name: str) -> np.ndarray:
        return drawing(seed)("normal", name, (8,), 8, 8)

    assert np.array_equal(values(0, "a.W_x"), values(0, "a.W_x"))
    assert not np.array_equal(values(0, "a.W_x"), values(0, "a.W_h"))
    assert not np.array_equal(values(0, "a.W_x"), values(1, "a.W_x"))
    draw = drawing(0)
    first, second = (draw("normal", "a", (8,), 8, 8) for _ in range(2))
    assert not np.array_equal(first, second)


def test_values_stay_what_they_are() -> None:
    assert drawing(0)("uniform", "p", (2,), 1, 1, 0.0, 1.0) == pytest.approx(
        [0.4260538986287914, 0.6593101477481595]
    )


def test_every_initialiser_of_the_language_is_there() -> None:
    text = (
        "zeros ones constant uniform log_uniform normal truncated_normal glorot_uniform "
        "glorot_normal he_uniform he_normal lecun_normal orthogonal identity chrono eye arange "
        "legendre_a legendre_b"
    )
    assert sorted(INITIALISERS) == sorted(text.split())
