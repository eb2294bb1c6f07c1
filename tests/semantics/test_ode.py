"""`ode`: solutions at the order of each rule, its weights, and what it refuses."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.semantics.lowering import Cell, close, codes, lower, params

ORDERS = {"euler": 1, "midpoint": 2, "rk4": 4}
# A damped spring, beside growth by a logistic curve in another value.
KNOWN = """
def spring(p, q, r, d):
    dp = q
    dq = -2.0 * d * q - p
    dr = r * (1.0 - r)
    return dp, dq, dr
cell C[H](d = 0.3):
    input dt: []
    state p: [H] = 1.2
    state q: [H] = -0.4
    state r: [H] = 0.2
    p', q', r' = ode(spring, [p, q, r], dt, method="{}", steps={}, args=d)
    output p', q', r'
"""
FLOW = """
{word}def flow(v, x, N):
    a = tanh(linear([v, x], N))
    return a - v
cell C[I, H]:
    input x: [I]
    input dt: []
    state h: [H]
    h' = ode(flow, h, dt, {rule}args=[x, H])
    output h'
"""


def _spring(p: float, q: float, t: float, d: float) -> tuple[float, float]:
    """p'' + 2 d p' + p = 0, by its roots."""
    roots = np.roots([1, 2 * d, 1])
    weights = np.linalg.solve(np.array([[1, 1], roots]), np.array([p, q], complex))
    grown = weights * np.exp(roots * t)
    return float(grown.sum().real), float((roots * grown).sum().real)


@cache
def error(method: str, steps: int) -> float:
    """How far from the solution, after three gaps of time."""
    start = {"p": 1.2, "q": -0.4, "r": 0.2}
    gaps = np.array([0.7, 0.3, 1.0])
    leaves = {"dt": np.repeat(gaps[:, None], 2, axis=1)}
    text = KNOWN.format(method, steps)
    cell = Cell(text, leaves={**leaves, "d": 0.3}, H=1)
    p, q = _spring(start["p"], start["q"], float(gaps.sum()), 0.3)
    r = 1 / (1 + (1 / start["r"] - 1) * np.exp(-gaps.sum()))
    found = [float(cell.final(name)[0, 0]) for name in "pqr"]
    return float(np.abs(np.array(found) - [p, q, r]).max())


@pytest.mark.parametrize("method", ORDERS)
def test_a_rule_converges_at_its_order(method: str) -> None:
    order = np.log2(error(method, 8) / error(method, 16))
    assert abs(order - ORDERS[method]) < 0.25
    assert error(method, 16) < error(method, 8) < 0.1


def test_steps_and_method_have_defaults() -> None:
    found = Cell(FLOW.format(word="", rule=""), I=2, H=3)
    W, U, b = (found[f"h.flow.a.{n}"] for n in ("W_v", "W_x", "b"))
    h = np.zeros((2, 3))
    for x, dt in zip(found["x"], found["dt"], strict=True):
        for _ in range(6):
            h = h + dt[:, None] / 6 * (np.tanh(h @ W + x @ U + b) - h)
    close(found.final("h"), h)


@pytest.mark.parametrize("method", ORDERS)
def test_a_function_has_one_set_of_weights(method: str) -> None:
    rule = f'method="{method}", steps=3, '
    assert set(params(FLOW.format(word="", rule=rule))) == {
        "h.flow.a.W_v", "h.flow.a.W_x", "h.flow.a.b"
    }  # fmt: skip
    assert set(params(FLOW.format(word="shared ", rule=rule))) == {
        "flow.a.W_v", "flow.a.W_x", "flow.a.b"
    }  # fmt: skip
    assert codes(FLOW.format(word="", rule=rule)) == []


def test_a_time_may_be_one_for_each_element() -> None:
    text = """
def fall(v, tau) = -v / tau
cell C[H](tau = 2.0):
    input x: [H]
    param rate: [H] = ones
    state v: [H] = 1.0
    v' = ode(fall, v, rate, args=[tau], steps=2) + x
    output v'
"""
    cell = Cell(text, leaves={"tau": 2.0}, H=3)
    v = np.ones((2, 3))
    for x in cell["x"]:
        v = v * (1 - cell["rate"] / 4) ** 2 + x
    close(cell.final("v"), v)


def test_the_number_of_steps_may_be_a_hyperparameter() -> None:
    text = FLOW.replace("[I, H]:\n    input", "[I, H](n = 2):\n    input")
    assert codes(text.format(word="", rule="steps=n, ")) == []


def test_a_weight_call_beside_is_not_shared_by_chance() -> None:
    text = FLOW.format(word="", rule="").replace("ode(", "flow(h, x, H) + ode(")
    assert "E0402" in codes(text)


def test_ode_and_its_options_are_names_everywhere_else() -> None:
    text = """
def ode(method, steps) = method * steps
cell C[I](euler = 2.0):
    input dt: [I]
    y = ode(dt, euler)
    output y
"""
    assert codes(text) == []


@pytest.mark.parametrize("call", ["ode(leak, {}, 0.1)", "grad(sum(square(h - x)), {})"])
def test_a_list_of_one_gives_one_value(call: str) -> None:
    text = f"""
def leak(v) = -v
cell C[H]:
    input x: [H]
    state h: [H]
    h' = x - 0.1 * {call}
    output h'
"""
    one, listed = (
        [(n.op, n.args, n.attributes) for n in lower(text.format(wrt))[0].nodes()]
        for wrt in ("h", "[h]")
    )
    assert listed == one
