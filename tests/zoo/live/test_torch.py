"""Cells and layers of PyTorch: values, states and gradients in float64.

pip install torch==2.13.0
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.zoo.live.compare import agree
from tests.zoo.live.peer import Peer, draw, run_torch

torch = pytest.importorskip("torch")

USUAL = {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b", "bias_hh": "d"}
LAYER = {f"{theirs}_l0": ours for theirs, ours in USUAL.items()}
PROJECTED = {**LAYER, "weight_hr_l0": "R"}
STACKED = {f"{theirs}_l{k}": f"{ours}{k}" for k in (0, 1) for theirs, ours in USUAL.items()}


def cell(kind: str, *names: str) -> Peer:
    """A module for one step; `names` are its states."""
    module = getattr(torch.nn, kind)(3, 4, dtype=torch.float64)

    def step(P: Any, states: Any, inputs: Any) -> tuple[Any, Any]:
        given = [states[n] for n in names]
        state = tuple(given) if len(given) > 1 else given[0]
        result = functional(module, USUAL, P, inputs["x"], state)
        after = result if isinstance(result, tuple) else (result,)
        return after[0], dict(zip(names, after, strict=True))

    return Peer(shapes(module, USUAL), dict.fromkeys(names, (4,)), {"x": (3,)}, step)


def layer(names: dict[str, str], states: dict[str, tuple[int, ...]], **options: int) -> Peer:
    """`nn.LSTM` over sequences of one step; states are (layers, width), h before c."""
    module = torch.nn.LSTM(3, 4, dtype=torch.float64, **options)

    def step(P: Any, given: Any, inputs: Any) -> tuple[Any, Any]:
        h, c = (torch.stack([given[n] for n in given if n[-1] == kind]) for kind in "hc")
        out, (h, c) = functional(module, names, P, inputs["x"][None], (h, c))
        after = {"h": list(h), "c": list(c)}
        return out[0], {n: after[n[-1]].pop(0) for n in given}

    return Peer(shapes(module, names), states, {"x": (3,)}, step)


def shapes(module: Any, names: dict[str, str]) -> dict[str, tuple[int, ...]]:
    return {names[n]: tuple(p.shape) for n, p in module.named_parameters()}


def functional(module: Any, names: dict[str, str], P: Any, *arguments: Any) -> Any:
    weights = {theirs: P[ours] for theirs, ours in names.items()}
    return torch.func.functional_call(module, weights, arguments)


STACK = {"first.h": (4,), "first.c": (4,), "layer.0.h": (4,), "layer.0.c": (4,)}
CASES: dict[tuple[str, str], Callable[[], Peer]] = {
    ("torch.rnn", "rnn"): lambda: cell("RNNCell", "h"),
    ("torch.lstm", "lstm"): lambda: cell("LSTMCell", "h", "c"),
    ("torch.lstm", "packed_lstm"): lambda: cell("LSTMCell", "h", "c"),
    ("torch.gru", "cudnn_gru"): lambda: cell("GRUCell", "h"),
    ("torch.lstmp", "projected_lstm"): lambda: layer(
        PROJECTED, {"h": (2,), "c": (4,)}, proj_size=2
    ),
    ("tf.multirnn", "stacked_lstm"): lambda: layer(STACKED, STACK, num_layers=2),
}


@pytest.mark.parametrize(("name", "file"), CASES, ids=[f"{r}-{f}" for r, f in CASES])
def test_values_and_gradients_are_pytorchs(name: str, file: str) -> None:
    peer = CASES[name, file]()
    drawn = draw(peer)
    agree(name, file, peer, drawn, run_torch(peer, drawn))
