"""JAX: `lax.scan` under `jit`, the input projection ahead of it.  In: work.  Out: functions."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp

from peers.work import Work

LABEL = "JAX scan"
XP = SimpleNamespace(
    sigmoid=jax.nn.sigmoid,
    tanh=jnp.tanh,
    relu=jax.nn.relu,
    where=jnp.where,
    rsqrt=jax.lax.rsqrt,
    mean=lambda v: jnp.mean(v, axis=-1, keepdims=True),
    split=lambda v, parts: jnp.split(v, parts, axis=-1),
    cat=lambda parts: jnp.concatenate(parts, axis=-1),
)


def _forward(work: Work) -> Callable[..., Any]:
    spec = work.spec

    def forward(weights: Any, x: Any, starts: Any) -> Any:
        def step(state: Any, a: Any) -> Any:
            y, after = spec.step(XP, weights, a, state)
            return after, y

        finals, y = jax.lax.scan(step, starts, spec.project(XP, weights, x))
        return y, finals

    return forward


def _given(work: Work) -> tuple[Any, ...]:
    weights = {name: jnp.array(a) for name, a in work.weights.items()}
    return weights, jnp.array(work.x), tuple(jnp.array(a) for a in work.starts)


def train(work: Work) -> Callable[[], Any]:
    compiled = train_compiled(work)
    return lambda: jax.block_until_ready(compiled())


def train_compiled(work: Work) -> Callable[[], Any]:
    """A pass that has been compiled and not been run."""
    given = _given(work)
    cotangents = jnp.array(work.dy), tuple(jnp.array(a) for a in work.finals)

    @jax.jit
    def both(given: Any, cotangents: Any) -> Any:
        (y, _), pull = jax.vjp(_forward(work), *given)
        return y, pull(cotangents)

    compiled = both.lower(given, cotangents).compile()
    return lambda: compiled(given, cotangents)


def infer(work: Work) -> Callable[[], Any]:
    given = _given(work)
    forward = jax.jit(_forward(work))
    return lambda: jax.block_until_ready(forward(*given)[0])
