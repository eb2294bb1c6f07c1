"""Derivatives that an editor shows are the derivatives: compared with differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.editors.derivative import slope_of, slopes
from celldsl.editors.words import words
from celldsl.ir.ops.table import OPS
from celldsl.runtime import numerics
from celldsl.syntax import ast
from celldsl.syntax.parse import parse

NAMES = {"a": 0.7, "b": -0.4, "c": 1.3, "h": 0.9}
EQUATIONS = (
    "h' = a * h + (1 - a) * c",
    "y = tanh(a * b) / sqrt(c * c + 1)",
    "y = exp(-softplus(a) * b) ** 2 - c",
    "y = gelu(a) + silu(b) - c",
    "y = a * elu(b)",
    "y = selu(c) - h",
    "y = where(a > b, a * c, b * h)",
    "y = max(a, b) * min(c, h) + clip(a, 0, 1)",
    "y = relu(a) ** 3 + abs(b) * hard_sigmoid(c)",
    "y = log(c) * sin(a) - cos(b) * atan(h) + tan(a)",
    "y = 2 ** a + erf(b) + log1p(c) * expm1(a) - square(h)",
    "y = -a - (-b) * (-c) / h",
    "y = logsigmoid(a) + softsign(b) + rsqrt(c) + hard_tanh(a)",
    "y = mod(c, h) * a",
)


def equation(text: str) -> ast.Equation:
    file = parse(Source("a", f"cell A[H]:\n    {text}\n"), Report())
    assert file is not None
    (cell,) = file.items
    assert isinstance(cell, ast.Cell)
    (found,) = cell.body
    assert isinstance(found, ast.Equation)
    return found


def known() -> dict[str, Any]:
    """Functions of the language in NumPy: the oracle's, for operations, and some by definition."""
    found: dict[str, Any] = {
        name: eval(f"lambda *a: {op.value.format('a[0]', 'a[1]', 'a[2]')}",
                   {"np": np, "numerics": numerics})
        for name, op in OPS.items() if op.kind == "elementwise" and (op.arity or 0) <= 3
    }  # fmt: skip
    s = found["sigmoid"]
    return found | {
        "gelu": lambda v: 0.5 * v * (1 + found["erf"](v / np.sqrt(2))),
        "silu": lambda v: v * s(v),
        "elu": lambda v: np.where(v > 0, v, np.expm1(v)),
        "selu": lambda v: 1.0507009873554805 * np.where(v > 0, v, 1.6732632423543772 * np.expm1(v)),
        "hard_sigmoid": lambda v: np.clip(v / 6 + 0.5, 0, 1),
        "hard_tanh": lambda v: np.clip(v, -1, 1),
        "softsign": lambda v: v / (1 + abs(v)),
        "rsqrt": lambda v: 1 / np.sqrt(v),
        "logsigmoid": lambda v: np.log(s(v)),
    }


def value(text: str, names: dict[str, float]) -> float:
    return float(eval(text.replace("'", "_next"), known() | names))


@pytest.mark.parametrize("text", EQUATIONS)
def test_slopes_are_those_of_the_value(text: str) -> None:
    left, right = text.split(" = ", 1)
    found = dict(slopes(equation(text)))
    used = {name for name in NAMES if name in right.replace("abs", "").replace("tanh", "")
            and value(right, NAMES) != value(right, NAMES | {name: NAMES[name] + 0.1})}  # fmt: skip
    assert used <= found.keys()
    names = NAMES | {left.replace("'", "_next"): value(right, NAMES)}
    for name, told in found.items():
        step = 1e-6
        up, down = (value(right, NAMES | {name: NAMES[name] + k * step}) for k in (1, -1))
        assert value(told, names) == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-6)


def test_functions_of_one_number_tell_their_slope() -> None:
    told = {name: slope for name in words()["function"] if (slope := slope_of(name))}
    assert told["tanh"] == "1 - tanh(v) * tanh(v)"
    assert told["sigmoid"] == "sigmoid(v) * (1 - sigmoid(v))"
    assert len(told) > 20
    for name, slope in told.items():
        point, step = 0.6, 1e-6
        up, down = (value(f"{name}(v)", {"v": point + k * step}) for k in (1, -1))
        assert value(slope, {"v": point}) == pytest.approx((up - down) / (2 * step), rel=1e-5)


def test_what_is_not_elementwise_stands_for_itself() -> None:
    assert slopes(equation("z = sigmoid(linear([x, h], H))")) == [
        ("linear([x, h], H)", "z * (1 - z)")
    ]
    assert slopes(equation("r, u = split(tanh(linear(x, 2*H)), 2)")) == [
        ("linear(x, 2*H)", "1 - tanh(linear(x, 2*H)) * tanh(linear(x, 2*H))")
    ]
    assert slopes(equation("y = a")) == []
    assert slopes(equation("y = linear(x, H)")) == []
    assert slopes(equation("a, b = f(x)")) == []


def test_what_nobody_would_read_is_not_shown() -> None:
    deep = "a"
    for _ in range(40):
        deep = f"tanh({deep} * {deep})" if len(deep) < 2000 else f"tanh({deep})"
    assert all(len(told) <= 160 for _, told in slopes(equation(f"y = {deep}")))
    assert slopes(equation("y = 1 / 0 * a")) == [("a", "1 / 0")]
