"""The elementary functions beside more precise ones, over the whole range of float32."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from numba import njit
from scipy import special

from celldsl.jit.functions import FAST_MATH
from celldsl.jit.lowering.numba_types import register_routines
from celldsl.jit.lowering.pointers import pointer
from celldsl.jit.vector_math import functions as elementary

UNITS = 4.0  # of the last place
FLAGS = set(FAST_MATH)
TURNING = ("sin", "cos", "tan")


def sigmoid(x: Any) -> Any:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def softplus(x: Any) -> Any:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


EXACT: dict[str, Callable[..., Any]] = {
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "tanh": np.tanh,
    "sigmoid": sigmoid, "softplus": softplus, "erf": special.erf, "sin": np.sin, "cos": np.cos,
    "tan": np.tan, "atan": np.arctan, "sqrt": np.sqrt, "floor": np.floor, "round_even": np.rint,
}  # fmt: skip
PRECISE: dict[str, Callable[[Any], Any]] = {
    "exp": mpmath.exp, "expm1": mpmath.expm1, "tanh": mpmath.tanh, "erf": mpmath.erf,
    "log": mpmath.log, "log1p": mpmath.log1p, "sin": mpmath.sin, "cos": mpmath.cos,
    "tan": mpmath.tan, "atan": mpmath.atan, "sqrt": mpmath.sqrt,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
}  # fmt: skip
AT_ENDS = {  # at -inf, -1, -0.0, 0.0, inf
    "exp": (0.0, None, 1.0, 1.0, np.inf), "expm1": (-1.0, None, 0.0, 0.0, np.inf),
    "log": (np.nan, np.nan, -np.inf, -np.inf, np.inf),
    "log1p": (np.nan, -np.inf, 0.0, 0.0, np.inf), "tanh": (-1.0, None, 0.0, 0.0, 1.0),
    "sigmoid": (0.0, None, 0.5, 0.5, 1.0), "softplus": (0.0, None, None, None, np.inf),
    "erf": (-1.0, None, 0.0, 0.0, 1.0), "sin": (np.nan, None, 0.0, 0.0, np.nan),
    "cos": (np.nan, None, 1.0, 1.0, np.nan), "tan": (np.nan, None, 0.0, 0.0, np.nan),
    "atan": (-np.pi / 2, -np.pi / 4, 0.0, 0.0, np.pi / 2),
    "sqrt": (np.nan, np.nan, 0.0, 0.0, np.inf), "floor": (-np.inf, -1.0, 0.0, 0.0, np.inf),
    "round_even": (-np.inf, -1.0, 0.0, 0.0, np.inf),
}  # fmt: skip


def loop(function: Any) -> Any:
    register_routines()

    @njit(nogil=True, error_model="numpy", fastmath=FLAGS)
    def run(n, x, y):
        source, result = pointer(x, 0, 0), pointer(y, 0, 1)
        for j in range(n):
            result[j] = function(source[j])

    return run


def loop_of_two(function: Any) -> Any:
    register_routines()

    @njit(nogil=True, error_model="numpy", fastmath=FLAGS)
    def run(n, x, y, z):
        left, right, result = pointer(x, 0, 0), pointer(y, 0, 1), pointer(z, 0, 2)
        for j in range(n):
            result[j] = function(left[j], right[j])

    return run


LOOPS = {name: loop(getattr(elementary, name)) for name in EXACT}
OF_TWO = {name: loop_of_two(getattr(elementary, name)) for name in ("power", "hypot", "copysign")}
POWER = OF_TWO["power"]


def computed(name: str, x: Any) -> Any:
    y = np.empty_like(x)
    LOOPS[name](x.size, x, y)
    return y


def units(found: Any, exact: Any) -> Any:
    """The error in units of the last place; of what is not finite, 0 or infinity."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(found.dtype)
        error = np.abs(found.astype(exact.dtype) - exact) / np.spacing(np.abs(rounded))
    same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
    finite = np.isfinite(found) & np.isfinite(rounded)
    return np.where(same, 0.0, np.where(finite, error, np.inf))


def singles() -> Any:
    """Every 997th float32, of either sign, subnormal ones, infinities and NaN among them."""
    return np.arange(0, 2**32, 997, dtype=np.uint64).astype(np.uint32).view(np.float32)


@pytest.mark.parametrize("name", EXACT)
def test_single_precision_over_the_whole_range(name: str) -> None:
    x = singles()
    x = x[np.abs(x) <= 1e5] if name in TURNING else x
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(np.float64))
    assert units(computed(name, x), exact).max() <= UNITS


@pytest.mark.parametrize("name", EXACT)
def test_single_precision_where_cells_work(name: str) -> None:
    near = np.linspace(-20.0, 20.0, 2_000_001, dtype=np.float32)
    tiny = np.geomspace(1e-20, 1.0, 200_001, dtype=np.float32)
    x = np.concatenate([near, tiny, -tiny])
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(np.float64))
    assert units(computed(name, x), exact).max() <= UNITS


@pytest.mark.parametrize("name", PRECISE)
def test_double_precision(name: str) -> None:
    rng = np.random.default_rng(7)
    wide = np.exp(rng.uniform(-700, 7 if name not in TURNING else 11, 1000))
    x = np.concatenate([wide, rng.uniform(0, 40, 1000), rng.uniform(0, 1.5, 1000)])
    if name not in ("log", "sqrt"):
        x = np.concatenate([x, -x]) if name != "log1p" else np.concatenate([x, -x[x < 1]])
    with mpmath.workprec(1300):
        exact = [mpmath.mpf(float(v)) for v in x]
        exact = [PRECISE[name](v) for v in exact]
    found = computed(name, x)
    inside = np.abs(np.array([float(e) for e in exact])) < np.inf
    errors = [
        abs(mpmath.mpf(float(f)) - e) / mpmath.mpf(float(np.spacing(abs(float(e)))))
        for f, e, finite in zip(found, exact, inside, strict=True)
        if finite
    ]
    assert float(max(errors)) <= UNITS
    assert np.all(np.isinf(found[~inside]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_ends_of_the_range(name: str, dtype: Any) -> None:
    x = np.array([-np.inf, -1.0, -0.0, 0.0, np.inf], dtype)
    found = computed(name, x)
    for value, expected in zip(found, AT_ENDS[name], strict=True):
        if expected is not None:
            np.testing.assert_allclose(value, expected, rtol=3e-7 if dtype == np.float32 else 1e-15)
    assert np.isnan(computed(name, np.array([np.nan], dtype)))[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_python_gives_the_same(name: str, dtype: Any) -> None:
    x = np.linspace(-3.0, 3.0, 1001, dtype=dtype)
    function = getattr(elementary, name)
    found = function(x)
    assert found.dtype == dtype
    assert type(function(dtype(0.5))) is dtype
    assert units(found, computed(name, x).astype(np.longdouble)).max() <= UNITS


def test_turns_far_out_stay_bounded() -> None:
    x = np.geomspace(1e5, 3e38, 10001, dtype=np.float32)
    for name in ("sin", "cos"):
        assert np.all(np.abs(computed(name, x)) <= 1.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_powers(dtype: Any) -> None:
    rng = np.random.default_rng(3)
    x, y = np.exp(rng.normal(0, 3, 100_000)).astype(dtype), rng.normal(0, 20, 100_000).astype(dtype)
    z = np.empty_like(x)
    POWER(x.size, x, y, z)
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(np.longdouble), y.astype(np.longdouble))
    assert units(z, exact).max() <= UNITS


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_powers_of_special_numbers(dtype: Any) -> None:
    values = [0, -0.0, 1, -1, 2, -2, 0.5, -0.5, np.inf, -np.inf, np.nan, 3, -8, 1e30]
    x, y = (a.ravel().copy() for a in np.meshgrid(*[np.array(values, dtype)] * 2))
    z = np.empty_like(x)
    POWER(x.size, x, y, z)
    with np.errstate(all="ignore"):
        exact = np.power(x, y)
    np.testing.assert_array_almost_equal_nulp(z[np.isfinite(exact)], exact[np.isfinite(exact)], 4)
    np.testing.assert_array_equal(z[~np.isfinite(exact)], exact[~np.isfinite(exact)])
    np.testing.assert_array_equal(np.signbit(z[z == 0]), np.signbit(exact[z == 0]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lengths_over_the_whole_range(dtype: Any) -> None:
    rng = np.random.default_rng(4)
    ends = np.log(np.finfo(dtype).tiny) + 1, np.log(np.finfo(dtype).max) - 1
    x, y = (np.exp(rng.uniform(*ends, 50_000)).astype(dtype) for _ in range(2))
    near = np.clip(x, None, np.exp(ends[1] - 2)) * rng.uniform(-4, 4, x.size).astype(dtype)
    for other in (y, near):
        z = np.empty_like(x)
        OF_TWO["hypot"](x.size, x, other, z)
        exact = np.hypot(x.astype(np.longdouble), other.astype(np.longdouble))
        assert units(z, exact).max() <= UNITS


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["hypot", "copysign"])
def test_lengths_and_signs_of_special_numbers(name: str, dtype: Any) -> None:
    values = [0, -0.0, 1, -1, 2, -0.5, np.inf, -np.inf, np.nan]
    x, y = (a.ravel().copy() for a in np.meshgrid(*[np.array(values, dtype)] * 2))
    z = np.empty_like(x)
    OF_TWO[name](x.size, x, y, z)
    exact = getattr(np, name)(x, y)
    np.testing.assert_array_almost_equal_nulp(z[np.isfinite(exact)], exact[np.isfinite(exact)], 2)
    np.testing.assert_array_equal(z[~np.isfinite(exact)], exact[~np.isfinite(exact)])
    np.testing.assert_array_equal(np.signbit(z[exact == 0]), np.signbit(exact[exact == 0]))


def text_of_loop(run: Any, *arrays: Any) -> str:
    run(arrays[0].size, *arrays)
    text = run.inspect_asm(next(s for s in run.signatures if s[1].dtype.name == arrays[0].dtype))
    start = re.search(r"\n_ZN\S*run\S*:\n", text)
    assert start is not None
    return text[start.end() : text.index(".Lfunc_end", start.end())]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*EXACT, "power", "hypot"])
def test_loops_are_vectorised(name: str, dtype: Any) -> None:
    x = np.ones(64, dtype)
    arrays = (x, x.copy(), x.copy()) if name in OF_TWO else (x, x.copy())
    text = text_of_loop({**LOOPS, **OF_TWO}[name], *arrays)
    assert not re.search(r"(?<!%)\b(callq?|blr?)\s", text)
    if not re.search(r"%[xy]mm", text):
        pytest.skip("only the names of x86 instructions are known here")
    packed = "ps" if dtype == np.float32 else "pd"
    assert re.search(rf"\b\w+{packed}\b.*%[xyz]mm", text)
