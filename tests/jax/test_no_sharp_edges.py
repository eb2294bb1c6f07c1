"""What a careful user of `celldsl.jax` meets: built alike, numbers that are none, NaN."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.errors import ArgumentError, NonFiniteError

jax = pytest.importorskip("jax")
jnp = jax.numpy

import celldsl.jax  # noqa: E402

ROOT = """
cell Root[H](gain = 1.0, rate = 0.5):
    input x: [H]
    state h: [H]
    param w: [H] = ones

    v  = sqrt(gain * x)
    h' = dropout(tanh(h * w + v), rate)

    output h'
"""
X = np.ones((6, 2, 3), np.float32)


@pytest.fixture(scope="module")
def root() -> Any:
    return celldsl.compile_source(ROOT)


@pytest.fixture(scope="module")
def apply(root: Any) -> Any:
    return celldsl.jax.function(root(H=3))


def test_cells_that_are_built_alike_run_side_by_side(root: Any, apply: Any) -> None:
    wanted = apply(apply.params(), X)[0]
    for cell in (root(H=3), copy.deepcopy(apply.cell)):
        other = celldsl.jax.function(cell)
        np.testing.assert_array_equal(other(other.params(), X)[0], wanted)


def test_a_function_is_pickled_and_copied(apply: Any) -> None:
    wanted = apply(apply.params(), X)[0]
    for other in (pickle.loads(pickle.dumps(apply)), copy.deepcopy(apply), copy.copy(apply)):
        np.testing.assert_array_equal(other(other.params(), X)[0], wanted)


def test_a_function_stays_as_it_was_made(apply: Any) -> None:
    with pytest.raises(AttributeError, match="cell: a function of a cell stays as it was made"):
        apply.cell = None
    with pytest.raises(AttributeError, match="stays as it was made"):
        apply.parameters = {}
    with pytest.raises(AttributeError, match="stays as it was made"):
        del apply.cell


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"settings": {"rate": 1.5}}, r"rate of dropout .*with rate=1\.5"),
        ({"settings": {"rate": jnp.float32(-0.5)}}, r"rate of dropout .*with rate=-0\.5"),
        ({"settings": {"gain": "much"}}, "gain: expected a number"),
        ({"settings": {"gain": np.ones(2)}}, r"settings\[\"gain\"\]: .*the shape \(2,\)"),
        ({"settings": {"rat": 0.1}}, "rat is no run-time hyperparameter; did you mean rate"),
        ({"seed": -1}, "seed: expected 0 or more"),
        ({"seed": "x"}, "seed: expected an integer"),
        ({"key": 2}, r"key: expected a key of jax.random, got int; pass jax.random.key\(0\)"),
        ({"key": np.zeros(2)}, "key: expected a key of jax.random, got an array of float64"),
        ({"rng": 2}, 'no argument "rng"; did you mean "key"'),
        ({"training": True}, "masks are drawn where a key is passed"),
    ],
)
def test_numbers_of_a_call_are_checked(apply: Any, given: dict[str, Any], why: str) -> None:
    with pytest.raises(ArgumentError, match=why):
        apply(apply.params(), X, **given)


def test_numbers_are_checked_where_no_mask_is_drawn_too() -> None:
    own = celldsl.jax.function(celldsl.load("gru")(I=3, H=2))
    with pytest.raises(ArgumentError, match="key: expected a key"):
        own(own.params(), X, key=2)
    keys = jax.random.split(jax.random.key(0))
    with pytest.raises(ArgumentError, match=r"a single key .*by jax\.vmap"):
        own(own.params(), X, key=keys)
    with pytest.raises(ArgumentError, match="key: expected a key"):
        own.init(0)


def test_a_traced_rate_that_is_none_gives_nan(apply: Any) -> None:
    @jax.jit
    def total(rate: Any) -> Any:
        y, _ = apply(apply.params(), X, key=jax.random.key(0), settings={"rate": rate})
        return y.sum()

    assert np.isfinite(total(0.25))
    assert np.isnan(total(1.5))
    assert np.isnan(total(-0.5))


def test_a_value_that_is_not_finite_is_named(apply: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = X.copy()
    wrong[3, 1, 2] = -1.0
    params = apply.params()
    assert np.isnan(apply(params, wrong)[0]).any()
    monkeypatch.setenv("CELLDSL_CHECK_NUMERICS", "1")
    for form in (None, "plain"):
        own = celldsl.jax.function(apply.cell, form)
        with pytest.raises(NonFiniteError, match=r"step 3, row 1 in `v = sqrt.*\[2\] = -1"):
            own(params, wrong)
        with pytest.raises(NonFiniteError, match=r"step 0, row 1"):
            own.step(params, wrong[3])
        with pytest.raises(NonFiniteError, match=r"step 0, row 0"):
            own(params, X, settings={"gain": -1.0})
        own(params, wrong, lengths=np.array([6, 3]))
        traced = jax.jit(lambda p, x, own=own: own(p, x)[0].sum())
        assert np.isfinite(traced(params, X))
        with pytest.raises(RuntimeError, match=r"step 3, row 1 in `v = sqrt.*\[2\] = -1"):
            jax.block_until_ready(traced(params, wrong))
        with pytest.raises(FloatingPointError, match=r"step 3, row 1 in `v = sqrt"):
            jax.grad(lambda p, own=own: own(p, wrong)[0].sum())(params)


def test_signatures_are_those_of_the_cell(root: Any, apply: Any) -> None:
    shown = inspect.signature(apply)
    options = ["lengths", "reverse", "resets", "key", "seed", "settings", "states"]
    assert list(shown.parameters) == ["params", "x", "state", *options]
    assert shown.parameters["x"].annotation is jax.Array
    assert shown.return_annotation == tuple[jax.Array, type(apply(apply.params(), X)[1])]
    step = inspect.signature(apply.step)
    assert list(step.parameters) == ["params", "x", "state", "resets", "key", "seed", "settings"]
    assert list(inspect.signature(apply.trace).parameters)[:4] == ["params", "x", "state", "names"]
    assert list(inspect.signature(type(apply)).parameters) == ["cell", "form"]
    given = {name: p.default for name, p in shown.parameters.items() if name in options}
    apply(params=apply.params(), x=X, state=None, **given)
    other = celldsl.jax.function(root(H=3))
    assert other.step.__func__ is apply.step.__func__  # or `jit` would compile it anew
    assert jax.jit(apply.step)(apply.params(), X[0])[0].shape == (2, 3)
    assert pickle.loads(pickle.dumps(apply.step))(apply.params(), X[0])[0].shape == (2, 3)
