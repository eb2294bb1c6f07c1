"""Nests that stand apart.  In: cells with nests that are equal, or many.  Out: their functions."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pytest

import celldsl
from celldsl.kernel_ir.free import live_before, reads_first, written
from celldsl.kernel_ir.statements import Assign, For, Load, Name, Update, apply
from celldsl.pipeline import generate

# Three layers whose gates differ in names and in a number, as loops of the same form.
LAYERS = """
cell Layers[H]:
    input x: [H]
    state a: [H]
    state b: [H]
    state c: [H]
    {a}
    {b}
    {c}
    output c'
"""

READ = {"a": "x", "b": "a_next", "c": "b_next"}  # what each layer's weight is named after
Array = npt.NDArray[np.float64]


def _layer(state: str, read: str, number: str) -> str:
    lines = (
        f"p_{state} = linear([{read}, {state}], H)",
        f"q_{state} = sigmoid(p_{state})",
        f"r_{state} = tanh({number} * p_{state} + {state})",
        f"s_{state} = exp(-r_{state} * r_{state})",
        f"{state}' = q_{state} * r_{state} + s_{state} * {state}",
    )
    return "\n    ".join(lines)


def _text(*numbers: str) -> str:
    reads = ("x", "a'", "b'")
    names = ("a", "b", "c")
    layers = {n: _layer(n, r, k) for n, r, k in zip(names, reads, numbers, strict=True)}
    return LAYERS.format(**layers)


def _nests(module: str, direction: str) -> list[str]:
    return re.findall(rf"^def ({direction}_nest_\d+)\(", module, re.M)


@pytest.fixture(scope="module")
def module() -> str:
    return generate(_text("0.25", "0.5", "0.75"), "layers.cell")


def test_equal_nests_are_one_function(module: str) -> None:
    (nest,) = _nests(module, "forward")
    calls = re.findall(rf"^        {nest}\((.*)\)$", module, re.M)
    assert len(calls) == 2  # the last layer's also writes the output
    assert len(set(calls)) == 2  # each has pointers of its own


def test_numbers_that_differ_are_arguments(module: str) -> None:
    (nest,) = _nests(module, "forward")
    (arguments,) = re.findall(rf"^def {nest}\((.*)\):$", module, re.M)
    assert sum(a.startswith("real_") for a in arguments.split(", ")) == 1
    same = generate(_text("0.5", "0.5", "0.5"), "layers.cell")
    assert "real_0" not in same
    assert len(_nests(same, "forward")) == 1


def test_a_single_nest_stays_where_it_is() -> None:
    head = "cell One[H]:\n    input x: [H]\n    state a: [H]\n    "
    one = f"{head}{_layer('a', 'x', '0.5')}\n    output a'\n"
    assert "_nest_" not in generate(one, "one.cell")


def test_all_nests_of_a_long_stage_stand_apart() -> None:
    """A conjugate gradient, step by step: its products with the matrix are equal."""
    body = """
cell Solve[H](steps = 4):
    input x: [H]
    state A: [H, H]
    A' = 0.9 * A + outer(x, x)
    z = x
    for n in 0..steps:
        u = A' @ z
        z = z - dot(z, u) / (dot(u, u) + 1.0) * u
    output z
"""
    module = generate(body, "solve.cell")
    for direction in ("forward", "backward"):
        nests = _nests(module, direction)
        calls = [len(re.findall(rf"{nest}\(", module)) - 1 for nest in nests]
        assert sum(calls) > 12
        assert max(calls) >= 4


def test_results_are_those_of_the_equations() -> None:
    cell = celldsl.compile_source(_text("0.25", "0.5", "0.75"))(H=13, dtype="float64", seed=3)
    x = np.random.default_rng(0).normal(size=(4, 3, 13))
    y, _ = cell(x)
    states = {name: np.zeros((3, 13)) for name in "abc"}

    def layer(name: str, read: Array, number: float) -> Array:
        old, weights = states[name], cell.params
        p = read @ weights[f"p_{name}.W_{READ[name]}"]
        p = p + old @ weights[f"p_{name}.W_{name}"] + weights[f"p_{name}.b"]
        r = np.tanh(number * p + old)
        states[name] = r / (1 + np.exp(-p)) + np.exp(-r * r) * old
        return states[name]

    for t in range(4):
        read = x[t]
        for name, number in (("a", 0.25), ("b", 0.5), ("c", 0.75)):
            read = layer(name, read, number)
        np.testing.assert_allclose(y[t], read, rtol=1e-12)


def test_live_variables() -> None:
    total, j, x = Name("total"), Name("j"), Name("x")
    loop = For(j, 0, Name("n"), 1, (Update(total, (Load(x, j),)),))
    body = (Assign(total, 0.0), loop, Assign(Load(Name("y"), 0), apply("mul", total, total)))
    assert reads_first(body) == {"n", "x", "y"}
    assert written(loop) == {"total"}
    assert live_before(body)[2] == {"total", "y"}
