"""Both forms of a layer do what the reference does, for every cell that comes along.

A tenth of them, by the commit; `-m slow` runs all, and the features of the language too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import celldsl
from tests.cells import EVERY
from tests.end_to_end.compare import (
    TOLERANCE,
    Drawn,
    Expected,
    Setup,
    distance,
    nested,
    pick,
    reference,
)
from tests.end_to_end.subject import FEATURES, Subject
from tests.tenth import marked
from tests.zoo.subject import sized_subject

torch = pytest.importorskip("torch")
PATHS = {**EVERY, **{f"feature-{p.stem}": p for p in sorted(FEATURES.glob("*.cell"))}}
SETUPS = (Setup(lengths=(2, 0, 4)), Setup(given=False, T=3, B=2))


@pytest.mark.parametrize("name", marked(PATHS))
def test_both_forms_agree_with_the_reference(name: str) -> None:
    subject = sized_subject(PATHS[name])
    dims = subject.dims(subject.sizes[0])
    cell = subject.make(dims)
    layer = celldsl.torch.RNN(cell, dtype=torch.float64).eval()
    plain = celldsl.torch.RNN(cell, dtype=torch.float64, form="plain").eval()
    for setup in SETUPS:
        drawn = Drawn(
            subject.draw_inputs(dims, setup.T, setup.B),
            subject.draw_outputs(dims, setup.T, setup.B),
            subject.draw_states(dims, setup.B),
            subject.draw_states(dims, setup.B, seed=4),
        )
        expected = reference(subject, cell, dims, setup, drawn)
        for each in (layer, plain):
            wrong = differences(each, subject, setup, drawn, expected)
            assert not wrong, f"{setup}, {each.form_wanted or 'kernels'}: {wrong}"
        assert not differences_in_part(layer, subject, setup, drawn)


def differences(
    layer: Any, subject: Subject, setup: Setup, drawn: Drawn, expected: Expected
) -> dict[str, float]:
    """Every array that is another than the reference's, and by how much."""
    layer.zero_grad()
    real = {each.name for each in subject.spec.inputs if each.kind == "real"}
    inputs = {n: torch.tensor(a, requires_grad=n in real) for n, a in drawn.inputs.items()}
    starts = {n: torch.tensor(a[None], requires_grad=True) for n, a in drawn.states.items()}
    if layer.form_wanted is None:
        assert layer.form(inputs) == "kernels"
    state = nested(starts) if setup.given and starts else None
    lengths = torch.tensor(setup.lengths[: setup.B]) if setup.lengths else None
    y, last = layer(inputs, state, lengths=lengths)
    outputs = {o.name: pick(y, o.name) if len(drawn.dy) > 1 else y for o in subject.spec.outputs}
    finals = {s.name: pick(last, s.name)[0] for s in subject.spec.states}
    pairs = [(outputs[n], a) for n, a in drawn.dy.items()]
    pairs += [(finals[n], a) for n, a in drawn.dstate.items()]
    loss = sum((value * torch.tensor(weight)).sum() for value, weight in pairs)
    if loss.requires_grad:
        loss.backward()
    params = dict(layer.layers["0"].named_parameters())
    found = {f"output {n}": (outputs[n].detach(), a) for n, a in expected.outputs.items()}
    found |= {f"state {n}": (finals[n].detach(), a) for n, a in expected.finals.items()}
    found |= {f"d input {n}": (gradient(inputs[n]), expected.d_inputs[n]) for n in real}
    found |= {f"d param {n}": (gradient(params[n]), a) for n, a in expected.d_params.items()}
    found |= {f"d state {n}": (gradient(starts[n])[0], a) for n, a in expected.d_starts.items()}
    errors = {n: distance(np.asarray(mine), theirs) for n, (mine, theirs) in found.items()}
    return {n: error for n, error in errors.items() if not error < TOLERANCE}


def differences_in_part(layer: Any, subject: Subject, setup: Setup, drawn: Drawn) -> list[str]:
    """Gradients that are others where not all of them are asked for: not by a bit."""
    real = {each.name for each in subject.spec.inputs if each.kind == "real"}
    params = {name: each for name, each in layer.named_parameters() if each.numel()}
    lengths = torch.tensor(setup.lengths[: setup.B]) if setup.lengths else None

    def gradients(of_inputs: bool, of_params: bool) -> dict[str, Any]:
        layer.requires_grad_(of_params)
        inputs = {
            name: torch.tensor(array, requires_grad=of_inputs and name in real)
            for name, array in drawn.inputs.items()
        }
        y, _ = layer(inputs, lengths=lengths)
        outputs = [pick(y, name) if len(drawn.dy) > 1 else y for name in drawn.dy]
        weights = [torch.tensor(array) for array in drawn.dy.values()]
        leaves = {n: each for n, each in {**inputs, **params}.items() if each.requires_grad}
        if not any(each.requires_grad for each in outputs):
            return {}
        found = torch.autograd.grad(outputs, list(leaves.values()), weights, allow_unused=True)
        return dict(zip(leaves, found, strict=True))

    whole = gradients(True, True)
    parts = gradients(True, False) | gradients(False, True)
    layer.requires_grad_(True)
    return [n for n, each in parts.items() if each is not None and not torch.equal(each, whole[n])]


def gradient(leaf: Any) -> Any:
    return np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()
