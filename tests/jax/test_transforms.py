"""What JAX does with functions, done with cells: both forms agree under all of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.threads import thread_count

jax = pytest.importorskip("jax")
jnp = jax.numpy

import celldsl.jax  # noqa: E402

T, B, I, H, N = 5, 4, 3, 5, 3  # noqa: E741
ENOUGH = 2e-5
RANDOM = np.random.default_rng(0)


def drawn(*shape: int) -> Any:
    return jnp.asarray(RANDOM.normal(size=shape).astype("float32"))


@pytest.fixture(scope="module")
def cell() -> Any:
    GRU: Any = celldsl.load("gru")
    return GRU(I=I, H=H)


def losses(cell: Any) -> tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]]:
    """A loss by kernels, the same by plain code, parameters."""

    def loss_of(apply: Any) -> Callable[..., Any]:
        def loss(params: Any, x: Any, **more: Any) -> Any:
            y, state = apply(params, x, **more)
            return (y**2).sum() + sum((part**3).sum() for part in jax.tree.leaves(state))

        return loss

    apply = celldsl.jax.function(cell, "kernels")
    plain = celldsl.jax.function(cell, "plain")
    return loss_of(apply), loss_of(plain), apply.params()


def same(found: Any, wanted: Any) -> None:
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True)
    for one, other in pairs:
        assert one.shape == other.shape
        assert np.abs(np.asarray(one) - np.asarray(other)).max() < ENOUGH


def test_a_batch_may_have_any_axes(cell: Any) -> None:
    apply, x = celldsl.jax.function(cell, "kernels"), drawn(T, 2, B, I)
    params = apply.params()
    y, state = apply(params, x)
    assert (y.shape, state.h.shape) == ((T, 2, B, H), (2, B, H))
    alone, last = apply(params, x[:, 1, 2])
    same((y[:, 1, 2], state.h[1, 2]), (alone, last.h))
    own, first = cell(np.asarray(x[:, 0]))
    same((y[:, 0], state.h[0]), (own, first.h))


def test_steps_follow_each_other(cell: Any) -> None:
    apply, x = celldsl.jax.function(cell), drawn(T, B, I)
    params = apply.params()
    state, ys = jax.lax.scan(
        lambda state, now: apply.step(params, now, state)[::-1], apply.state(params, B), x
    )
    same((ys, state), apply(params, x))


def test_gradients_of_a_batch(cell: Any) -> None:
    loss, plain, params = losses(cell)
    xs = drawn(N, T, B, I)

    def total(one: Any) -> Any:
        return jax.jit(jax.grad(lambda params: jax.vmap(lambda x: one(params, x))(xs).sum()))

    text = total(loss).lower(params).as_text()
    assert text.count("@celldsl.GRU.") == 2, "a batch is folded into one pass each way"
    same(total(loss)(params), total(plain)(params))


def test_gradients_of_a_part(cell: Any) -> None:
    """What nobody asks for is left out; the rest is the same to the bit."""
    loss, _, params = losses(cell)
    x = drawn(T, B, I)
    both = jax.jit(jax.grad(loss, (0, 1)))(params, x)
    for place, wanted in enumerate(both):
        found = jax.jit(jax.grad(loss, place))(params, x)
        pairs = zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True)
        assert all((one == other).all() for one, other in pairs)


def test_a_batch_of_gradients(cell: Any) -> None:
    loss, plain, params = losses(cell)
    xs = drawn(T, N, B, I)
    found, wanted = (
        jax.vmap(jax.value_and_grad(one, (0, 1)), (None, 1))(params, xs) for one in (loss, plain)
    )
    same(found, wanted)


def test_a_batch_of_parameters(cell: Any) -> None:
    loss, plain, params = losses(cell)
    many = jax.tree.map(lambda a: jnp.stack([a, 0.5 * a]), params)
    x = drawn(T, B, I)
    found, wanted = (jax.vmap(jax.grad(one), (0, None))(many, x) for one in (loss, plain))
    same(found, wanted)


def test_forward_mode_and_second_derivatives(cell: Any) -> None:
    loss, plain, params = losses(cell)
    x, along = drawn(T, B, I), jax.tree.map(jnp.ones_like, params)

    def derivatives(one: Any) -> Any:
        def slope(params: Any) -> Any:
            return jax.jvp(lambda p: one(p, x), (params,), (along,))[1]

        ahead = slope(params), jax.grad(slope)(params)
        bias = params["c.b"]
        back = jax.grad(lambda b: jax.grad(lambda b: one({**params, "c.b": b}, x))(b).sum())(bias)
        return ahead, back

    found, wanted = jax.jit(lambda: derivatives(loss))(), jax.jit(lambda: derivatives(plain))()
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        scale = 1 + np.abs(np.asarray(other)).max()
        assert np.abs(np.asarray(one - other)).max() < ENOUGH * scale


def test_a_choice_in_a_batch(cell: Any) -> None:
    """Both ways are gone and the results mixed: residuals too."""
    loss, plain, params = losses(cell)
    xs, which = drawn(N, T, B, I), jnp.array([True, False, True])

    def gradients(one: Any) -> Any:
        def chosen(first: Any, x: Any) -> Any:
            return jax.lax.cond(
                first, lambda x: one(params, x), lambda x: 2 * one(params, 2 * x), x
            )

        return jax.vmap(jax.grad(chosen, 1))(which, xs)

    same(gradients(loss), gradients(plain))


def test_scan_and_checkpoint(cell: Any) -> None:
    apply = celldsl.jax.function(cell, "kernels")
    params, xs = apply.params(), drawn(N, T, B, I)

    def loss(params: Any, xs: Any, again: bool) -> Any:
        run = jax.checkpoint(apply) if again else apply
        state, ys = jax.lax.scan(
            lambda state, x: run(params, x, state)[::-1], apply.state(params, B), xs
        )
        return (ys**2).sum() + state.h.sum()

    found, once_more = (
        jax.jit(jax.grad(loss, (0, 1)), static_argnums=2)(params, xs, again)
        for again in (False, True)
    )
    same(found, once_more)
    whole = xs.reshape(N * T, B, I)
    same(
        found[0],
        jax.grad(lambda p: (apply(p, whole)[0] ** 2).sum() + apply(p, whole)[1].h.sum())(params),
    )


def test_buffers_may_be_donated(cell: Any) -> None:
    loss, _, params = losses(cell)
    x = drawn(T, B, I)
    wanted = jax.tree.map(lambda p, g: p - 0.1 * g, params, jax.grad(loss)(params, x))
    step = jax.jit(
        lambda params, x: jax.tree.map(lambda p, g: p - 0.1 * g, params, jax.grad(loss)(params, x)),
        donate_argnums=0,
    )
    same(step(params, x), wanted)


def test_without_jit(cell: Any) -> None:
    loss, _, params = losses(cell)
    x = drawn(T, B, I)
    with jax.disable_jit():
        found = jax.grad(loss)(params, x)
    same(found, jax.grad(loss)(params, x))


def test_many_threads_at_once(cell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_count, "SMALL_WORK", 0)
    before = thread_count.get_threads()
    thread_count.set_threads(3)
    try:
        loss, _, params = losses(cell)
        step = jax.jit(jax.value_and_grad(loss, (0, 1)))
        batches = [drawn(40, 7, I) for _ in range(4)]
        alone = [jax.tree.map(np.asarray, step(params, x)) for x in batches]
        with ThreadPoolExecutor(6) as pool:
            found = list(pool.map(lambda i: step(params, batches[i % 4]), range(60)))
        for i, one in enumerate(found):
            for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(alone[i % 4]), strict=True):
                assert np.array_equal(a, b)
    finally:
        thread_count.set_threads(before)


def test_other_platforms_have_plain_code(cell: Any) -> None:
    loss, _, params = losses(cell)
    traced = jax.jit(jax.grad(loss)).trace(params, drawn(T, B, I))
    assert "@celldsl." in traced.lower(lowering_platforms=("cpu",)).as_text()
    assert "@celldsl." not in traced.lower(lowering_platforms=("tpu",)).as_text()
    jax.export.export(jax.jit(loss), platforms=["tpu"])(params, drawn(T, B, I))


@pytest.fixture(scope="module")
def dropping() -> Any:
    ZoneoutLSTM: Any = celldsl.load("zoneout_lstm")
    return ZoneoutLSTM(I=I, H=H, rate=0.3, weight_rate=0.2)


@pytest.mark.parametrize("reverse", [False, True])
def test_both_forms_draw_the_same_masks(dropping: Any, reverse: bool) -> None:
    loss, plain, params = losses(dropping)
    x, key = drawn(T, B, I), jax.random.key(3)
    found, wanted = (
        jax.jit(jax.value_and_grad(lambda p, one=one: one(p, x, key=key, reverse=reverse)))(params)
        for one in (loss, plain)
    )
    same(found, wanted)
    apply = celldsl.jax.function(dropping)
    y, _, _ = dropping.forward(np.asarray(x), seed=5, reverse=reverse)
    same(apply(params, x, seed=5, reverse=reverse)[0], y)
    resting = dropping(np.asarray(x), reverse=reverse)[0]
    same(apply(params, x, reverse=reverse)[0], resting)
    assert np.abs(resting - y).max() > 0.01


def test_a_batch_draws_as_its_examples_do(dropping: Any) -> None:
    apply = celldsl.jax.function(dropping)
    params, xs, keys = apply.params(), drawn(N, T, B, I), jax.random.split(jax.random.key(0), N)
    one_key = jax.vmap(lambda x: apply(params, x, key=keys[0]))(xs)[0]
    many_keys = jax.vmap(lambda x, key: apply(params, x, key=key))(xs, keys)[0]
    for i in range(N):
        same(one_key[i], apply(params, xs[i], key=keys[0])[0])
        same(many_keys[i], apply(params, xs[i], key=keys[i])[0])


def test_hyperparameters_of_the_moment(dropping: Any) -> None:
    apply, x = celldsl.jax.function(dropping), drawn(T, B, I)
    params, before = apply.params(), dropping.hypers["rate"]
    try:
        dropping.hypers["rate"] = 0.6
        same(apply(params, x)[0], dropping(np.asarray(x))[0])
    finally:
        dropping.hypers["rate"] = before
    same(apply(params, x)[0], dropping(np.asarray(x))[0])
    y, _ = jax.jit(lambda rate: apply(params, x, settings={"rate": rate}))(0.6)
    assert np.abs(y - apply(params, x)[0]).max() > 1e-3
    dropping.hypers["rate"] = 0.6
    same(y, apply(params, x)[0])
    dropping.hypers["rate"] = before
