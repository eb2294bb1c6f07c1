"""`grad` in a cell, against JAX's `grad` inside `scan`: values, and the derivatives of all of it.

The losses stand here as functions of JAX, which differentiates them itself, twice where the cell
does, and then the whole scan.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cells import example
from tests.end_to_end.compare import TOLERANCE
from tests.end_to_end.subject import Subject, subject_of
from tests.targets.compare import double_precision

jax = pytest.importorskip("jax")
jnp = jax.numpy

MEMORY = '''
cell Main[I, K, V, F](rate = 0.2, keep = 0.9, pull = 0.6):
    """A memory of two layers, written by gradient steps with momentum that forget."""
    input x: [I]
    input token: int[4]
    state P, mP: [K, F]
    state Q, mQ: [F, V]
    param k0: [I, K]
    param v0: [I, V]
    param E: [4, K]

    k    = normalize(x @ k0 + E[token])
    v    = x @ v0
    p    = gelu(k @ P) @ Q
    loss = sum(square(p - v)) / 2

    dP, dQ = grad(loss, [P, Q])

    mP' = pull * mP - rate * dP
    mQ' = pull * mQ - rate * dQ
    P'  = keep * P + mP'
    Q'  = keep * Q + mQ'
    y   = softmax(gelu(k @ P') @ Q')

    output y
'''

SECOND = '''
def loss(z, W, x) = logsumexp(tanh(z @ W) * x) + norm(z) * mean(z)


cell Main[N](rate = 0.3):
    """Three inner steps; the size of a gradient is differentiated again, by a state and a param."""
    input x: [N]
    state h: [N]
    param W: [N, N]

    z = h
    for k in 0..3:
        z = z - rate * grad(loss(z, W, x), z)
    g  = grad(loss(z, W, x), h)
    w  = grad(sum(square(g)), W)
    h' = 0.5 * z + w @ x

    output h', g
'''

HELD = '''
cell Main[N]:
    """Equal values with names of their own are other values: one moves, the other is held."""
    input x: [N]
    state h: [N]
    param W: [N, N]

    q  = h @ W
    k  = h @ W
    r  = q
    l  = dot(q, x) * sum(square(k)) + dot(r, sin(h))
    a  = grad(l, q)
    b  = grad(l, k)
    c  = grad(l, r)
    d  = grad(l, h)
    h' = 0.2 * tanh(a - b + d) + 0.1 * tanh(c * x)

    output h', a, b, c, d
'''

INNER = '''
cell Inner[N]:
    """A step that begins at its own input: the two are two values all the same."""
    input x: [N]
    state h: [N]

    loss = dot(h, sin(x)) * sum(x)
    d    = grad(loss, h)
    e    = grad(loss, x)
    h'   = tanh(d - e)

    output h'


cell Main[N]:
    input x: [N]
    state s: [N]
    sub g = Inner[N]

    y  = g(x, h=x)
    z  = g(s, h=g.h')
    s' = y + 0.5 * z

    output z, s'
'''


COMPLEX = '''
cell Main[I, N](rate = 0.2):
    """A complex memory, written by gradient steps: of states, a param, and values."""
    input x: [I]
    input u: complex[N]
    param A: complex[N, I]
    param t: [N]
    state z: complex[N]
    state W: complex[N, N]

    p  = A @ x
    e  = W @ p - exp(1i * t) * u
    l  = sum(real(e * conj(e))) + sum(real(z * conj(z)) ** 2)
    dW, dz, dp, dA = grad(l, [W, z, p, A])
    W' = 0.9 * W - rate * dW
    g  = grad(sum(real(dz)) + sum(square(abs(dA @ x))), z)
    y  = 0.1i * t
    s  = grad(sum(real(exp(y)) + imag(y * conj(p))), y)
    q  = z
    r  = grad(sum(abs(q * z)), q)
    z' = 0.5 * z - 0.1 * dz + 0.1i * dp + 0.1 * g

    output z', s, r
'''


def normalize(v: Any) -> Any:
    return v / jnp.maximum(jnp.sqrt(jnp.sum(v * v)), 1e-12)


def gelu(v: Any) -> Any:
    return jax.nn.gelu(v, approximate=False)


def memory_step(p: Any, state: Any, x: Any, token: Any) -> tuple[Any, Any]:
    P, mP, Q, mQ = (state[n] for n in ("P", "mP", "Q", "mQ"))
    k, v = normalize(x @ p["k0"] + p["E"][token]), x @ p["v0"]

    def loss(P: Any, Q: Any) -> Any:
        return jnp.sum((gelu(k @ P) @ Q - v) ** 2) / 2

    dP, dQ = jax.grad(loss, (0, 1))(P, Q)
    mP, mQ = 0.6 * mP - 0.2 * dP, 0.6 * mQ - 0.2 * dQ
    P, Q = 0.9 * P + mP, 0.9 * Q + mQ
    return {"P": P, "mP": mP, "Q": Q, "mQ": mQ}, {"y": jax.nn.softmax(gelu(k @ P) @ Q)}


def second_step(p: Any, state: Any, x: Any) -> tuple[Any, Any]:
    def loss(z: Any, W: Any) -> Any:
        inner = jax.scipy.special.logsumexp(jnp.tanh(z @ W) * x)
        return inner + jnp.sqrt(jnp.sum(z * z)) * jnp.mean(z)

    def after(h: Any, W: Any) -> Any:
        z = h
        for _ in range(3):
            z = z - 0.3 * jax.grad(loss)(z, W)
        return z

    def size(h: Any, W: Any) -> Any:
        return jnp.sum(jax.grad(lambda h: loss(after(h, W), W))(h) ** 2)

    h, W = state["h"], p["W"]
    g = jax.grad(lambda h: loss(after(h, W), W))(h)
    h = 0.5 * after(h, W) + jax.grad(size, 1)(h, W) @ x
    return {"h": h}, {"h": h, "g": g}


def held_step(p: Any, state: Any, x: Any) -> tuple[Any, Any]:
    h, W = state["h"], p["W"]

    def of_three(q: Any, k: Any, r: Any, h: Any) -> Any:
        return jnp.dot(q, x) * jnp.sum(k * k) + jnp.dot(r, jnp.sin(h))

    def of_first(q: Any, k: Any, h: Any) -> Any:
        return of_three(q, k, q, h)

    q = h @ W
    a, b = jax.grad(of_first, (0, 1))(q, q, h)
    c = jax.grad(of_three, 2)(q, q, q, h)
    d = jax.grad(lambda h: of_three(h @ W, h @ W, h @ W, h))(h)
    h = 0.2 * jnp.tanh(a - b + d) + 0.1 * jnp.tanh(c * x)
    return {"h": h}, {"h": h, "a": a, "b": b, "c": c, "d": d}


def inner_step(p: Any, state: Any, x: Any) -> tuple[Any, Any]:
    def inner(x: Any, h: Any) -> Any:
        e, d = jax.grad(lambda x, h: jnp.dot(h, jnp.sin(x)) * jnp.sum(x), (0, 1))(x, h)
        return jnp.tanh(d - e)

    y = inner(x, x)
    z = inner(state["s"], y)
    s = y + 0.5 * z
    return {"s": s}, {"z": z, "s": s}


def titans_step(p: Any, state: Any, x: Any) -> tuple[Any, Any]:
    P, Q = state["P"], state["Q"]
    silu, gate = jax.nn.silu, lambda n: jax.nn.sigmoid(x @ p[f"{n}.W_x"] + p[f"{n}.b"])
    q, k = (normalize(silu(x @ p[f"{n}.W_x"])) for n in "qk")
    v = silu(x @ p["v.W_x"])
    dP, dQ = jax.grad(lambda P, Q: jnp.sum((silu(k @ P) @ Q - v) ** 2), (0, 1))(P, Q)
    mP, mQ = (gate("eta") * state[n] - 0.1 * gate("theta") * d for n, d in (("mP", dP), ("mQ", dQ)))
    P, Q = (1 - gate("alpha")) * P + mP, (1 - gate("alpha")) * Q + mQ
    return {"P": P, "Q": Q, "mP": mP, "mQ": mQ}, {"y": silu(q @ P) @ Q}


def of_parts(v: Any) -> Any:
    return v[..., 0] + 1j * v[..., 1]


def parts(z: Any) -> Any:
    return jnp.stack([jnp.real(z), jnp.imag(z)], axis=-1)


def complex_step(p: Any, state: Any, x: Any, u: Any) -> tuple[Any, Any]:
    """Gradients are those of the parts, so that all that is differentiated is real."""
    z, W, A = state["z"], state["W"], p["A"]

    def loss(W: Any, z: Any, product: Any) -> Any:
        e = of_parts(W) @ of_parts(product) - jnp.exp(1j * p["t"]) * of_parts(u)
        return jnp.sum(jnp.abs(e) ** 2) + jnp.sum(jnp.abs(of_parts(z)) ** 4)

    def made(A: Any) -> Any:
        return parts(of_parts(A) @ x)

    def by_weights(W: Any, z: Any, A: Any) -> Any:
        return loss(W, z, made(A))

    dW, dz, dp = (jax.grad(loss, k)(W, z, made(A)) for k in range(3))

    def size(z: Any) -> Any:
        dz, dA = (jax.grad(by_weights, k)(W, z, A) for k in (1, 2))
        return jnp.sum(dz[..., 0]) + jnp.sum(jnp.abs(of_parts(dA) @ x) ** 2)

    def of_value(y: Any) -> Any:
        y, product = of_parts(y), of_parts(made(A))
        return jnp.sum(jnp.real(jnp.exp(y)) + jnp.imag(y * jnp.conj(product)))

    s = jax.grad(of_value)(parts(0.1j * p["t"]))
    r = jax.grad(lambda q: jnp.sum(jnp.abs(of_parts(q) * of_parts(z))))(z)
    g = jax.grad(size)(z)
    z = parts(0.5 * of_parts(z) - 0.1 * of_parts(dz) + 0.1j * of_parts(dp) + 0.1 * of_parts(g))
    return {"z": z, "W": 0.9 * W - 0.2 * dW}, {"z": z, "s": s, "r": r}


CELLS: dict[str, tuple[str, Callable[..., Any], dict[str, int]]] = {
    "memory": (MEMORY, memory_step, {"I": 3, "K": 5, "V": 2, "F": 7}),
    "memory of one": (MEMORY, memory_step, {"I": 1, "K": 1, "V": 1, "F": 1}),
    "second": (SECOND, second_step, {"N": 5}),
    "held": (HELD, held_step, {"N": 3}),
    "inner": (INNER, inner_step, {"N": 4}),
    "complex": (COMPLEX, complex_step, {"I": 3, "N": 5}),
    "complex of one": (COMPLEX, complex_step, {"I": 1, "N": 1}),
    "titans": (example("titans").read_text("utf-8"), titans_step, {"I": 3, "H": 5, "K": 2, "F": 7}),
}
T, B = 4, 3


def subject_named(name: str, folder: Path) -> Subject:
    path = folder / "own.cell"
    path.write_text(CELLS[name][0], encoding="utf-8")
    return subject_of(path)


def by_jax(step: Callable[..., Any], given: dict[str, Any], dy: Any, dstate: Any) -> Any:
    """Outputs, last states, and the gradients of what is given."""

    def run(params: Any, start: Any, real: Any, whole: Any) -> Any:
        def one(start: Any, real: Any, whole: Any) -> Any:
            rows = {**real, **whole}
            return jax.lax.scan(lambda s, row: step(params, s, **row), start, rows)

        return jax.vmap(one, (0, 1, 1), (0, 1))(start, real, whole)

    whole = {n: v for n, v in given["inputs"].items() if v.dtype.kind == "i"}
    real = {n: v for n, v in given["inputs"].items() if n not in whole}
    args = given["params"], given["states"], real
    (last, outputs), back = jax.vjp(lambda *a: run(*a, whole), *args)
    return outputs, last, back((dstate, dy))


@pytest.mark.parametrize("name", CELLS)
def test_kernels_agree_with_jax(name: str, tmp_path: Path) -> None:
    _, step, dims = CELLS[name]
    subject = subject_named(name, tmp_path)
    cell = subject.make(dims)
    rng = np.random.default_rng(4)
    for key in cell.params:
        cell.params[key] = rng.normal(size=cell.params[key].shape)
    inputs = subject.draw_inputs(dims, T, B)
    states, dstate = subject.draw_states(dims, B), subject.draw_states(dims, B, seed=4)
    dy = subject.draw_outputs(dims, T, B)
    given = {"params": dict(cell.params), "states": states, "inputs": inputs}
    with double_precision():
        outputs, last, (d_params, d_states, d_inputs) = by_jax(step, given, dy, dstate)
    kind = type(cell.state(B))
    found, final, tape = cell.forward(inputs, kind(**states))
    grads = cell.backward(tape, dy, kind(**dstate))
    of = found._asdict() if hasattr(found, "_asdict") else {next(iter(dy)): found}
    pairs = [(of[n], outputs[n]) for n in dy]
    pairs += [(getattr(final, n), last[n]) for n in states]
    pairs += [(getattr(grads.state, n), d_states[n]) for n in states]
    pairs += [(grads.params[n], d_params[n]) for n in d_params]
    pairs += [(grads.inputs[n], d_inputs[n]) for n in d_inputs]
    for got, wanted in pairs:
        assert np.abs(got - np.asarray(wanted)).max() < TOLERANCE * (1 + np.abs(wanted).max())
