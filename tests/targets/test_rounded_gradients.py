"""Files for PyTorch and JAX round cotangents of products too, as kernels do, in every transform."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from celldsl import load
from celldsl.pipeline import generate
from tests.cells import example
from tests.targets.written import as_module

NAMES = ("gru", "conv_lstm")
Passes = tuple[Any, Any, dict[str, Any]]


def drawn(cell: Any, seed: int) -> Any:
    (only,) = cell.description.inputs
    shape = 4, 2, *only.shape(**cell.dims)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.fixture(params=NAMES, scope="module")
def kernels(request: pytest.FixtureRequest) -> tuple[str, Any, Passes]:
    """A cell, and what its kernels make of a sequence and the squares of its outputs."""
    cls: Any = load(example(request.param))
    dims = {dim.name: 5 for dim in cls.description.dims if dim.default is None}
    cell = cls(**dims, products="bfloat16", seed=1)
    x = drawn(cell, 0)
    y, _, tape = cell.forward(x)
    grads = cell.backward(tape, 2.0 * y)
    return request.param, cell, (y, grads.inputs["x"], {n: grads.params[n] for n in cell.params})


def module(name: str, target: str) -> Any:
    text = example(name).read_text(encoding="utf-8")
    structure = {"products": "bfloat16"}
    return as_module(generate(text, f"{name}.cell", structure=structure, target=target))


def agree(found: Any, wanted: Passes) -> None:
    y, dx, gradients = wanted
    np.testing.assert_allclose(found[0], y, atol=1e-6)
    np.testing.assert_allclose(found[1], dx, atol=1e-5 * np.abs(dx).max())
    for name, value in gradients.items():
        np.testing.assert_allclose(found[2][name], value, atol=1e-5 * np.abs(value).max())


def test_gradients_of_pytorch_are_those_of_kernels(kernels: tuple[str, Any, Passes]) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("celldsl.torch")
    _, cell, wanted = kernels
    import celldsl.torch

    layer = celldsl.torch.RNN(type(cell), **cell.dims, form="plain")
    known = {n: torch.tensor(np.array(a)) for n, a in cell.params.items()}
    for n, parameter in layer.named_parameters():
        parameter.data.copy_(known[n.removeprefix("layers.0.")])
    x = torch.tensor(drawn(cell, 0), requires_grad=True)
    y, _ = layer(x)
    y.square().sum().backward()
    grads = {n.removeprefix("layers.0."): p.grad for n, p in layer.named_parameters()}
    agree((y.detach(), x.grad, grads), wanted)


def test_gradients_of_jax_are_those_of_kernels(kernels: tuple[str, Any, Passes]) -> None:
    jax = pytest.importorskip("jax")
    name, cell, wanted = kernels
    forward, params = module(name, "jax").forward, {n: np.array(a) for n, a in cell.params.items()}

    def loss(params: Any, x: Any) -> Any:
        y = forward(params, x)[0]
        return (y * y).sum(), y

    (gradients, dx), y = jax.jit(jax.grad(loss, (0, 1), has_aux=True))(params, drawn(cell, 0))
    agree((y, dx, gradients), wanted)


@pytest.mark.filterwarnings("ignore:`torch.jit.script")
def test_other_transforms_go_through(kernels: tuple[str, Any, Passes]) -> None:
    """Gradients of each sequence, directional derivatives, and gradients of gradients."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("celldsl.torch")
    import celldsl.torch

    _, cell, _ = kernels
    layer = celldsl.torch.RNN(type(cell), **cell.dims, form="plain")
    params = {n: p.detach() for n, p in layer.named_parameters()}
    x = torch.tensor(drawn(cell, 0))

    def loss(params: Any, x: Any) -> Any:
        return torch.func.functional_call(layer, params, (x,))[0].square().sum()

    each = torch.func.vmap(torch.func.grad(loss), (None, 1))(params, x.unsqueeze(2))
    whole, along = torch.func.grad(loss, (0, 1))(params, x)
    for name, value in whole.items():
        scale = value.abs().max()
        torch.testing.assert_close(each[name].sum(0), value, atol=float(2e-2 * scale), rtol=0)
    tangent = torch.func.jvp(lambda x: loss(params, x), (x,), (x,))[1]
    torch.testing.assert_close(tangent, (along * x).sum(), rtol=5e-2, atol=1e-3)
    second = torch.func.grad(lambda x: torch.func.grad(loss, 1)(params, x).square().sum())(x)
    assert torch.isfinite(second).all() and (second != 0).any()
