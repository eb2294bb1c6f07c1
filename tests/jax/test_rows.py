"""Sequences of different lengths, and those that begin anew: kernels agree with plain code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.threads import thread_count

jax = pytest.importorskip("jax")
jnp = jax.numpy

import celldsl.jax  # noqa: E402

T, B, I, H = 7, 5, 3, 4  # noqa: E741
ENOUGH = 2e-5
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(T, B, I)).astype("float32")
LENGTHS = np.array([3, 7, 0, 5, 1])
RESETS = RANDOM.random((T, B)) < 0.3
CASES: dict[str, dict[str, Any]] = {
    "lengths": {"lengths": LENGTHS},
    "resets": {"resets": RESETS},
    "both": {"lengths": LENGTHS, "resets": RESETS},
    "every": {"resets": np.ones((T, B), bool)},
}


@pytest.fixture(scope="module")
def cell() -> Any:
    """One whose start is learned, and that draws masks."""
    text = """
cell Learned[I, H](rate = 0.3):
    input x: [I]
    param first: [H] = normal(0.5)
    state h: [H] = tanh(first)
    h' = tanh(linear([x, dropout(h, rate)], H))
    y = h' * h
    output y
"""
    Learned: Any = celldsl.compile_source(text)
    return Learned(I=I, H=H, seed=0)


@pytest.fixture(params=[1, 2], ids=["alone", "together"])
def threads(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(thread_count, "SMALL_WORK", 0)
    before = thread_count.get_threads()
    thread_count.set_threads(request.param)
    yield request.param
    thread_count.set_threads(before)


def results(cell: Any, form: str, given: bool, **more: Any) -> Any:
    """Outputs, states, gradients of parameters, inputs and start states."""
    apply = celldsl.jax.function(cell, form)
    params = apply.params()
    start = apply.state(params, B)._replace(h=jnp.asarray(X[0, :, :1] * np.ones(H, "f4")))

    def loss(params: Any, x: Any, state: Any) -> Any:
        y, last = apply(params, x, state if given else None, **more)
        weights = jnp.cos(jnp.arange(y.size)).reshape(y.shape)
        return (y * weights).sum() + (last.h**2).sum(), (y, last)

    return jax.jit(jax.value_and_grad(loss, (0, 1, 2), has_aux=True))(params, jnp.asarray(X), start)


def same(found: Any, wanted: Any) -> None:
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True)
    for one, other in pairs:
        assert one.shape == other.shape
        assert np.abs(np.asarray(one) - np.asarray(other)).max() < ENOUGH


@pytest.mark.parametrize("name", CASES)
def test_both_forms_agree(cell: Any, name: str, threads: int) -> None:
    for given, reverse in ((True, False), (False, True)):
        case = {**CASES[name], "reverse": reverse, "key": jax.random.key(1)}
        same(results(cell, "kernels", given, **case), results(cell, "plain", given, **case))


def test_numpy_agrees(cell: Any) -> None:
    apply = celldsl.jax.function(cell, "kernels")
    for case in CASES.values():
        for reverse in (False, True):
            y, last = apply(apply.params(), X, **case, reverse=reverse)
            same((y, last.h), tuple(cell(X, **case, reverse=reverse)))


def test_what_is_past_a_length_is_not_read(cell: Any) -> None:
    apply = celldsl.jax.function(cell, "kernels")
    x = np.where(np.arange(T)[:, None, None] < LENGTHS[:, None], X, np.nan).astype("float32")

    def loss(params: Any, x: Any) -> Any:
        y, last = apply(params, x, lengths=LENGTHS)
        return (y**2).sum() + last.h.sum()

    found, wanted = (jax.grad(loss, (0, 1))(apply.params(), each) for each in (x, X))
    same(found, wanted)


def test_one_program_for_all_lengths_and_resets(cell: Any) -> None:
    apply, plain = celldsl.jax.function(cell, "kernels"), celldsl.jax.function(cell, "plain")
    params = apply.params()

    @jax.jit
    def slopes(lengths: Any, resets: Any) -> Any:
        def loss(params: Any) -> Any:
            return (apply(params, X, lengths=lengths, resets=resets)[0] ** 2).sum()

        return jax.grad(loss)(params)

    for seed in range(4):
        draw = np.random.default_rng(seed)
        lengths, resets = draw.integers(0, T + 1, B), draw.random((T, B)) < 0.25 * seed
        wanted = jax.grad(
            lambda p, l=lengths, r=resets: (plain(p, X, lengths=l, resets=r)[0] ** 2).sum()  # noqa: E741
        )(params)
        same(slopes(lengths, resets), wanted)
    assert slopes._cache_size() == 1


def test_batches_are_folded(cell: Any) -> None:
    apply = celldsl.jax.function(cell, "kernels")
    params, xs = apply.params(), jnp.stack([X, 2 * X])
    lengths, resets = jnp.stack([LENGTHS, LENGTHS[::-1]]), jnp.stack([RESETS, ~RESETS])

    def run(x: Any, lengths: Any, resets: Any) -> Any:
        return apply(params, x, lengths=lengths, resets=resets)

    folded = jax.jit(jax.vmap(run))
    assert folded.lower(xs, lengths, resets).as_text().count("@celldsl.Learned.") == 1
    found = folded(xs, lengths, resets)
    for i in range(2):
        same(jax.tree.map(lambda a, i=i: a[i], found), run(xs[i], lengths[i], resets[i]))
    shared = jax.vmap(run, (0, None, None))(xs, lengths[0], resets[0])
    same(shared[0][1], run(xs[1], lengths[0], resets[0])[0])


def test_what_plain_code_derives(cell: Any) -> None:
    """Forward mode, second derivatives, gradients of a batch."""
    case = {"lengths": LENGTHS, "resets": RESETS}

    def derivatives(form: str) -> Any:
        apply = celldsl.jax.function(cell, form)
        params = apply.params()
        ones = jax.tree.map(jnp.ones_like, params)

        def loss(params: Any, x: Any) -> Any:
            return (apply(params, x, **case)[0] ** 2).sum()

        ahead = jax.jvp(lambda p: loss(p, X), (params,), (ones,))
        many = jax.vmap(jax.grad(loss, 1), (None, 0))(params, jnp.stack([X, 2 * X]))
        slope = jax.grad(lambda p: jax.grad(loss)(p, X)["first"].sum())(params)
        return ahead, many, slope

    found, wanted = (jax.tree.leaves(derivatives(form)) for form in ("kernels", "plain"))
    for one, other in zip(found, wanted, strict=True):
        scale = 1 + np.abs(np.asarray(other)).max()
        assert np.abs(np.asarray(one - other)).max() < ENOUGH * scale


def test_states_after_every_step(cell: Any) -> None:
    apply, plain = celldsl.jax.function(cell, "kernels"), celldsl.jax.function(cell, "plain")
    for case in CASES.values():
        found, wanted = (f(f.params(), X, states="all", **case) for f in (apply, plain))
        same(found, wanted)


@pytest.mark.parametrize("shape", [(0, B), (T, 0), (1, 1)])
def test_small_batches(cell: Any, shape: tuple[int, int]) -> None:
    x = np.ones((*shape, I), "float32")
    case = {"lengths": np.full(shape[1], shape[0]), "resets": np.ones(shape, bool)}
    found, wanted = (
        jax.grad(lambda p, f=f: sum(a.sum() for a in jax.tree.leaves(f(p, x, **case))))(f.params())
        for f in (celldsl.jax.function(cell, form) for form in ("kernels", "plain"))
    )
    same(found, wanted)
