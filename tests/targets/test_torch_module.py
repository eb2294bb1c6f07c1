"""Files for PyTorch do what PyTorch's own modules do: names, transforms, compilation, precision."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cells import example
from tests.end_to_end.subject import FEATURES, subject_of
from tests.targets.written import source

torch = pytest.importorskip("torch")

CLASHES = '''
cell half[I, H](rate = 0.3):
    """Names that Python, PyTorch and the file use for themselves."""
    input params, x: [I]
    input key: []
    state torch, nn: [H]
    param settings, training: [H] = normal(0.1)
    const constants: [H]
    param scale: [I, H] = chrono(9) * uniform(0.5, 1)

    type = linear([params, torch], H)
    lead = tanh(type) * key
    live = dropout(lead + linear(x, H), rate) + x @ scale
    steps = live * settings + training * constants
    forward = group_linear(steps, H, 1)
    torch' = forward
    nn' = steps + nn * lead

    output torch', type, live
'''


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Any]:
    """Writes a file and imports it in the ordinary way."""
    made: list[str] = []

    def load_cell(path: Path) -> Any:
        subject = subject_of(path)
        name = f"written_{path.stem}"
        place = tmp_path / f"{name}.py"
        place.write_text(source(subject.program, subject.spec, "torch"), encoding="utf-8")
        spec = util.spec_from_file_location(name, place)
        assert spec is not None and spec.loader is not None
        module = util.module_from_spec(spec)
        sys.modules[name] = module
        made.append(name)
        spec.loader.exec_module(module)
        return module

    yield load_cell
    for name in made:
        del sys.modules[name]


@pytest.fixture
def gru(load: Any) -> Any:
    torch.manual_seed(0)
    return load(example("gru")).GRU(3, 5, dtype=torch.float64)


def clashing(load: Any, tmp_path: Path) -> Any:
    path = tmp_path / "clashes.cell"
    path.write_text(CLASHES, encoding="utf-8")
    return load(path)


def test_state_dicts_have_the_names_of_the_cell(load: Any, tmp_path: Path) -> None:
    module = clashing(load, tmp_path)
    names = [p.name for p in subject_of(tmp_path / "clashes.cell").spec.params]
    layer = module.half(3, 5, constants_1=torch.ones(5))
    state = layer.state_dict()
    assert sorted(state) == sorted([*names, "constants"])
    assert {"settings", "training", "type.W_torch", "forward.W_steps"} <= state.keys()
    other = torch.nn.ModuleList([module.half(3, 5, constants_1=torch.zeros(5))])
    other.load_state_dict({f"0.{name}": value for name, value in state.items()})
    for name, value in other.state_dict().items():
        assert torch.equal(value, state[name.removeprefix("0.")])
    assert layer.training is True and layer.eval().training is False
    assert layer.half().params()["type.b"].dtype == torch.float16


def test_a_cell_whose_names_clash_runs(load: Any, tmp_path: Path) -> None:
    module = clashing(load, tmp_path)
    layer = module.half(3, 5, constants_1=torch.ones(5)).train()
    x = torch.randn(4, 2, 3)
    y, state = layer(x, x, torch.ones(4, 2))
    sum(each.sum() for each in (*y, *state)).backward()
    assert all(p.grad is not None for p in layer.parameters())
    assert y.torch.shape == (4, 2, 5) and (y.live == 0.0).any() is not None
    again, _ = layer.eval()(x, x, torch.ones(4, 2))
    assert not torch.equal(y.live, again.live)


def test_copies_and_pickles(gru: Any) -> None:
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    y, _ = gru(x)
    for other in (copy.deepcopy(gru), pickle.loads(pickle.dumps(gru))):
        assert torch.equal(other(x)[0], y)
        assert repr(other) == repr(gru)


def test_parameters_begin_as_the_cell_says(gru: Any) -> None:
    W = gru.params()["c.W_1"].detach()
    torch.testing.assert_close(W @ W.T, torch.eye(5, dtype=torch.float64))
    assert gru.state_dict()["r_u.b"].unique().tolist() == [1.0]
    limit = np.sqrt(6 / (3 + 10))
    assert gru.params()["r_u.W_x"].abs().max() < limit
    before = {n: p.clone() for n, p in gru.state_dict().items()}
    torch.manual_seed(0)
    gru.reset_parameters()
    assert all(torch.equal(before[n], p) for n, p in gru.state_dict().items())
    gru.reset_parameters()
    assert not torch.equal(before["c.W_x"], gru.state_dict()["c.W_x"])


def test_an_example_alone_a_batch_and_more_axes(gru: Any) -> None:
    x = torch.randn(4, 2, 6, 3, dtype=torch.float64)
    y, state = gru(x)
    assert y.shape == (4, 2, 6, 5) and state.h.shape == (2, 6, 5)
    alone, last = gru(x[:, 1, 2])
    torch.testing.assert_close(alone, y[:, 1, 2])
    torch.testing.assert_close(last.h, state.h[1, 2])
    first, after = gru.step(x[0], gru.initial_state((2, 6)))
    torch.testing.assert_close(first, y[0])
    torch.testing.assert_close(gru.step(x[1], after)[0], y[1])
    empty, start = gru(x[:0])
    assert empty.shape == (0, 2, 6, 5) and start.h.shape == (2, 6, 5)


def test_padding_reaches_no_gradient(gru: Any) -> None:
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    lengths = torch.tensor([2, 4])
    y, _ = gru(x, lengths=lengths)
    y.square().sum().backward()
    wanted = {n: p.grad.clone() for n, p in gru.named_parameters()}
    gru.zero_grad()
    x[2:, 0] = float("nan")
    again, _ = gru(x, lengths=lengths)
    again.square().sum().backward()
    assert torch.equal(again, y) and (y[2:, 0] == 0).all()
    assert all(torch.equal(p.grad, wanted[n]) for n, p in gru.named_parameters())


def test_transforms(gru: Any) -> None:
    """Over parameters, over examples, and gradients of gradients."""
    from torch.func import functional_call, grad, stack_module_state, vmap

    x = torch.randn(3, 2, 3, dtype=torch.float64)
    others = [copy.deepcopy(gru) for _ in range(3)]
    for other in others:
        other.reset_parameters()
    params, buffers = stack_module_state(others)
    many = vmap(lambda p, b: functional_call(gru, (p, b), (x,))[0])(params, buffers)
    for one, other in zip(many, others, strict=True):
        torch.testing.assert_close(one, other(x)[0])
    own = dict(gru.named_parameters())

    def loss(p: Any, example: Any) -> Any:
        return functional_call(gru, p, (example,))[0].square().sum()

    each = vmap(grad(loss), (None, 1))(own, x)
    wanted = grad(loss)(own, x)
    for name, value in each.items():
        torch.testing.assert_close(value.sum(0), wanted[name])


@pytest.mark.parametrize("path", [
    example("gru"), example("ln_gru"), FEATURES / "spiking.cell",
    FEATURES / "reductions.cell",
], ids=lambda path: path.stem)  # fmt: skip
def test_gradients_of_gradients(load: Any, path: Path) -> None:
    module, subject = load(path), subject_of(path)
    torch.manual_seed(0)
    layer = getattr(module, subject.spec.name)(2, 3, dtype=torch.float64)
    shape = {"I": 2, "H": 3, "K": 3} if path.stem != "reductions" else {"H": 2, "K": 3}
    x = torch.randn(2, 2, *subject.shape(subject.spec.inputs[0].shape, shape),
                    dtype=torch.float64, requires_grad=True)  # fmt: skip

    def outputs(x: Any) -> Any:
        y, _ = layer(x)
        return y if isinstance(y, torch.Tensor) else tuple(y)

    if path.stem == "spiking":
        # Its gradient is not that of its value; it has one all the same.
        (first,) = torch.autograd.grad(outputs(x).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), x)
        assert second.abs().sum() > 0
    else:
        assert torch.autograd.gradcheck(outputs, (x,))
        assert torch.autograd.gradgradcheck(outputs, (x,))


def test_compilation_in_one_piece(gru: Any) -> None:
    compiled = torch.compile(gru, fullgraph=True, backend="aot_eager")
    x = torch.randn(3, 2, 3, dtype=torch.float64)
    y, _ = compiled(x)
    torch.testing.assert_close(y, gru(x)[0])
    y.sum().backward()
    exported = torch.export.export(gru, (x,))
    torch.testing.assert_close(exported.module()(x)[0], y)


def test_low_precision(gru: Any) -> None:
    x = torch.randn(3, 2, 3)
    layer = copy.deepcopy(gru).float()
    with torch.autocast("cpu", torch.bfloat16):
        y, _ = layer(x)
    torch.testing.assert_close(y.float(), layer(x)[0], rtol=0.1, atol=0.1)
    assert layer.bfloat16()(x.bfloat16())[0].dtype == torch.bfloat16


def test_every_attribute_of_a_module_is_known() -> None:
    """Names of a newer PyTorch must not be hidden by parameters."""
    from celldsl.targets.torch.layer import TAKEN

    names = {*dir(torch.nn.Module()), *vars(torch.nn.Module())}
    assert {name for name in names if not name.startswith("_")} <= TAKEN


def test_what_does_not_fit_is_named(gru: Any) -> None:
    x = torch.randn(4, 2, 3, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"x \[I\]: expected shape \(4, 2, 3\), got \(4, 2, 7\)"):
        gru(torch.randn(4, 2, 7))
    with pytest.raises(TypeError, match=r"x \[I\]: expected real numbers, got torch.int64"):
        gru(torch.ones(4, 2, 3, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"state.h \[H\]: expected shape \(2, 5\), got \(1, 5\)"):
        gru(x, gru.initial_state(1))
    with pytest.raises(ValueError, match=r"lengths: expected shape \(2,\), got \(3,\)"):
        gru(x, lengths=torch.tensor([1, 2, 3]))
