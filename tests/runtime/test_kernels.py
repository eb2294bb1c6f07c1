"""Numba's functions of a module: called in others' compiled code, and with wrong arguments."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from celldsl import load
from celldsl.pipeline import generate
from tests.cells import example

# A loop of one's own that is kept on disk.  The second process loads it before anything of the
# cell was compiled or loaded there.
LOOP = """
import numpy as np
from numba import njit
from gru import GRU, prepare, step

@njit(cache=True)
def run(dims, hyper, parameters, constants, xs, h):
    weights = prepare(dims, hyper, parameters, constants)
    for t in range(xs.shape[0]):
        y, h, tape = step(weights, xs[t], h)
    return h

xs = np.linspace(-1, 1, 18, dtype="float64").reshape(3, 2, 3)
flat = np.cos(np.arange(3 * 4 * 3 + 3 * 4 * 4 + 3 * 4, dtype="float64"))
h = run(np.array([3, 4]), np.zeros(2), flat, np.zeros(0), xs, np.zeros((2, 4)))
print(sum(run.stats.cache_hits.values()))
cell = GRU(I=3, H=4, dtype="float64")
cell.params.flat[:] = flat
assert abs(h - cell(xs)[1].h).max() < 1e-14
"""


def test_they_run_in_functions_of_others_that_are_loaded_from_disk(tmp_path: Path) -> None:
    text = generate(example("gru").read_text(encoding="utf-8"), "gru.cell")
    (tmp_path / "gru.py").write_text(text, encoding="utf-8")
    (tmp_path / "loop.py").write_text(LOOP, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = [
        subprocess.run(
            [sys.executable, "loop.py"], cwd=tmp_path, env=environment, check=True,
            capture_output=True, text=True,
        ).stdout
        for _ in range(2)
    ]  # fmt: skip
    assert said == ["0\n", "1\n"]


@pytest.fixture(scope="module")
def functions() -> tuple[object, object]:
    cell = load(example("indrnn"))(I=3, H=4, dtype="float64")
    return cell.functions, cell.prepare()


X, H = np.zeros((5, 2, 3)), np.zeros((2, 4))


@pytest.mark.parametrize(
    ("x", "h", "said"),
    [
        (X[0], H, "in_x: expected (T, B, I) of float64, got 2 axes of float64"),
        (X.astype("float32"), H, "in_x: expected (T, B, I) of float64, got 3 axes of float32"),
        (3.0, H, "in_x: expected (T, B, I) of float64, got float64"),
        (X, H[0], "start_h: expected (B, H) of float64, got 1 axes of float64"),
        (X[:, :, :2], H, "in_x: expected (T, B, I)"),
        (X, H[:1], "start_h: expected (B, H)"),
    ],
)
def test_wrong_arrays_are_refused(functions: tuple, x: object, h: object, said: str) -> None:  # type: ignore[type-arg]
    own, weights = functions
    with pytest.raises((TypeError, ValueError)) as error:
        own.forward(weights, x, h)
    assert str(error.value) == said


def test_a_tape_of_another_length_is_refused(functions: tuple) -> None:  # type: ignore[type-arg]
    own, weights = functions
    y, last, tape = own.forward(weights, X, H)
    with pytest.raises(ValueError, match="tape: expected that of a forward pass over as many"):
        own.backward(weights, tape[1:], X, y, last)


def test_strides_are_followed(functions: tuple) -> None:  # type: ignore[type-arg]
    own, weights = functions
    x = np.random.default_rng(0).normal(size=(3, 2, 5)).transpose(2, 1, 0)
    y, *_ = own.forward(weights, x, H)
    np.testing.assert_array_equal(y, own.forward(weights, np.ascontiguousarray(x), H)[0])
