"""Files for JAX do what JAX's users expect: transforms, precision, trees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from celldsl.ir.program import Program
from tests.cells import example
from tests.end_to_end.subject import FEATURES, subject_of
from tests.targets.compare import double_precision
from tests.targets.written import as_module, source, written

jax = pytest.importorskip("jax")
jnp = jax.numpy


@pytest.fixture
def gru() -> Any:
    return written(subject_of(example("gru")), "jax")


@pytest.fixture
def params(gru: Any) -> dict[str, Any]:
    found, constants = gru.initial_values(jax.random.key(0), 3, 5)
    assert constants == {}
    return dict(found)


def drawn(*shape: int) -> Any:
    return jnp.asarray(np.random.default_rng(0).normal(size=shape), "float32")


def test_parameters_begin_as_the_cell_says(gru: Any, params: dict[str, Any]) -> None:
    names = [p.name for p in subject_of(example("gru")).spec.params]
    assert list(params) == names
    W = params["c.W_1"]
    np.testing.assert_allclose(W @ W.T, np.eye(5), atol=1e-5)
    assert (params["r_u.b"] == 1.0).all() and params["r_u.b"].dtype == jnp.float32
    assert abs(params["r_u.W_x"]).max() < np.sqrt(6 / 13)
    again, _ = gru.initial_values(jax.random.key(0), 3, 5)
    assert all((params[name] == again[name]).all() for name in names)
    assert (params["c.W_x"] != gru.initial_values(jax.random.key(1), 3, 5)[0]["c.W_x"]).any()


def test_an_example_alone_a_batch_and_more_axes(gru: Any, params: dict[str, Any]) -> None:
    x = drawn(4, 2, 6, 3)
    y, state = jax.jit(gru.forward)(params, x)
    assert y.shape == (4, 2, 6, 5) and state.h.shape == (2, 6, 5) and y.dtype == jnp.float32
    alone, last = gru.forward(params, x[:, 1, 2])
    np.testing.assert_allclose(alone, y[:, 1, 2], atol=1e-6)
    np.testing.assert_allclose(last.h, state.h[1, 2], atol=1e-6)
    start = gru.initial_state(params, jnp.float32, (2, 6))
    first, after = gru.step(params, x[0], start)
    np.testing.assert_allclose(first, y[0], atol=1e-6)
    np.testing.assert_allclose(gru.step(params, x[1], after)[0], y[1], atol=1e-6)
    empty, start = gru.forward(params, x[:0])
    assert empty.shape == (0, 2, 6, 5) and start.h.shape == (2, 6, 5)


def test_transforms(gru: Any, params: dict[str, Any]) -> None:
    """Over examples and over parameters; Jacobians in both modes; gradients of gradients."""
    x = drawn(3, 2, 3)

    def loss(p: Any, x: Any) -> Any:
        return jnp.square(gru.forward(p, x)[0]).sum()

    @jax.jit
    def everything(key: Any) -> tuple[Any, ...]:
        drawn_params = jax.vmap(lambda key: gru.initial_values(key, 3, 5)[0])
        many = drawn_params(jax.random.split(key, 3))
        one = {name: value[1] for name, value in many.items()}
        return (
            jax.vmap(jax.grad(loss), (None, 1))(params, x),
            jax.grad(loss, (0, 1))(params, x),
            jax.vmap(gru.forward, (0, None))(many, x)[0][1] - gru.forward(one, x)[0],
            jax.jvp(lambda x: loss(params, x), (x,), (x,))[1],
            jax.grad(lambda x: jnp.square(jax.grad(loss, 1)(params, x)).sum())(x),
        )

    each, (wanted, along_x), apart, along, second = everything(jax.random.key(0))
    for name, value in wanted.items():
        np.testing.assert_allclose(each[name].sum(0), value, atol=1e-4)
    np.testing.assert_allclose(apart, 0.0, atol=1e-6)
    np.testing.assert_allclose(along, (along_x * x).sum(), rtol=1e-4)
    assert np.isfinite(second).all() and (second != 0).any()


def test_padding_reaches_no_gradient(gru: Any, params: dict[str, Any]) -> None:
    x, lengths = drawn(4, 2, 3), jnp.array([2, 4])

    @jax.jit
    def gradient(x: Any) -> Any:
        return jax.grad(lambda p: jnp.square(gru.forward(p, x, lengths=lengths)[0]).sum())(params)

    wanted, found = gradient(x), gradient(x.at[2:, 0].set(jnp.nan))
    assert all((wanted[name] == found[name]).all() for name in wanted)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_precision_stays(dtype: str) -> None:
    """Though numbers of Python are float64 here."""
    for path in (example("ln_gru"), FEATURES / "spiking.cell", FEATURES / "elementwise.cell"):
        subject = subject_of(path)
        module = written(subject, "jax")
        with double_precision():
            sizes = [3] * len(subject.spec.dims)
            params, _ = module.initial_values(jax.random.key(0), *sizes, dtype=dtype)
            shape = subject.shape(
                subject.spec.inputs[0].shape, {d.name: 3 for d in subject.spec.dims}
            )
            found = module.forward(params, jnp.ones((2, 1, *shape), dtype))
            assert {str(leaf.dtype) for leaf in jax.tree.leaves(found)} == {dtype}


def test_a_state_of_another_shape_than_the_inputs_tell(tmp_path: Any) -> None:
    """A size that no array has is a setting."""
    path = tmp_path / "told.cell"
    path.write_text(
        "cell Told[I, K]:\n    input x: [I]\n    state s: [K]\n"
        "    s' = 0.5 * s + sum(x) / sqrt(K)\n    output s'\n",
        encoding="utf-8",
    )
    module = written(subject_of(path), "jax")
    with pytest.raises(KeyError, match="K"):
        module.forward({}, drawn(2, 1, 3))
    y, _ = module.forward({}, drawn(2, 1, 3), settings={"K": 4})
    assert y.shape == (2, 1, 4)


def test_the_text_is_the_same_every_time() -> None:
    subject = subject_of(example("ln_lstm"))
    program: Program = subject.program
    assert source(program, subject.spec, "jax") == source(program, subject.spec, "jax")
    assert "celldsl" not in as_module(source(program, subject.spec, "jax")).__dict__


def test_what_does_not_fit_is_named(gru: Any, params: dict[str, Any]) -> None:
    x = drawn(4, 2, 3)
    with pytest.raises(ValueError, match=r"x \[I\]: expected shape \(4, 2, 3\), got \(4, 2, 7\)"):
        gru.forward(params, drawn(4, 2, 7))
    with pytest.raises(TypeError, match=r"x \[I\]: expected real numbers, got int32"):
        gru.forward(params, jnp.ones((4, 2, 3), jnp.int32))
    start = gru.initial_state(params, jnp.float32, (1,))
    with pytest.raises(ValueError, match=r"state.h \[H\]: expected shape \(2, 5\), got \(1, 5\)"):
        gru.forward(params, x, start)
    with pytest.raises(ValueError, match=r"lengths: expected shape \(2,\), got \(3,\)"):
        gru.forward(params, x, lengths=jnp.array([1, 2, 3]))
