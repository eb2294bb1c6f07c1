"""NaN and infinities are found where they begin, and named."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl import NonFiniteError
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.cell.check_numerics import VARIABLE
from tests.runtime.fake_cell import Fake

TEXT = """
cell Risky[I, H](s = 1.0):
    input x: [I]
    state h: [H]

    z  = linear([x, h], H)
    e  = exp(s * z)
    c  = log(e) + sqrt(abs(z))
    h' = where(z > 1000, 0, c) + z

    output h'
"""
X = np.random.default_rng(0).normal(size=(6, 3, 3)).astype("f4")
RESETS = np.zeros((6, 3), bool)
RESETS[2, 1] = RESETS[4, 0] = True
FORMS: list[dict[str, Any]] = [
    {},
    {"reverse": True},
    {"lengths": np.array([6, 5, 2])},
    {"lengths": np.array([2, 6, 5]), "reverse": True},
    {"checkpoint": 3},
    {"resets": RESETS},
    {"resets": RESETS, "reverse": True, "lengths": np.array([6, 6, 4])},
]


@pytest.fixture
def cell() -> Cell:
    found = celldsl.compile_source(TEXT)(I=3, H=4, dtype="float32")
    found.params["z.W_x"] = np.ones((3, 4), "f4")
    found.params["z.W_h"] = np.zeros((4, 4), "f4")
    return found


@pytest.fixture
def overflowing() -> Any:
    x = X.copy()
    x[3, 1] = 40
    return x


@pytest.mark.parametrize("form", FORMS)
def test_the_equation_step_row_and_operands_are_named(
    cell: Cell, overflowing: Any, form: dict[str, Any]
) -> None:
    with pytest.raises(NonFiniteError, match=r"Risky: .*at step 3, row 1 in `e = exp") as caught:
        cell.forward(overflowing, check_numerics=True, **form)
    error = caught.value
    assert (error.equation, error.step, error.row) == ("e = exp(s * z)", 3, 1)
    (value,) = error.operands.values()
    assert value > 88  # where exp overflows in float32, and not in float64
    assert "(line 7)" in str(error) and "is inf" in str(error)
    cell.forward(overflowing, **form)


def test_an_infinity_that_does_no_harm_is_none() -> None:
    text = TEXT.replace("log(e)", "1 / e")
    cell = celldsl.compile_source(text)(I=3, H=4)
    cell.params["z.W_x"] = np.ones((3, 4), "f4")
    cell.params["z.W_h"] = np.zeros((4, 4), "f4")
    x = X.copy()
    x[3, 1] = 40
    y, _, _ = cell.forward(x, check_numerics=True)
    assert np.isfinite(y).all()


@pytest.mark.parametrize("form", FORMS)
def test_the_first_cotangent_going_back(cell: Cell, form: dict[str, Any]) -> None:
    x = X.copy()
    x[1, 1] = 0  # so that z is 0 there, and sqrt has a pole
    y, _, tape = cell.forward(x, check_numerics=True, **form)
    with pytest.raises(NonFiniteError, match=r"Risky: going back, .*at step 1, row 1") as caught:
        cell.backward(tape, np.ones_like(y), check_numerics=True)
    assert caught.value.equation == "c = log(e) + sqrt(abs(z))"
    assert "the gradient of z.W_x is not finite" in str(caught.value)
    assert not np.isfinite(cell.backward(tape, np.ones_like(y)).params["z.W_x"]).all()


def test_what_was_passed_is_named(cell: Cell) -> None:
    x = X.copy()
    x[2, 0, 1] = np.nan
    with pytest.raises(NonFiniteError, match=r"step 2, row 0: x\[1\] is nan, as it was passed"):
        cell.forward(x, check_numerics=True)
    start = np.full((3, 4), np.inf, "f4")
    with pytest.raises(NonFiniteError, match=r"the state h\[0\] is inf, as it was passed"):
        cell.forward(X, (start,), check_numerics=True)
    y, _, tape = cell.forward(X)
    dy = np.ones_like(y)
    dy[4, 2, 3] = np.nan
    with pytest.raises(NonFiniteError, match=r"step 4, row 2.*dy\[3\] is nan"):
        cell.backward(tape, dy, check_numerics=True)


def test_finite_passes_are_as_they_were(cell: Cell) -> None:
    y, state, tape = cell.forward(X, check_numerics=True)
    assert np.array_equal(y, cell(X)[0])
    plain = cell.backward(tape, y, state)
    checked = cell.backward(tape, y, state, check_numerics=True)
    assert np.array_equal(checked.params.flat, plain.params.flat)


def test_the_environment_asks_for_it(
    cell: Cell, overflowing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    checked = type(cell)(I=3, H=4)
    checked.params = cell.params
    for run in (checked, checked.forward):
        with pytest.raises(NonFiniteError, match="in `e = exp"):
            run(overflowing)
    checked.forward(overflowing, check_numerics=False)
    monkeypatch.setenv(VARIABLE, "0")
    type(cell)(I=3, H=4).forward(overflowing)
    monkeypatch.setenv(VARIABLE, "maybe")
    with pytest.raises(ValueError, match=f"{VARIABLE}: expected 0 or 1, got 'maybe'"):
        type(cell)(I=3, H=4)


def test_a_cell_without_sources_says_what_it_can() -> None:
    fake = Fake(I=3, H=4, dtype="float32")
    x = X.copy()
    x[2, 0] = np.nan
    with pytest.raises(NonFiniteError, match=r"Fake: h is not finite, row 0"):
        fake.forward(x, check_numerics=True)
    with pytest.raises(TypeError, match="check_numerics: expected True or False, got 'yes'"):
        fake.forward(X, check_numerics="yes")


def test_nothing_of_the_compiler_is_loaded_for_a_finite_pass(cell: Cell) -> None:
    code = f"import celldsl, sys, numpy as np\ncell = celldsl.compile_source({TEXT!r})(I=3, H=4)\n"
    code += "before = set(sys.modules)\n"
    code += "cell.forward(np.zeros((2, 2, 3), np.float32), check_numerics=True)\n"
    code += "print([m for m in set(sys.modules) - before if 'semantics' in m or 'pipeline' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_steps_and_streams_are_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "cell L[H]:\n    input x: [H]\n    state h: [H]\n\n    z = log(x) / 2\n    h' = z + h\n\n"
    )
    built = celldsl.compile_source(text + "    output h'\n")
    x = np.ones((3, 2), "f4")
    x[1, 1] = 0
    assert np.isinf(built(H=2).step(x)[0][1, 1])
    monkeypatch.setenv("CELLDSL_CHECK_NUMERICS", "1")
    cell = built(H=2)
    assert np.isfinite(cell.step(x + 1)[0]).all()
    stream = cell.stream(batch=3)
    again = cell.stream(3, cell.state(3))
    assert np.array_equal(stream(x + 1), again(x + 1))
    state = cell.state(3)
    cut = np.array([True, False, False])
    steps = [
        lambda: cell.step(x),
        lambda: cell.step(x=x),
        lambda: cell.step(x, state, resets=cut),
        lambda: stream(x),
    ]
    for step in steps:
        with pytest.raises(NonFiniteError, match=r"row 1 in `z = log\(x\) / 2`") as caught:
            step()
        assert caught.value.operands == {"x[1]": 0.0}
    state.h[2, 0] = np.inf
    with pytest.raises(NonFiniteError, match=r"row 2: the state h\[0\] is inf, as it was passed"):
        cell.step(x + 1, state)


def test_numbers_of_the_equation_are_no_operands(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "cell D[H]:\n    input x: [H]\n    state h: [H]\n\n    h' = h + 2 / x\n\n    output h'\n"
    cell = celldsl.compile_source(text)(H=2)
    x = np.ones((2, 1, 2), "f4")
    x[1, 0, 1] = 0
    with pytest.raises(NonFiniteError) as caught:
        cell.forward(x, check_numerics=True)
    assert caught.value.operands == {"x[1]": 0.0}
    assert "with x[1] = 0;" in str(caught.value)
