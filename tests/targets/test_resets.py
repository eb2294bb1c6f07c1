"""`resets=` in plain code: what each episode gives by itself, values and gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cells import example
from tests.end_to_end.subject import FEATURES, Subject, subject_of
from tests.targets.compare import double_precision
from tests.targets.written import draw_values, written

torch = pytest.importorskip("torch")

DIMS, T, B = {"I": 3, "H": 5}, 6, 3
RESETS = np.array([[1, 0, 0, 1, 0, 0], [0, 0, 1, 1, 0, 1], [0, 0, 0, 0, 0, 1]], bool).T
LENGTHS = (6, 5, 4)
CELLS = [example("gru"), FEATURES / "learned_start.cell", FEATURES / "sub_in_for.cell"]


def episodes(b: int, length: int, reverse: bool) -> list[list[int]]:
    """The steps of each episode of a sequence, in the order of processing."""
    found: list[list[int]] = [[]]
    for t in range(length)[:: -1 if reverse else 1]:
        if RESETS[t, b]:
            found.append([])
        found[-1].append(t)
    return found


def one_by_one(module: Any, p: Any, x: Any, lengths: Any, reverse: bool) -> tuple[Any, Any]:
    """Outputs and last states, where each episode is a call of its own."""
    rows, last = [], []
    for b in range(B):
        y: list[Any] = [x.new_zeros(DIMS["H"])] * T
        state = None
        for steps in episodes(b, lengths[b] if lengths else T, reverse):
            out, state = module.forward(p, x[steps, b])
            for t, value in zip(steps, out if torch.is_tensor(out) else out[0], strict=True):
                y[t] = value
        rows.append(torch.stack(y))
        last.append(flat(state))
    return torch.stack(rows, 1), [torch.stack(each) for each in zip(*last, strict=True)]


def flat(state: Any) -> list[Any]:
    return [leaf for part in state for leaf in (flat(part) if isinstance(part, tuple) else [part])]


def loss(y: Any, state: list[Any]) -> Any:
    return (y**2).sum() + sum((each**3).sum() for each in state)


def drawn(subject: Subject) -> tuple[dict[str, Any], Any]:
    shape = subject.shape(subject.spec.inputs[0].shape, DIMS)
    x = np.random.default_rng(0).normal(size=(T, B, *shape))
    return draw_values(subject, DIMS).params, x


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("path", CELLS, ids=lambda path: path.stem)
def test_each_episode_by_itself(path: Path, lengths: Any, reverse: bool) -> None:
    subject = subject_of(path)
    module, (params, x) = written(subject, "torch"), drawn(subject)
    frame = {"resets": torch.tensor(RESETS), "reverse": reverse}
    if lengths:
        frame["lengths"] = torch.tensor(lengths)
    found = []
    for run in (
        lambda p, x: module.forward(p, x, **frame),
        lambda p, x: one_by_one(module, p, x, lengths, reverse),
    ):
        p = {n: torch.tensor(a, requires_grad=True) for n, a in params.items()}
        inputs = torch.tensor(x, requires_grad=True)
        y, state = run(p, inputs)
        y = y if torch.is_tensor(y) else y[0]
        value = loss(y, flat(state))
        found.append([value, *torch.autograd.grad(value, [*p.values(), inputs])])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_both_libraries_agree() -> None:
    jax = pytest.importorskip("jax")
    subject = subject_of(FEATURES / "learned_start.cell")
    params, x = drawn(subject)
    tensors = {n: torch.tensor(a, requires_grad=True) for n, a in params.items()}
    frame = {"lengths": torch.tensor(LENGTHS), "resets": torch.tensor(RESETS)}
    y, state = written(subject, "torch").forward(tensors, torch.tensor(x), **frame)
    value = loss(y, list(state))
    wanted = torch.autograd.grad(value, list(tensors.values()))
    module = written(subject, "jax")
    with double_precision():
        arrays = {n: jax.numpy.asarray(a) for n, a in params.items()}
        given = {"lengths": jax.numpy.asarray(LENGTHS), "resets": jax.numpy.asarray(RESETS)}

        @jax.jit
        def gradient(p: Any) -> Any:
            return jax.value_and_grad(
                lambda p: loss(*(module.forward(p, jax.numpy.asarray(x), **given)))
            )(p)

        found, gradients = gradient(arrays)
    np.testing.assert_allclose(found, value.detach(), rtol=1e-10)
    for name, right in zip(params, wanted, strict=True):
        np.testing.assert_allclose(gradients[name], right, rtol=1e-9, atol=1e-10)


def test_one_step_and_what_does_not_fit() -> None:
    subject = subject_of(example("gru"))
    module, (params, x) = written(subject, "torch"), drawn(subject)
    p = {n: torch.tensor(a) for n, a in params.items()}
    now, state = torch.tensor(x[0]), module.State(torch.ones(B, 5, dtype=torch.float64))
    y, _ = module.step(p, now, state, resets=torch.tensor([True, False, True]))
    kept, _ = module.step(p, now, state)
    anew, _ = module.step(p, now, module.State(torch.zeros(B, 5, dtype=torch.float64)))
    assert torch.equal(y[1], kept[1]) and torch.equal(y[0], anew[0]) and not torch.equal(y, kept)
    told = r"resets: expected a tensor of booleans \(6, 3\), got "
    with pytest.raises(TypeError, match=told + r"torch\.int64"):
        module.forward(p, torch.tensor(x), resets=torch.zeros(T, B, dtype=torch.int64))
    with pytest.raises(TypeError, match=told + "bool"):
        module.forward(p, torch.tensor(x), resets=True)
    with pytest.raises(TypeError, match=r"lengths: expected integers, got torch\.float32"):
        module.forward(p, torch.tensor(x), lengths=torch.ones(B))
    with pytest.raises(ValueError, match=r"resets: expected shape \(6, 3\), got \(3,\)"):
        module.forward(p, torch.tensor(x), resets=torch.zeros(B, dtype=torch.bool))
