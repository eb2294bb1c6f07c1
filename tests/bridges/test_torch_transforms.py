"""Layers under what PyTorch does with functions: `torch.func`, compilation, export, precision."""

from __future__ import annotations

import copy
import importlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import celldsl

torch = pytest.importorskip("torch")
func = torch.func
F64: dict[str, Any] = {"dtype": torch.float64}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """PyTorch's compiler warns of its own insides."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    torch._dynamo.reset()


@pytest.fixture(scope="module")
def gru() -> Any:
    torch.manual_seed(0)
    return celldsl.torch.RNN(celldsl.load("gru"), I=3, H=5, **F64)


@pytest.fixture
def x() -> Any:
    torch.manual_seed(1)
    return torch.randn(7, 2, 3, **F64)


def loss(layer: Any, params: Any, x: Any) -> Any:
    return func.functional_call(layer, params, (x,))[0].square().sum()


def test_functional_calls_and_their_gradients(gru: Any, x: Any) -> None:
    params = {n: 2 * p.detach() for n, p in gru.named_parameters()}
    other = copy.deepcopy(gru)
    other.load_state_dict(params)
    found = func.grad(lambda p: loss(gru, p, x))(params)
    other(x)[0].square().sum().backward()
    for name, p in other.named_parameters():
        torch.testing.assert_close(found[name], p.grad)


def test_vmap_over_inputs_parameters_and_examples(gru: Any, x: Any) -> None:
    many = torch.randn(3, 7, 2, 3, **F64)
    for one, own in zip(func.vmap(lambda a: gru(a)[0])(many), many, strict=True):
        torch.testing.assert_close(one, gru(own)[0])
    others = [copy.deepcopy(gru) for _ in range(3)]
    for other in others:
        other.reset_parameters()
    stacked = func.stack_module_state(others)
    found = func.vmap(lambda p, b: func.functional_call(gru, (p, b), (x,))[0])(*stacked)
    for one, other in zip(found, others, strict=True):
        torch.testing.assert_close(one, other(x)[0])
    params = dict(gru.named_parameters())
    each = func.vmap(func.grad(lambda p, e: loss(gru, p, e[:, None])), (None, 1))(params, x)
    whole = func.grad(lambda p: loss(gru, p, x))(params)
    for name, value in each.items():
        torch.testing.assert_close(value.sum(0), whole[name])


def test_derivatives_that_kernels_have_not(gru: Any, x: Any) -> None:
    plain = copy.deepcopy(gru)
    plain.form_wanted = "plain"

    def total(layer: Any, x: Any) -> Any:
        return layer(x)[0].sin().sum()

    for derive in (
        lambda layer: func.jvp(lambda a: total(layer, a), (x,), (x,))[1],
        lambda layer: func.hessian(lambda a: total(layer, a))(x[:2]),
        lambda layer: func.grad(lambda a: func.grad(lambda b: total(layer, b))(a).square().sum())(
            x
        ),
    ):
        torch.testing.assert_close(derive(gru), derive(plain))


def test_operators_pass_the_checks_of_pytorch(gru: Any, x: Any) -> None:
    from celldsl.torch.ops import forward_op

    layer = gru.layers["0"]
    start = torch.randn(2, 5, **F64, requires_grad=True)
    tensors = [x.clone().requires_grad_(), start, *layer._tensors()]
    text = layer._recipe.text
    for lengths, reverse in ((None, False), (torch.tensor([7, 3]), True)):
        torch.library.opcheck(forward_op, (tensors, lengths, None, None, text, reverse, True))


@pytest.mark.parametrize("ragged", [False, True])
def test_the_backward_operator_passes_them_too(gru: Any, x: Any, ragged: bool) -> None:
    from celldsl.torch.ops import backward_op, forward_op

    layer = gru.layers["0"]
    tensors = [x.clone(), torch.randn(2, 5, **F64), *(t.detach() for t in layer._tensors())]
    text = layer._recipe.text
    lengths = torch.tensor([7, 3]) if ragged else None
    resets = torch.rand(7, 2) < 0.3 if ragged else None
    *found, tape = forward_op(tensors, lengths, resets, None, text, False, True)
    given = [each.clone().requires_grad_() for each in tensors]
    cotangents = [torch.randn_like(each).requires_grad_() for each in found]
    options = lengths, resets, None, text, False
    wanted = True, ragged
    torch.library.opcheck(backward_op, (given, tape, cotangents, *options, *wanted))


@pytest.mark.parametrize("frozen", ["inputs", "parameters"])
def test_compiled_gradients_of_a_part(gru: Any, x: Any, frozen: str) -> None:
    """What nobody asks for is left out, in graphs too; the rest is the same to the bit."""
    layer = copy.deepcopy(gru)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")

    def gradients(run: Any) -> list[Any]:
        given = x.clone().requires_grad_(frozen != "inputs")
        layer.requires_grad_(frozen != "parameters")
        leaves = [each for each in (given, *layer.parameters()) if each.requires_grad]
        return list(torch.autograd.grad(run(given)[0].square().sum(), leaves))

    for one, other in zip(gradients(compiled), gradients(layer), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("dynamic", [True, None])
def test_lengths_resets_and_states_need_no_more_graphs(gru: Any, dynamic: bool | None) -> None:
    testing = importlib.import_module("torch._dynamo.testing")
    counter = testing.CompileCounterWithBackend("eager")
    compiled = torch.compile(gru, fullgraph=True, backend=counter, dynamic=dynamic)
    for steps, batch in ((7, 2), (4, 6), (6, 4)):
        x = torch.randn(steps, batch, 3, **F64)
        options = {
            "lengths": torch.randint(steps + 1, (batch,)),
            "resets": torch.rand(steps, batch) < 0.3,
            "state": gru(x)[1],
        }
        torch.testing.assert_close(compiled(x, **options)[0], gru(x, **options)[0])
    assert counter.frame_count <= (1 if dynamic else 2)


def test_a_compiled_layer_reads_no_memory_past_the_end(gru: Any, x: Any) -> None:
    compiled = torch.compile(gru, fullgraph=True, backend="eager")
    with pytest.raises(celldsl.ArgumentError, match="expected 0 to T=7, got 99 for sequence 1"):
        compiled(x, lengths=torch.tensor([2, 99]))


def test_plain_code_compiles_without_a_break(gru: Any, x: Any) -> None:
    plain = copy.deepcopy(gru)
    plain.form_wanted = "plain"
    compiled = torch.compile(plain, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x)[0], gru(x)[0])


@pytest.mark.parametrize("dynamic", [True, None])
def test_compilation_without_a_break(gru: Any, dynamic: bool | None) -> None:
    """Of all steps and batches there are one or two graphs."""
    testing = importlib.import_module("torch._dynamo.testing")
    counter = testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(gru, fullgraph=True, backend=counter, dynamic=dynamic)
    for steps, batch in ((7, 2), (5, 3), (4, 6), (2, 2)):
        x = torch.randn(steps, batch, 3, **F64)
        found = []
        for layer in (compiled, gru):
            gru.zero_grad()
            y, state = layer(x)
            (y.square().sum() + state.h.sum()).backward()
            found.append([y, state.h, *(p.grad.clone() for p in gru.parameters())])
        for a, b in zip(*found, strict=True):
            torch.testing.assert_close(a, b)
    assert counter.frame_count <= (1 if dynamic else 2)


def test_export_and_its_file(gru: Any, x: Any, tmp_path: Path) -> None:
    sizes = ({0: torch.export.Dim("T"), 1: torch.export.Dim("B")},)
    exported = torch.export.export(gru, (x,), dynamic_shapes=sizes)
    torch.export.save(exported, tmp_path / "gru.pt2")
    opened = torch.export.load(tmp_path / "gru.pt2").module()
    other = torch.randn(4, 3, 3, **F64)
    torch.testing.assert_close(opened(other), gru(other))


def test_low_precision_is_plain_code(gru: Any, x: Any) -> None:
    layer, real = copy.deepcopy(gru).float(), x.float()
    wanted = layer(real)[0]
    with torch.autocast("cpu", torch.bfloat16):
        assert layer.form(real) == "plain: autocast is on"
        torch.testing.assert_close(layer(real)[0].float(), wanted, rtol=0.1, atol=0.1)
    layer.bfloat16()
    assert layer.form(real.bfloat16()) == "plain: a tensor is of torch.bfloat16"
    assert layer(real.bfloat16())[0].dtype == torch.bfloat16


def test_tensors_without_numbers(gru: Any, x: Any) -> None:
    meta = copy.deepcopy(gru).to("meta")
    assert meta(x.to("meta"))[0].shape == (7, 2, 5)
    with torch._subclasses.FakeTensorMode():
        layer = celldsl.torch.RNN(celldsl.load("gru"), I=3, H=5)
        assert layer(torch.randn(7, 2, 3))[1].h.shape == (1, 2, 5)
