"""Gradients of whole cells against JAX, which does not share a line with this library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from celldsl.targets.reference import gradients
from celldsl.transforms.autodiff import differentiate
from tests.programs import CELLS, SIZES, TIMES, draw_finals, draw_leaves, draw_outputs

jax = pytest.importorskip("jax")
jnp = jax.numpy
Arrays = dict[str, Any]


def plain_rnn(p: Arrays, s: Arrays, x: Any) -> tuple[Arrays, Arrays]:
    h = jnp.tanh(x @ p["W"] + s["h"] @ p["U"] + p["b"])
    return {"h": h}, {"h": h}


def lstm(p: Arrays, s: Arrays, x: Any) -> tuple[Arrays, Arrays]:
    i, f, g, o = jnp.split(x @ p["W"] + s["h"] @ p["U"] + p["b"], 4, axis=-1)
    c = jax.nn.sigmoid(f + p["forget"]) * s["c"] + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return {"y": h, "c": c}, {"h": h, "c": c}


def learned_start(p: Arrays, s: Arrays, x: Any) -> tuple[Arrays, Arrays]:
    h = jnp.sin(x @ p["W"] + p["u"] * s["h"])
    return {"h": h}, {"h": h}


def antisymmetric(p: Arrays, s: Arrays, x: Any) -> tuple[Arrays, Arrays]:
    A = p["U"] - p["U"].T - p["gamma"] * jnp.eye(p["U"].shape[0])
    h = s["h"] + 0.1 * jnp.tanh(x @ p["W"] + s["h"] @ A)
    return {"h": h}, {"h": h}


def matrix_state(p: Arrays, s: Arrays, x: Any) -> tuple[Arrays, Arrays]:
    k, v = x @ p["K"], x @ p["V"]
    S = jax.nn.sigmoid(p["f"])[:, None] * s["S"] + k[:, :, None] * v[:, None, :]
    norm = jnp.maximum(jnp.abs(S.sum(axis=-1)), 1.0)
    return {"y": jnp.einsum("bij,bi->bj", S, k) / norm}, {"S": S}


def layer_norm(p: Arrays, s: Arrays, x: Any) -> tuple[Arrays, Arrays]:
    z = x @ p["W"] + s["h"] @ p["A"]
    centred = z - z.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    h = p["g"] * centred / jnp.sqrt(variance + 1e-3) + z.max(axis=-1, keepdims=True)
    return {"y": s["h"], "z": h.sum(axis=-1)}, {"h": h}


STARTS: dict[str, Callable[[Arrays], Arrays]] = {
    "learned_start": lambda p: {"h": jnp.tanh(p["h0"]) * p["u"]},
}
JAX_CELLS = (plain_rnn, lstm, learned_start, antisymmetric, matrix_state, layer_norm)


@pytest.mark.parametrize(("T", "B"), [TIMES[0], TIMES[-1]])
@pytest.mark.parametrize(("i", "h"), SIZES)
@pytest.mark.parametrize("cell", JAX_CELLS, ids=lambda cell: cell.__name__)
def test_gradients(cell: Callable[..., Any], i: int, h: int, T: int, B: int) -> None:
    forward, backward = differentiate(CELLS[cell.__name__]())
    dims = {"I": i, "H": h}
    leaves = draw_leaves(forward, dims, T, B)
    outputs, finals = draw_outputs(forward, dims, T, B), draw_finals(forward, dims, T, B)
    _, run = gradients(forward, backward, leaves, dims, T, B, outputs, None, finals)

    def objective(p: Arrays) -> Any:
        own = STARTS.get(cell.__name__, lambda p: {})(p)
        state = {name: jnp.zeros(d.shape) + own.get(name, 0.0) for name, d in finals.items()}
        total = 0.0
        for t in range(T):
            found, state = cell(p, state, p["x"][t])
            total += sum((outputs[name][t] * y).sum() for name, y in found.items())
        return total + sum((finals[name] * v).sum() for name, v in state.items())

    with jax.enable_x64(True):
        expected = jax.grad(objective)({k: jnp.asarray(v) for k, v in leaves.items()})
    for (_, leaf), gradient in run.results.items():
        np.testing.assert_allclose(gradient, expected[leaf], rtol=1e-9, atol=1e-10, err_msg=leaf)
