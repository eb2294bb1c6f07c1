"""Compiled passes over inputs of integers, of truth values, and that last a sequence, in JAX."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError
from tests.conditioned import SOURCE

jax = pytest.importorskip("jax")
bridge = pytest.importorskip("celldsl.jax")

T, B = 4, 3
Arrays = dict[str, Any]


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("cells") / "conditioned.cell"
    path.write_text(SOURCE, encoding="utf-8")
    return celldsl.load(path)(I=4, K=3, C=2, H=5)


@pytest.fixture(scope="module")
def given() -> Arrays:
    random = np.random.default_rng(0)
    return {
        "x": random.normal(size=(T, B, 4)).astype("float32"),
        "on": random.random((T, B)) < 0.7,
        "kind": np.array([2, 0, 1], np.int32),
        "ctx": random.normal(size=(B, 2)).astype("float32"),
    }


@pytest.mark.parametrize("library", ["numpy", "jax.numpy"])
def test_both_forms_agree_and_context_has_a_gradient(
    cell: Any, given: Arrays, library: str
) -> None:
    """Inputs that are constants of what `jit` compiles are looked at as they are."""
    given = {name: pytest.importorskip(library).asarray(array) for name, array in given.items()}
    found = []
    for form in ("kernels", "plain"):
        apply = bridge.function(cell, form)

        def total(params: Any, ctx: Any, apply: Any = apply) -> Any:
            y, state = apply(params, **{**given, "ctx": ctx})
            return (y**2).sum() + state.h.sum()

        found.append(jax.jit(jax.grad(total, (0, 1)))(apply.params(), given["ctx"]))
    for mine, theirs in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-4)
    assert np.abs(found[0][1]).sum() > 0


def test_batches_are_folded(cell: Any, given: Arrays) -> None:
    apply = bridge.function(cell, "kernels")
    params = apply.params()
    kinds = np.stack([given["kind"], (given["kind"] + 1) % 3])
    ctxs = np.stack([given["ctx"], -given["ctx"]])
    whole = jax.vmap(lambda k, c: apply(params, **{**given, "kind": k, "ctx": c})[0])(kinds, ctxs)
    for number in range(2):
        own = {**given, "kind": kinds[number], "ctx": ctxs[number]}
        np.testing.assert_allclose(whole[number], apply(params, **own)[0], atol=1e-6)


def test_an_integer_out_of_range_reads_no_other_memory(cell: Any, given: Arrays) -> None:
    """It is an error where it is known, and NaN in its sequence where it is not."""
    wrong = np.array([2, 1 << 30, -7], np.int32)
    for form in ("kernels", "plain"):
        apply = bridge.function(cell, form)
        params = apply.params()
        with pytest.raises(ArgumentError, match="kind: expected integers from 0 to 2"):
            apply(params, **{**given, "kind": wrong})
        run = jax.jit(lambda k, apply=apply, params=params: apply(params, **{**given, "kind": k}))
        y, state = run(wrong)
        on = given["on"].any(0)
        assert np.isnan(state.h[1:][on[1:]]).all()
        np.testing.assert_allclose(y[:, 0], run(given["kind"])[0][:, 0], atol=1e-6)


def test_a_step_takes_them_too(cell: Any, given: Arrays) -> None:
    apply = bridge.function(cell, "kernels")
    params = apply.params()
    wanted, _ = apply(params, **given)
    state = apply.state(params, B)
    for t in range(T):
        own = {**given, "x": given["x"][t], "on": given["on"][t]}
        y, state = apply.step(params, **own, state=state)
        np.testing.assert_allclose(y, wanted[t], atol=1e-6)


def test_one_hot_rows_are_told_as_such(cell: Any, given: Arrays) -> None:
    apply = bridge.function(cell)
    rows = np.eye(3, dtype=np.float32)[given["kind"]]
    with pytest.raises(ArgumentTypeError, match=r"one-hot; pass kind.argmax\(-1\)"):
        apply(apply.params(), **{**given, "kind": rows})


@pytest.mark.parametrize("name", ["resets", "states", "names", "key", "settings"])
def test_an_input_that_a_keyword_hides_goes_in_by_a_mapping(name: str) -> None:
    text = f"""cell A[I, H]:
    input x, {name}: [I]
    state h: [H]
    h' = tanh(linear([x, {name}, h], H))
    output h'
"""
    apply = bridge.function(celldsl.compile_source(text)(I=2, H=3))
    params, x = apply.params(), np.ones((T, B, 2), np.float32)
    z = 2 * x
    wanted, last = apply(params, x, z)
    found, _ = apply(params, {"x": x, name: z})
    np.testing.assert_array_equal(found, wanted)
    found, _ = apply(params, {"x": x, name: z}, last)
    np.testing.assert_array_equal(found, apply(params, x, z, last)[0])
    assert apply.trace(params, {"x": x, name: z})["h'"].shape == (T, B, 3)
    run = apply.trace if name == "names" else apply
    for inputs in ((), (x,)):
        named = {name: z} if inputs else {"x": x, name: z}
        with pytest.raises(ArgumentTypeError, match=f"{name}: no array .* in a mapping"):
            run(params, *inputs, **named)
