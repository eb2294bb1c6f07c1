"""Neurons of snnTorch: values, states and gradients in float64.

pip install torch==2.13.0 snntorch==1.0.0

The surrogate is snnTorch's default, the arc tangent, which ours have as `atan_spike`. Spikes are
of float32 there, and so are the gradients that come through them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.zoo.live.compare import agree
from tests.zoo.live.peer import Peer, draw, run_torch
from tests.zoo.runs import built
from tests.zoo.subject import zoo_subject

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
pytestmark = pytest.mark.filterwarnings("ignore")

VECTOR = (4,)
SPIKES = 1e-7


def single(value: float) -> float:
    """A threshold is kept in float32, and ours takes the same number."""
    return float(np.float32(value))


def number(value: float) -> Any:
    return torch.tensor(value, dtype=torch.float64)


def neuron_peer(neuron: Any, names: str, numbers: dict[str, float]) -> Peer:
    """A neuron without parameters, which takes a current."""

    def step(P: Any, states: Any, inputs: Any) -> tuple[Any, Any]:
        spikes, *after = neuron(inputs["x"], *(states[n] for n in names))
        return spikes, dict(zip(names, after, strict=True))

    return Peer({}, dict.fromkeys(names, VECTOR), {"x": VECTOR}, step, numbers)


THETA = single(0.3)


def leaky(reset: str) -> Peer:
    neuron = snn.Leaky(number(0.8), number(THETA), reset_mechanism=reset)
    return neuron_peer(neuron, "m", {"β": 0.8, "θ": THETA})


def synaptic() -> Peer:
    neuron = snn.Synaptic(number(0.7), number(0.8), number(THETA), reset_mechanism="subtract")
    return neuron_peer(neuron, "im", {"α": 0.7, "β": 0.8, "θ": THETA})


def alpha() -> Peer:
    neuron = snn.Alpha(number(0.8), number(0.7), number(THETA), reset_mechanism="zero")
    return neuron_peer(neuron, "eim", {"α": 0.8, "β": 0.7, "θ": THETA})


def lapicque() -> Peer:
    numbers = {"R": 5.1, "C": 0.6, "Δ": 0.3, "θ": THETA}
    R, C, step = (number(numbers[n]) for n in ("R", "C", "Δ"))
    neuron = snn.Lapicque(R=R, C=C, time_step=step, threshold=number(THETA))
    return neuron_peer(neuron, "m", numbers)


def rleaky() -> Peer:
    neuron = snn.RLeaky(number(0.8), linear_features=4, threshold=number(THETA)).double()

    def step(P: Any, s: Any, inputs: Any) -> tuple[Any, Any]:
        weights = {"recurrent.weight": P["V"], "recurrent.bias": P["bv"]}
        given = (inputs["x"], s["s"], s["m"])
        spikes, membrane = torch.func.functional_call(neuron, weights, given)
        return spikes, {"s": spikes.double(), "m": membrane}

    states = dict.fromkeys("sm", VECTOR)
    shapes = {"V": (4, 4), "bv": VECTOR}
    return Peer(shapes, states, {"x": VECTOR}, step, {"β": 0.8, "θ": THETA})


def slstm() -> Peer:
    theta = single(0.1)
    neuron = snn.SLSTM(4, 4, threshold=number(theta), reset_mechanism="subtract").double()
    names = {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b", "bias_hh": "d"}

    def step(P: Any, s: Any, inputs: Any) -> tuple[Any, Any]:
        weights = {f"lstm_cell.{theirs}": P[ours] for theirs, ours in names.items()}
        given = (inputs["x"][None], s["c"][None], s["m"][None])
        spikes, c, m = torch.func.functional_call(neuron, weights, given)
        return spikes[0], {"c": c[0], "m": m[0]}

    shapes = {"W": (16, 4), "U": (16, 4), "b": (16,), "d": (16,)}
    return Peer(shapes, dict.fromkeys("cm", VECTOR), {"x": VECTOR}, step, {"θ": theta})


CASES = {
    ("snn.leaky", "leaky"): lambda: leaky("subtract"),
    ("snn.leaky0", "leaky"): lambda: leaky("zero"),
    ("snn.rleaky", "rleaky"): rleaky,
    ("snn.syn", "synaptic"): synaptic,
    ("snn.alpha", "alpha_neuron"): alpha,
    ("snn.lapicque", "lapicque"): lapicque,
    ("snn.slstm", "snn_lstm"): slstm,
}


@pytest.mark.parametrize(("name", "file"), CASES, ids=[f"{r}-{f}" for r, f in CASES])
def test_values_and_gradients_are_the_librarys(name: str, file: str) -> None:
    peer = CASES[name, file]()
    drawn = draw(peer)
    agree(name, file, peer, drawn, run_torch(peer, drawn), SPIKES)


def test_an_associative_neuron_is_the_librarys() -> None:
    """It takes whole sequences, and divides by products of its gates plus 1e-8."""
    torch.manual_seed(0)
    neuron = snn.AssociativeLeaky(3, 4, 2, 8)
    x = torch.randn(5, 1, 3)
    subject = zoo_subject("associative_leaky")
    weights = {}
    for ours, theirs in {"v": "to_v", "k": "to_k", "a": "to_alpha", "Q": "to_q"}.items():
        layer = getattr(neuron, theirs)
        weights |= {f"{ours}.W_x": layer.weight.detach().double().numpy().T}
        weights |= {f"{ours}.b": layer.bias.detach().double().numpy()}
    cell = built(subject, {"I": 3, "H": 4, "K": 2}, {"threshold": 0.3}, weights)
    neuron.threshold = torch.tensor(0.3)
    y, _ = cell(x.double().numpy())
    wanted = neuron(x).detach().numpy()
    assert 0 < np.count_nonzero(wanted) < wanted.size
    np.testing.assert_allclose(y, wanted, atol=1e-6)
