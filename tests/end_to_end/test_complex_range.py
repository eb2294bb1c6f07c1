"""Complex numbers over nearly all exponents, beside mpmath: values, and derivatives.

Nothing may be squared on the way that is larger than the root of the largest number, or smaller
than that of the smallest: 1e19 and 1e-19 in single precision, 1e154 and 1e-154 in double.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import celldsl
from tests.end_to_end.subject import subject_of
from tests.targets.compare import TARGETS, flat_gradients
from tests.targets.written import Values, written

WRITTEN = {
    "logs": "log(z)",
    "roots": "sqrt(z)",
    "sizes": "abs(z) + 0i",
    "ratios": "z / w",
    "inverse": "1 / z",
    "squares": "z ** -2",
    "powers": "z ** 0.25",
}


def text_of(*names: str) -> str:
    lines = "".join(f"    {name} = {WRITTEN[name]}\n" for name in names)
    return f"cell Main[N]:\n    input z, w: complex[N]\n{lines}    output {', '.join(names)}\n"


# A function of z and w, its derivative by z, and how many units of rounding either may be off.
EXACT: dict[str, tuple[Callable[..., Any], Callable[..., Any], float]] = {
    "logs": (lambda z, w: mpmath.log(z), lambda z, w: 1 / z, 8),
    "roots": (lambda z, w: mpmath.sqrt(z), lambda z, w: 1 / (2 * mpmath.sqrt(z)), 8),
    "sizes": (lambda z, w: abs(z), lambda z, w: mpmath.conj(z) / abs(z), 8),
    "ratios": (lambda z, w: z / w, lambda z, w: 1 / w, 8),
    "inverse": (lambda z, w: 1 / z, lambda z, w: -1 / z**2, 8),
    "squares": (lambda z, w: 1 / z**2, lambda z, w: -2 / z**3, 8),
    # As many units as the exponent of the result is large.
    "powers": (lambda z, w: z**0.25, lambda z, w: z**-0.75 / 4, 800),
}
COUNT = 48


def drawn(dtype: str) -> dict[str, Any]:
    """Numbers of any size and angle, (1, 1, N, 2); some are real or imaginary."""
    rng = np.random.default_rng(5)
    largest = 37 if dtype == "float32" else 300

    def parts() -> Any:
        size, ratio = rng.uniform(-largest, largest, COUNT), rng.uniform(-3, 3, COUNT)
        both = np.stack([10.0**size, 10.0 ** np.clip(size + ratio, -largest, largest)], -1)
        both *= rng.choice([-1, 1], both.shape)
        both[:4, 0] = 0.0
        both[4:8, 1] = 0.0
        return both.astype(dtype)[None, None]

    return {"z": parts(), "w": parts()}


def check(name: str, dtype: str, inputs: dict[str, Any], value: Any, slope: Any) -> None:
    """`slope` is the gradient of the real part of `value` by both parts of z."""
    function, derivative, units = EXACT[name]
    most, least = float(np.finfo(dtype).max) / 8, float(np.finfo(dtype).tiny) * 1e3
    pairs = (inputs["z"][0, 0], inputs["w"][0, 0], value[0, 0], slope[0, 0])
    seen = 0
    with mpmath.workprec(200):
        for z, w, found, gradient in zip(*pairs, strict=True):
            at = mpmath.mpc(*map(float, z)), mpmath.mpc(*map(float, w))
            for got, exact in ((found, function(*at)), (gradient, derivative(*at).conjugate())):
                if least < abs(exact) < most:
                    seen += 1
                    error = abs(mpmath.mpc(*map(float, got)) - exact) / abs(exact)
                    assert error < units * np.finfo(dtype).eps, (name, z, w, got, exact)
    assert seen > COUNT // 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernels(dtype: str) -> None:
    cell = celldsl.compile_source(text_of(*WRITTEN))(N=COUNT, dtype=dtype)
    inputs = drawn(dtype)
    y, _, tape = cell.forward(inputs)
    for place, name in enumerate(EXACT):
        dy = [np.zeros_like(each) for each in y]
        dy[place][..., 0] = 1.0
        slope = cell.backward(tape, tuple(dy)).inputs["z"]
        check(name, dtype, inputs, y[place], slope)


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("target", TARGETS)
def test_plain_code(target: str, name: str, tmp_path: Path) -> None:
    """One function at a time: where a derivative is infinite, 0 times it is no number."""
    pytest.importorskip(target)
    path = tmp_path / "range.cell"
    path.write_text(text_of(name), encoding="utf-8")
    subject = subject_of(path)
    module, inputs = written(subject, target), drawn("float64")
    dy = {name: np.stack([np.ones((1, 1, COUNT)), np.zeros((1, 1, COUNT))], -1)}
    found = flat_gradients(target, module, subject, {"N": COUNT}, Values(), inputs, {}, dy, {})
    check(name, "float64", inputs, found[f"output {name}"], found["d z"])


def test_ends() -> None:
    """At 0, and where a part is infinite, as NumPy has it; at 0 roots send nothing back."""
    cell = celldsl.compile_source(text_of(*WRITTEN))(N=6, dtype="float64")
    inf = np.inf
    z = np.array([[0.0, 0.0], [inf, 1.0], [-inf, inf], [1.0, -inf], [3e307, 4e307], [2.0, 0.0]])
    w = np.array([[1.0, 2.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [3e307, 4e307], [0.0, 0.0]])
    y, *_ = cell.forward({"z": z[None, None], "w": w[None, None]})
    logs, _, sizes, ratios, *_ = (each[0, 0] for each in y)
    np.testing.assert_array_equal(logs[0], [-inf, 0.0])
    np.testing.assert_array_equal(logs[1:4, 0], [inf] * 3)
    np.testing.assert_array_equal(sizes[:4, 0], [0.0, inf, inf, inf])
    np.testing.assert_allclose(sizes[4, 0], 5e307)
    np.testing.assert_allclose(ratios[4], [1.0, 0.0], atol=1e-15)
    assert ratios[5, 0] == inf
    roots = celldsl.compile_source(text_of("roots", "sizes"))(N=6, dtype="float64")
    y, _, tape = roots.forward({"z": 0 * w[None, None], "w": w[None, None]})
    back = roots.backward(tape, tuple(np.ones_like(each) for each in y))
    assert not back.inputs["z"].any()
