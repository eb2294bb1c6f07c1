"""Cells of other libraries, to put beside one's own.  In: names.  Out: functions that train them.

peers, absent = peers_of(["torch", "jax"], threads=2, dtype="float32")
peers["torch LSTM"](T, B, I, H)()       one training pass
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any

import numpy as np

Run = Callable[[], object]
Peer = Callable[[int, int, int, int], Run]


def peers_of(names: Iterable[str], threads: int, dtype: str) -> tuple[dict[str, Peer], list[str]]:
    """Peers by name, and the libraries that are not installed."""
    found: dict[str, Peer] = {}
    absent = []
    for name in names:
        if find_spec(name) is None:
            absent.append(name)
        else:
            found |= MAKERS[name](threads, dtype)
    return found, absent


def _torch(threads: int, dtype: str) -> dict[str, Peer]:
    import torch

    torch.set_num_threads(threads)
    kind = getattr(torch, dtype)

    def maker(name: str) -> Peer:
        def make(steps: int, batch: int, inputs: int, hidden: int) -> Run:
            net = getattr(torch.nn, name)(inputs, hidden, dtype=kind)
            x = torch.randn(steps, batch, inputs, dtype=kind, requires_grad=True)
            dy = torch.randn(steps, batch, hidden, dtype=kind)
            leaves = [x, *net.parameters()]
            return lambda: torch.autograd.grad(net(x)[0], leaves, dy)

        return make

    return {f"torch {name}": maker(name) for name in ("LSTM", "GRU")}


def _jax(threads: int, dtype: str) -> dict[str, Peer]:
    """An LSTM as a scan under `jit`: JAX has no cells of its own."""
    import jax
    import jax.numpy as jnp

    def lstm(weights: Any, x: Any) -> Any:
        def step(state: Any, a: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(a + h @ weights["h"], 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        start = jnp.zeros((x.shape[1], weights["h"].shape[0]), x.dtype)
        return jax.lax.scan(step, (start, start), x @ weights["x"] + weights["b"])[1]

    @jax.jit
    def train(weights: Any, x: Any, dy: Any) -> Any:
        y, pull = jax.vjp(lstm, weights, x)
        return y, pull(dy)

    def make(steps: int, batch: int, inputs: int, hidden: int) -> Run:
        random = np.random.default_rng(0)

        def draw(*shape: int) -> Any:
            return jnp.array(0.1 * random.normal(size=shape), dtype)

        weights = {"x": draw(inputs, 4 * hidden), "h": draw(hidden, 4 * hidden)}
        weights["b"] = draw(4 * hidden)
        x, dy = draw(steps, batch, inputs), draw(steps, batch, hidden)
        return lambda: [a.block_until_ready() for a in jax.tree.leaves(train(weights, x, dy))]

    # Without x64 JAX would compute in single precision and say nothing.
    return {"JAX LSTM": make} if dtype == "float32" else {}


MAKERS: dict[str, Callable[[int, str], dict[str, Peer]]] = {"torch": _torch, "jax": _jax}
