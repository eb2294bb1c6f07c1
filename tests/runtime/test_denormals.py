"""Denormal numbers are zero in kernels, and what they are outside of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import celldsl
from celldsl.runtime.threads.denormals import _ARM, _X86, _processor

LEAK = """\
cell Leak[H]:
    input x: [H]
    state h: [H]

    h' = 0.5 * h + 0.5 * x

    output h'
"""
TINY = 1e-310  # denormal in float64, as is its half
SCRIPT = f"""
import numpy as np, celldsl
cell = celldsl.compile_source({LEAK!r})(H=3, dtype="float64")
y, state = cell(np.full((1, 2, 3), {TINY}))
print(bool(y.any()), bool(cell.step(np.full((2, 3), {TINY}))[0].any()))
"""

known = pytest.mark.skipif(_processor() not in _X86 + _ARM, reason="this processor's mode is kept")


def half_of_a_denormal() -> float:
    return float((np.full(8, TINY) * 0.5)[0])


@known
@pytest.mark.parametrize("threads", [1, 3])
def test_kernels_take_them_for_zero_and_numpy_keeps_them(
    threads: int, small_work_shared: None
) -> None:
    celldsl.set_threads(threads)
    cell = celldsl.compile_source(LEAK)(H=3, dtype="float64")
    for batch in (1, 8):
        y, state, tape = cell.forward(np.full((6, batch, 3), TINY))
        assert not y.any()
        assert not state.h.any()
        assert half_of_a_denormal() > 0
        assert not cell.backward(tape, np.full(y.shape, TINY)).inputs["x"].any()
        assert half_of_a_denormal() > 0
        assert not cell.step(np.full((batch, 3), TINY))[0].any()
        assert half_of_a_denormal() > 0


@known
@pytest.mark.parametrize(("setting", "kept"), [("0", "True True"), ("1", "False False")])
def test_the_environment_keeps_them(setting: str, kept: str, tmp_path: Path) -> None:
    root = str(Path(celldsl.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": root, "CELLDSL_FLUSH_DENORMALS": setting},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == kept


@known
def test_the_mode_comes_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = celldsl.compile_source(LEAK)(H=3, dtype="float64")
    with pytest.raises(ValueError, match="x"):
        cell(np.zeros((2, 2, 4)))
    assert half_of_a_denormal() > 0


def test_normal_numbers_are_what_they_were() -> None:
    cell = celldsl.compile_source(LEAK)(H=3, dtype="float64")
    x = np.random.default_rng(0).normal(size=(20, 4, 3)) * 1e-300
    y, _ = cell(x)
    want = np.zeros((4, 3))
    for t in range(20):
        want = 0.5 * want + 0.5 * x[t]
        np.testing.assert_array_equal(y[t], want)
