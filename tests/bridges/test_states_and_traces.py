"""`states="all"` and `trace` of layers: those of the cell itself, in PyTorch and in JAX."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import celldsl

T, B = 5, 3
LENGTHS = np.array([5, 0, 3])
RESETS = np.zeros((T, B), bool)
RESETS[2, 0] = RESETS[0, 2] = True


@pytest.fixture(scope="module")
def cell() -> Any:
    return celldsl.load("lstm")(I=3, H=4, dtype="float64", seed=2)


def drawn(dtype: str = "float64") -> Any:
    return np.random.default_rng(0).normal(size=(T, B, 3)).astype(dtype)


def layer(cell: Any, **more: Any) -> Any:
    """A layer of PyTorch with the parameters of a cell."""
    torch = pytest.importorskip("torch")
    import celldsl.torch

    made = celldsl.torch.RNN(type(cell), I=3, H=4, dtype=torch.float64, **more)
    with torch.no_grad():
        for name, value in made.named_parameters():
            if name.startswith("layers.0."):
                value.copy_(torch.tensor(cell.params[name.partition("layers.0.")[2]]))
    return made


@pytest.mark.parametrize("case", [{}, {"lengths": LENGTHS, "resets": RESETS}])
@pytest.mark.parametrize("form", ["kernels", "plain"])
def test_torch_gives_what_the_cell_gives(cell: Any, case: Any, form: str) -> None:
    made, x = layer(cell, form=form), drawn()
    import torch

    given = {name: torch.tensor(value) for name, value in case.items()}
    y, states = made(torch.tensor(x), states="all", **given)
    expected, wanted, tape = cell.forward(x, states="all", **case)
    np.testing.assert_allclose(y.detach(), expected, 1e-12, 1e-12)
    for state, array in zip(states, wanted, strict=True):
        np.testing.assert_allclose(state[0].detach(), array, 1e-12, 1e-12)
    (y.sum() + (states.c**2).sum()).backward()
    grads = cell.backward(tape, np.ones_like(expected), {"c": 2 * wanted.c})
    for name, value in made.named_parameters():
        own = grads.params[name.removeprefix("layers.0.")]
        np.testing.assert_allclose(value.grad, own, 1e-9, 1e-10)
    seen = made.trace(torch.tensor(x), names=["i", "c"], **given)
    values = cell.trace(x, names=["i", "c"], **case)
    assert list(seen) == ["layers.0.i", "layers.0.c"]
    for name, array in values.items():
        np.testing.assert_allclose(seen[f"layers.0.{name}"], array, 1e-12, 1e-12)


def test_stacks_directions_and_layouts_of_torch(cell: Any) -> None:
    made = layer(cell, num_layers=2, bidirectional=True, batch_first=True, dropout=0.5)
    import torch

    x = torch.tensor(drawn()).transpose(0, 1)
    made.eval()
    _, last = made(x)
    _, states = made(x, states="all")
    assert states.h.shape == (4, B, T, 4)
    assert torch.equal(states.h[:, :, -1][::2], last.h[::2])
    assert torch.equal(states.h[:, :, 0][1::2], last.h[1::2])
    made.train()
    seen = made.trace(x)
    assert made.training
    assert {name.rpartition(".")[0] for name in seen} == {
        "layers.0", "layers.0_reverse", "layers.1", "layers.1_reverse",
    }  # fmt: skip
    assert torch.equal(seen["layers.1.c'"], states.c[2])
    alone = made.trace(x[0], ["i"])
    assert torch.allclose(alone["layers.0.i"], seen["layers.0.i"][0])
    half = layer(cell).half()
    assert half.trace(x[0].half(), ["i"])["layers.0.i"].dtype is torch.float16


def test_torch_compiles_without_a_break_and_names_what_is_wrong(cell: Any) -> None:
    made, x = layer(cell), drawn()
    import torch

    run = torch.compile(lambda x: made(x, states="all")[1].c, fullgraph=True, backend="eager")
    assert torch.equal(run(torch.tensor(x)), made(torch.tensor(x), states="all")[1].c)
    with pytest.raises(celldsl.ArgumentError, match="no q; there are i, f, o, g"):
        made.trace(torch.tensor(x), names=["q"])
    with pytest.raises(celldsl.ArgumentError, match='states: expected "last" or "all", got bool'):
        made(torch.tensor(x), states=True)


@pytest.mark.parametrize("form", ["kernels", "plain"])
def test_jax_gives_what_the_cell_gives(form: Any) -> None:
    jax = pytest.importorskip("jax")
    import celldsl.jax

    cell = celldsl.load("lstm")(I=3, H=4, seed=2)
    apply, x = celldsl.jax.function(cell, form), jax.numpy.asarray(drawn("float32"))
    params = apply.params()
    expected, wanted, tape = cell.forward(drawn("float32"), states="all")

    def loss(params: Any) -> Any:
        y, states = apply(params, x, states="all")
        return y.sum() + (states.c**2).sum(), (y, states)

    found, (y, states) = jax.jit(jax.grad(loss, has_aux=True))(params)
    np.testing.assert_allclose(y, expected, 1e-5, 1e-6)
    for state, array in zip(states, wanted, strict=True):
        np.testing.assert_allclose(state, array, 1e-5, 1e-6)
    grads = cell.backward(tape, np.ones_like(expected), {"c": 2 * wanted.c})
    for name, value in found.items():
        np.testing.assert_allclose(value, grads.params[name], 1e-4, 1e-5)


def test_jax_over_lengths_and_traces() -> None:
    jax = pytest.importorskip("jax")
    import celldsl.jax

    cell = celldsl.load("lstm")(I=3, H=4, seed=2)
    apply, x = celldsl.jax.function(cell), drawn("float32")
    params, case = apply.params(), {"lengths": LENGTHS, "resets": RESETS}
    given = {name: jax.numpy.asarray(value) for name, value in case.items()}
    _, states = apply(params, jax.numpy.asarray(x), states="all", **given)
    np.testing.assert_allclose(states.c, cell(x, states="all", **case)[1].c, 1e-5, 1e-6)
    seen = apply.trace(params, jax.numpy.asarray(x), names=["i", "c"], **given)
    for name, array in cell.trace(x, ["i", "c"], **case).items():
        np.testing.assert_allclose(seen[name], array, 1e-5, 1e-6)
    wide = jax.numpy.asarray(x[:, :2]).reshape(T, 2, 1, 3)
    assert apply.trace(params, wide, names=["i"])["i"].shape == (T, 2, 1, 4)
    with pytest.raises(celldsl.ArgumentError, match="call it outside jit"):
        jax.jit(lambda x: apply.trace(params, x))(jax.numpy.asarray(x))
    with pytest.raises(celldsl.ArgumentError, match="no q; there are i, f, o, g"):
        apply.trace(params, jax.numpy.asarray(x), names=["q"])
