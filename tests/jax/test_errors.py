"""What is said of calls that do not fit, and which form runs."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.errors import ArgumentError

jax = pytest.importorskip("jax")
jnp = jax.numpy

import celldsl.jax  # noqa: E402
from celldsl.jax.interface import interface, read_header  # noqa: E402

T, B, I, H = 5, 4, 3, 5  # noqa: E741


@pytest.fixture(scope="module")
def apply() -> Any:
    GRU: Any = celldsl.load("gru")
    return celldsl.jax.function(GRU(I=I, H=H))


X = np.zeros((T, B, I), "float32")
STATE = {"h": np.zeros((B, H), "float32")}
WRONG: dict[str, Any] = {
    "x: expected (T, …, I=3), got (5, 4, 2)": lambda a, p: a(p, X[..., :2]),
    "x: expected (T, …, I=3), got (3,)": lambda a, p: a(p, X[0, 0]),
    "x: expected an array (T, …, I=3), got list; pass jnp.asarray(x)": (
        lambda a, p: a(p, X.tolist())
    ),
    "x: expected real numbers, got int32; pass x.astype(": lambda a, p: a(p, X.astype("int32")),
    "x: expected float32, which r_u.W_x is of, got bfloat16; pass x.astype(jnp.float32)": (
        lambda a, p: a(p, jnp.asarray(X, jnp.bfloat16))
    ),
    'x: expected float32, got float64, which JAX would round: pass x.astype("float32")': (
        lambda a, p: a(p, X.astype("float64"))
    ),
    'params["c.b"]: expected float32, got float64': (
        lambda a, p: a({**p, "c.b": np.zeros(5)}, X)
    ),
    "state.h: expected float32, got float64": lambda a, p: a(p, X, {"h": np.zeros((B, H))}),
    "state.h: expected (4, H=5), got (3, 5)": lambda a, p: a(p, X, {"h": STATE["h"][1:]}),
    'state has no argument "c"': lambda a, p: a(p, X, {"c": STATE["h"]}),
    "lengths: expected (4,), got (3,)": lambda a, p: a(p, X, lengths=np.array([1, 2, 3])),
    "lengths: expected 0 to T=5, got 9": lambda a, p: a(p, X, lengths=np.array([1, 2, 9, 3])),
    "lengths: expected integers, got float32; pass lengths.astype(jnp.int32)": (
        lambda a, p: a(p, X, lengths=np.ones(4, "f4"))
    ),
    "resets: expected (T=5, 4), got (4, 5): arrays are time-major, pass resets.T": (
        lambda a, p: a(p, X, resets=np.ones((B, T), bool))
    ),
    "resets: expected truth values, got int32: pass `resets != 0`": (
        lambda a, p: a(p, X, resets=np.ones((T, B), "int32"))
    ),
    "reverse: expected True or False, got 1": lambda a, p: a(p, X, reverse=1),
    "params: r_u.b missing": lambda a, p: a({n: v for n, v in p.items() if n != "r_u.b"}, X),
    "params: no r_u.B; did you mean r_u.b?": lambda a, p: a({**p, "r_u.B": p["r_u.b"]}, X),
    'params["c.b"]: expected (H=5,), got (4,)': lambda a, p: a({**p, "c.b": p["c.b"][1:]}, X),
    "params: expected a dict of arrays by name, got Array": lambda a, p: a(p["c.b"], X),
    "GRU(params, x, state=None): expected 1 inputs, then a state, got 3 arrays": (
        lambda a, p: a(p, X, X, X)
    ),
    'GRU() has no argument "mask"': lambda a, p: a(p, X, mask=X),
    "key: pass a key or a seed, not both": lambda a, p: a(p, X, key=jax.random.key(0), seed=1),
    "settings: rate is no run-time hyperparameter; there are none": (
        lambda a, p: a(p, X, settings={"rate": 1.0})
    ),
}  # fmt: skip


@pytest.mark.parametrize("message", WRONG)
def test_messages(apply: Any, message: str) -> None:
    run, params = WRONG[message], apply.params()
    with pytest.raises(ArgumentError) as found:
        jax.eval_shape(lambda: run(apply, params))  # before anything runs
    assert message in str(found.value)


def test_a_function_wants_a_built_cell() -> None:
    with pytest.raises(ArgumentError, match=r"got its class; build one: GRU\(I=…, H=…\)"):
        celldsl.jax.function(celldsl.load("gru"))  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match='form: expected "kernels", "plain" or None'):
        celldsl.jax.function(celldsl.load("gru")(I=2, H=2), "fast")  # type: ignore[call-arg, arg-type]


def test_which_form_runs(apply: Any) -> None:
    params = apply.params()
    half = jax.tree.map(lambda a: a.astype(jnp.bfloat16), params)
    assert apply.form(params, X) == "kernels"
    assert apply.form(half, X.astype(jnp.bfloat16)) == "plain: arrays are of bfloat16"
    kernels = celldsl.jax.function(apply.cell, "kernels")
    with pytest.raises(ArgumentError, match="compiled passes cannot run here: arrays are of bf"):
        kernels(half, X.astype(jnp.bfloat16))
    plain = celldsl.jax.function(apply.cell, "plain")
    assert plain.form(params, X) == 'plain: form="plain" asks for it'
    assert apply(half, X.astype(jnp.bfloat16))[0].dtype == jnp.bfloat16


def test_an_interface_of_another_version_is_not_used() -> None:
    known = interface()
    assert known is not None
    assert known.place("Error_Create") == 6
    assert read_header("#define XLA_FFI_API_MAJOR 1\n#define XLA_FFI_API_MINOR 0\n") is None


def test_without_jax_the_extra_is_named() -> None:
    code = "import sys; sys.modules['jax'] = None; import celldsl.jax"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "celldsl.jax needs JAX: pip install 'celldsl[jax]'" in done.stderr
