"""`celldsl.optim`: Adam against PyTorch's, schedules, settings by name, states, what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl.optim import Adam, constant, cosine, global_norm, halving, linear


def arrays() -> dict[str, Any]:
    random = np.random.default_rng(0)
    return {"f.W_x": random.normal(size=(3, 5)), "f.b": random.normal(size=5), "h0": np.ones(5)}


def gradients(count: int) -> dict[str, Any]:
    random = np.random.default_rng(count + 1)
    return {name: random.normal(size=a.shape) for name, a in arrays().items()}


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("clip", [None, 0.7])
def test_it_is_the_adam_of_pytorch(decay: float, clip: float | None) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = arrays(), [torch.tensor(a.copy()) for a in arrays().values()]
    adam = Adam(ours, rate=0.01, betas=(0.9, 0.99), decay=decay, clip=clip)
    peer = torch.optim.AdamW(theirs, lr=0.01, betas=(0.9, 0.99), weight_decay=decay)
    for count in range(5):
        found = gradients(count)
        for tensor, gradient in zip(theirs, found.values(), strict=True):
            tensor.grad = torch.tensor(gradient.copy())
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(theirs, clip)
        peer.step()
        assert adam.update(found) == pytest.approx(global_norm(found))
    for mine, tensor in zip(ours.values(), theirs, strict=True):
        np.testing.assert_allclose(mine, tensor.numpy(), rtol=0, atol=2e-6)


def test_the_first_step_is_as_long_as_the_rate() -> None:
    mine = arrays()
    Adam(mine, rate=0.5, eps=0.0).update(gradients(0))
    for name, before in arrays().items():
        np.testing.assert_allclose(np.abs(mine[name] - before), 0.5, rtol=1e-12)


def test_settings_go_by_name_and_the_last_one_wins() -> None:
    mine = arrays()
    settings = {"*": {"rate": 2.0}, "f.*": {"rate": 0.5, "decay": 0.0}, "h0": {"frozen": True}}
    Adam(mine, rate=0.1, eps=0.0, decay=0.2, settings=settings).update(gradients(0))
    before = arrays()
    np.testing.assert_allclose(np.abs(mine["f.b"] - before["f.b"]), 0.05, rtol=1e-12)
    np.testing.assert_array_equal(mine["h0"], before["h0"])
    assert "mean/h0" not in Adam(arrays(), settings=settings).state()


def test_a_resumed_training_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    whole, first = arrays(), arrays()
    rate = cosine(0.05, steps=8, warmup=2)
    straight, begun = Adam(whole, rate), Adam(first, rate)
    for count in range(3):
        straight.update(gradients(count))
        begun.update(gradients(count))
    np.savez(tmp_path / "adam.npz", **begun.state())
    second = {name: array.copy() for name, array in first.items()}
    resumed = Adam(second, rate)
    with np.load(tmp_path / "adam.npz") as kept:
        resumed.load_state(dict(kept))
    for count in range(3, 8):
        straight.update(gradients(count))
        resumed.update(gradients(count))
    for name in whole:
        np.testing.assert_array_equal(whole[name], second[name])


def test_it_trains_a_cell_by_name() -> None:
    cell = celldsl.load("rnn")(I=2, H=3, dtype="float64", seed=0)
    x = np.random.default_rng(0).normal(size=(4, 5, 2))
    adam = Adam(cell.params, rate=0.05, clip=1.0)

    def loss() -> float:
        y, _, tape = cell.forward(x)
        adam.update(cell.backward(tape, 2 * (y - 0.3)).params)
        return float(((y - 0.3) ** 2).sum())

    first = loss()
    assert [loss() for _ in range(30)][-1] < 0.5 * first


def test_schedules_begin_and_end_where_they_say() -> None:
    assert constant(0.1)(0) == constant(0.1)(99) == 0.1
    assert constant(0.1, warmup=4)(0) == pytest.approx(0.025)
    assert cosine(0.1, steps=10)(0) == 0.1
    assert cosine(0.1, steps=10, final=0.01)(10) == pytest.approx(0.01)
    assert cosine(0.1, steps=1)(0.5) == pytest.approx(0.05)
    assert linear(0.1, steps=10)(5) == pytest.approx(0.05)
    assert linear(0.1, steps=10)(99) == 0
    assert halving(0.8, every=3)(6) == pytest.approx(0.2)


def test_a_gradient_that_is_not_finite_changes_nothing_and_is_named() -> None:
    mine = arrays()
    adam, bad = Adam(mine), gradients(0)
    bad["f.b"][2] = math.nan
    with pytest.raises(celldsl.NonFiniteError, match=r"0 updates the gradients of `f\.b` are"):
        adam.update(bad)
    assert adam.count == 0
    for name, before in arrays().items():
        np.testing.assert_array_equal(mine[name], before)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(celldsl.ArgumentError, match=r"no parameter is called `f\.Wx`.*`f\.W_x`"):
        Adam(arrays(), settings={"f.Wx": {"rate": 1.0}})
    with pytest.raises(celldsl.ArgumentError, match=r"`lr` is none; there are rate, decay, frozen"):
        Adam(arrays(), settings={"*": {"lr": 1.0}})
    with pytest.raises(TypeError, match=r'Adam\(\) has no argument "lr"; here it is rate'):
        Adam(arrays(), lr=0.1)
    with pytest.raises(TypeError, match=r'no argument "dcay"; did you mean "decay"\?'):
        Adam(arrays(), dcay=0.1)
    cell = SimpleNamespace(params=arrays())
    with pytest.raises(TypeError, match=r"parameters: .* got SimpleNamespace; pass its `params`"):
        Adam(cell)  # type: ignore[arg-type]
    adam = Adam(arrays())
    with pytest.raises(TypeError, match=r"gradients: .* got SimpleNamespace; pass its `params`"):
        adam.update(cell)  # type: ignore[arg-type]
    with pytest.raises(celldsl.ArgumentError, match="none for `h0`"):
        adam.update({k: v for k, v in gradients(0).items() if k != "h0"})
    with pytest.raises(celldsl.ArgumentError, match=r"`h0` is \(2,\), its parameter \(5,\)"):
        adam.update({**gradients(0), "h0": np.ones(2)})
    with pytest.raises(celldsl.ArgumentError, match="`mean/h0` is missing"):
        adam.load_state({k: v for k, v in adam.state().items() if k != "mean/h0"})


@pytest.mark.parametrize("name", ["rate", "eps", "decay", "clip"])
@pytest.mark.parametrize("wrong", ["x", -1.0, True, float("nan")])
def test_numbers_are_numbers(name: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}: expected"):
        Adam({"a": np.ones(2)}, **{name: wrong})


def test_methods_of_other_optimisers_are_told() -> None:
    adam: Any = Adam({"a": np.ones(2)})
    with pytest.raises(AttributeError, match=r"here it is `update\(gradients\)`"):
        adam.step()
