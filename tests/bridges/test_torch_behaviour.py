"""Layers as people handle them: weights that change, names, modes, copies, mistakes."""

from __future__ import annotations

import copy
import importlib
import multiprocessing
import pickle
from typing import Any

import numpy as np
import pytest

import celldsl

torch = pytest.importorskip("torch")
nn = torch.nn
NAMES = '''
cell half[I, H](rate = 0.3):
    """Names that `nn.Module` uses itself."""
    input x: [I]
    state h: [H]
    param training: [H] = normal(0.1)

    type = linear([x, h], H)
    train = linear(type, H)
    h' = tanh(type + train) * dropout(training + 1.0, rate)

    output h'
'''


@pytest.fixture(scope="module")
def GRU() -> Any:
    return celldsl.load("gru")


@pytest.fixture(scope="module")
def half() -> Any:
    return celldsl.compile_source(NAMES)


@pytest.fixture
def gru(GRU: Any) -> Any:
    torch.manual_seed(0)
    return celldsl.torch.RNN(GRU, I=3, H=5)


@pytest.fixture
def x() -> Any:
    return torch.randn(4, 2, 3)


def fresh(layer: Any, x: Any) -> Any:
    """Outputs of a layer that has packed no weights yet."""
    return pickle.loads(pickle.dumps(layer))(x)[0]


def test_weights_are_never_stale(gru: Any, x: Any) -> None:
    """Version counters see but the first two of these."""
    bias = gru.layers["0"].c.b
    view = bias.detach().numpy()

    def in_place() -> None:
        with torch.no_grad():
            bias.add_(1.0)

    def replaced() -> None:
        gru.layers["0"].c.W_x = nn.Parameter(torch.randn(3, 5))

    for change in (
        in_place, replaced, lambda: bias.data.mul_(2.0), lambda: view.__iadd__(np.float32(1)),
        lambda: gru.double().float() and bias.data.neg_(), lambda: gru.share_memory(),
        lambda: setattr(bias, "data", torch.ones(5)),
    ):  # fmt: skip
        with torch.inference_mode():
            gru(x)
            change_outside = change
        change_outside()
        torch.testing.assert_close(gru(x)[0], fresh(gru, x), rtol=0, atol=0)
    adam = torch.optim.Adam(gru.parameters(), lr=0.1)
    for _ in range(2):
        adam.zero_grad()
        y, _ = gru(x)
        y.sum().backward()
        adam.step()
        assert not torch.equal(gru(x)[0], y)
        assert torch.equal(gru(x)[0], fresh(gru, x))


def test_parametrisations_and_pruning(gru: Any, x: Any) -> None:
    before, _ = gru(x)
    group = gru.layers["0"].c
    nn.utils.parametrizations.weight_norm(group, "W_x")
    torch.testing.assert_close(gru(x)[0], before)
    with torch.no_grad():
        group.parametrizations.W_x.original0.mul_(2.0)
    y, _ = gru(x)
    assert not torch.equal(y, before)
    y.sum().backward()
    assert group.parametrizations.W_x.original1.grad is not None
    prune = importlib.import_module("torch.nn.utils.prune")
    prune.random_unstructured(gru.layers["0"].r_u, "W_h", amount=0.9)
    assert not torch.equal(gru(x)[0], y)


def test_writing_to_what_a_pass_needs_is_an_error_of_pytorch(gru: Any, x: Any) -> None:
    y, _ = gru(x)
    with torch.no_grad():
        gru.layers["0"].c.b.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_any_name_of_an_equation(half: Any, x: Any) -> None:
    layer = celldsl.torch.RNN(half, I=3, H=5, num_layers=2)
    names = [n.removeprefix("layers.0.") for n in layer.state_dict() if n.startswith("layers.0.")]
    assert names == ["training", "type.W_x", "type.W_h", "type.b", "train.W_type", "train.b"]
    assert layer.eval().training is False and layer.train().training is True
    y, _ = layer.half().float().eval()(x)
    assert torch.equal(torch.func.functional_call(layer, layer.state_dict(), (x,))[0], y)
    assert not torch.equal(layer.train()(x)[0], y)  # dropout draws
    other = celldsl.torch.RNN(half, I=3, H=5, num_layers=2).eval()
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x)[0], copy.deepcopy(layer).eval()(x)[0])


def test_parameters_are_drawn_from_the_generator(GRU: Any, gru: Any) -> None:
    def drawn() -> Any:
        torch.manual_seed(0)
        return celldsl.torch.RNN(GRU, I=3, H=5).state_dict()

    first, again = drawn(), drawn()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert first["layers.0.r_u.b"].unique().tolist() == [1.0]
    torch.manual_seed(0)
    gru.reset_parameters()
    assert all(torch.equal(first[name], p) for name, p in gru.state_dict().items())
    gru.reset_parameters()
    assert not torch.equal(first["layers.0.c.W_x"], gru.layers["0"].c.W_x)


def test_one_step(GRU: Any, x: Any) -> None:
    torch.manual_seed(0)
    step = celldsl.torch.Cell(GRU, I=3, H=5)
    layer = celldsl.torch.RNN(GRU, I=3, H=5)
    layer.layers["0"].load_state_dict(step.state_dict())
    y, last = layer(x)
    state = step.initial_state(2)
    for t in range(4):
        out, state = step(x[t], state)
        torch.testing.assert_close(out, y[t])
    torch.testing.assert_close(state.h, last.h[0])
    alone, _ = step(x[0, 1])
    torch.testing.assert_close(alone, y[0, 1])
    again, _ = step(x[0], state, resets=torch.tensor([True, True]))
    torch.testing.assert_close(again, y[0])


def test_lists_of_cells_residuals_and_dropout(GRU: Any, x: Any) -> None:
    LSTM = celldsl.load("lstm")
    layer = celldsl.torch.RNN([GRU, LSTM], I=3, H=5, residual=True)
    y, (first, second) = layer(x)
    inner, _ = celldsl.torch.RNN(GRU(I=3, H=5))(x)
    assert inner.shape == y.shape and first.h.shape == second.c.shape == (1, 2, 5)
    torch.testing.assert_close(layer(x, (first, second))[1][0].h.shape, first.h.shape)
    deep = celldsl.torch.RNN(GRU, I=3, H=5, num_layers=2, dropout=0.5, bidirectional=True)
    assert not torch.equal(deep(x)[0], deep(x)[0])
    assert torch.equal(deep.eval()(x)[0], deep(x)[0])


def test_strided_and_empty_inputs(gru: Any, x: Any) -> None:
    wide = torch.randn(3, 2, 4).permute(2, 1, 0)
    torch.testing.assert_close(gru(wide)[0], gru(wide.contiguous())[0])
    assert gru(x[:0])[0].shape == (0, 2, 5) and gru(x[:, :0])[1].h.shape == (1, 0, 5)
    y, _ = gru(x[:0])
    y.sum().backward()


# Other tests of this process may have loaded JAX, whose threads do not live on.
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_workers_of_a_loader(gru: Any, x: Any, how: str) -> None:
    if how not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {how}")
    gru(x)
    data = _Encoded(gru, x)
    loader = torch.utils.data.DataLoader(
        data, batch_size=None, num_workers=1, multiprocessing_context=how
    )
    (found,) = list(loader)
    torch.testing.assert_close(found, gru(x)[0].detach())


class _Encoded(torch.utils.data.Dataset):  # type: ignore[misc, type-arg]
    def __init__(self, layer: Any, x: Any) -> None:
        self.layer, self.x = layer, x

    def __len__(self) -> int:
        return 1

    def __getitem__(self, place: int) -> Any:
        with torch.no_grad():
            return self.layer(self.x)[0]


def test_mistakes_are_named(GRU: Any, gru: Any, x: Any) -> None:
    state = (torch.zeros(2, 2, 5),)
    refused: list[tuple[Any, str]] = [
        (lambda: gru(x[..., :2]), r"x: expected \(T, B, I=3\), got \(4, 2, 2\)"),
        (lambda: gru(x.double()), r"x: expected torch.float32, .* pass x.to\(torch.float32\)"),
        (lambda: gru(torch.ones(4, 2, 3, dtype=torch.int64)), "got torch.int64"),
        (lambda: gru(x.numpy()), r"got ndarray; pass torch.from_numpy\(x\)"),
        (lambda: gru(x, state), r"state.h: expected \(layers\*directions=1, B=2, H=5\), got"),
        (lambda: gru(x, hx=state), 'has no argument "hx"; did you mean "state"'),
        (lambda: gru(x, lengths=[4, 1]), r"lengths: .*got list; pass torch.as_tensor\(lengths\)"),
        (
            lambda: gru(x, lengths=torch.tensor([5, 1])),
            "lengths: expected 0 to T=4, got 5 for sequence 0",
        ),
        (lambda: gru(x, resets=torch.ones(4, 2)), "resets: expected truth values, got torch.float"),
        (lambda: gru(x, resets=torch.ones(2, 4) > 0), "pass resets.T"),
        (lambda: celldsl.torch.RNN(GRU, I=3, H=5, hidden_size=3), 'no argument "hidden_size"'),
        (lambda: celldsl.torch.RNN(GRU, I=3, H=5, dropout=2), "dropout: expected a number from 0"),
        (lambda: celldsl.torch.RNN("sru", I=3, H=5, bidirectional=1), "bidirectional: expected"),
        (lambda: celldsl.torch.RNN([], I=3), "cell: the list is empty"),
        (lambda: celldsl.torch.RNN(GRU, I=3), "needs the size H"),
    ]  # fmt: skip
    for call, message in refused:
        with pytest.raises((ValueError, TypeError), match=message):
            call()


# PyTorch's words about itself.
@pytest.mark.filterwarnings("ignore:.*nested tensors:UserWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_tensors_of_another_kind_are_named(GRU: Any, gru: Any, x: Any) -> None:
    step = celldsl.torch.Cell(GRU, I=3, H=5)
    nested = torch.nested.nested_tensor([torch.zeros(2, 3), torch.zeros(3, 3)])
    for run, own in ((gru, x), (step, x[0])):
        with pytest.raises(TypeError, match=r"got one of torch.sparse_coo; pass x.to_dense\(\)"):
            run(own.to_sparse())
        with pytest.raises(TypeError, match=r"got a nested one; pass torch.nested.to_padded"):
            run(nested)
        with pytest.raises(RuntimeError, match=r"use torch.export or torch.compile"):
            torch.jit.trace(run, (own,))


def test_kernels_alone_say_why_they_cannot(GRU: Any, x: Any) -> None:
    layer = celldsl.torch.RNN(GRU, I=3, H=5, form="kernels").bfloat16()
    with pytest.raises(RuntimeError, match="kernels cannot run here, since a tensor is of"):
        layer(x.bfloat16())


def test_second_derivatives_of_masks_say_how(half: Any, x: Any) -> None:
    layer = celldsl.torch.RNN(half, I=3, H=5)
    own = x.clone().requires_grad_()
    with pytest.raises(RuntimeError, match='build the layer with form="plain"'):
        torch.autograd.grad(layer(own)[0].sum(), own, create_graph=True)


@pytest.mark.parametrize("layers", [1, 2])
def test_hooks_of_inner_layers_run(GRU: Any, x: Any, layers: int) -> None:
    """They see a layer's inputs, outputs and states, may change them, and are for calls alone."""
    layer = celldsl.torch.RNN(GRU, I=3, H=5, num_layers=layers)
    before, last = layer(x)
    inner = layer.layers[f"{layers - 1}"]
    seen: list[Any] = []
    handles = [
        inner.register_forward_pre_hook(lambda _, given: seen.append(given)),
        inner.register_forward_hook(lambda *call: seen.append(call[2])),
        inner.register_full_backward_hook(lambda *call: seen.append(call[2])),
    ]
    layer.form(x)
    assert not seen
    layer(x.clone().requires_grad_())[0].sum().backward()
    (given,), (y, state), (slope, *_) = seen
    assert given.shape == (4, 2, 3 if layers == 1 else 5)
    assert torch.equal(y, before) and torch.equal(state.h, last.h[-1])
    assert torch.equal(slope, torch.ones_like(y))
    for handle in handles:
        handle.remove()
    with inner.register_forward_hook(lambda *call: (2.0 * call[2][0], call[2][1])):
        assert torch.equal(layer(x)[0], 2.0 * before)
    assert torch.equal(layer(x)[0], before)
