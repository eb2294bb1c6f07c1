"""Cells of Keras 3 on PyTorch: values, states and gradients.

pip install keras torch==2.13.0

Products of float64 are computed in float32 by Keras, except on TensorFlow.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.zoo.live.compare import agree
from tests.zoo.live.peer import Peer, draw, run_torch

torch = pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")  # Keras reads it when it is imported
keras = pytest.importorskip("keras")
pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras runs on another backend"),
    pytest.mark.filterwarnings("ignore"),
]


def peer_of(kind: str, shapes: dict[str, tuple[int, ...]], *names: str, **options: Any) -> Peer:
    """A cell of the library for one step; `names` are its states."""
    cell = getattr(keras.layers, kind)(4, dtype="float64", **options)
    cell.build((1, 3))
    fixed = [v.value for v in cell.non_trainable_variables]

    def step(P: Any, states: Any, inputs: Any) -> tuple[Any, Any]:
        given = [states[n][None] for n in names]
        bias = P["b"] if "d" not in P else torch.stack([P["b"], P["d"]])
        weights = [P["W"].T, P["U"].T, bias]
        (out, after), _ = cell.stateless_call(weights, fixed, inputs["x"][None], given)
        return out[0], {n: a[0] for n, a in zip(names, after, strict=True)}

    return Peer(shapes, dict.fromkeys(names, (4,)), {"x": (3,)}, step)


def conv_lstm() -> Peer:
    """Over a plane of 5 by 4 places, channels last; the gates are i, f, c, o."""
    layer = keras.layers.ConvLSTM2D(2, 3, padding="same", dtype="float64")
    layer.build((1, None, 5, 4, 3))
    fixed = [v.value for v in layer.cell.non_trainable_variables]

    def step(P: Any, states: Any, inputs: Any) -> tuple[Any, Any]:
        weights, given = [P["W"], P["U"], P["b"]], [states["h"][None], states["c"][None]]
        (out, after), _ = layer.cell.stateless_call(weights, fixed, inputs["x"][None], given)
        return out[0], {"h": after[0][0], "c": after[1][0]}

    shapes = {"W": (3, 3, 3, 8), "U": (3, 3, 2, 8), "b": (8,)}
    return Peer(shapes, {"c": (5, 4, 2), "h": (5, 4, 2)}, {"x": (5, 4, 3)}, step)


TOLERANCE = 2e-6
RNN = {"W": (4, 3), "U": (4, 4), "b": (4,)}
LSTM = {"W": (16, 3), "U": (16, 4), "b": (16,)}
GRU = {"W": (12, 3), "U": (12, 4), "b": (12,)}
CASES = {
    ("keras.rnn", "rnn"): lambda: peer_of("SimpleRNNCell", RNN, "h"),
    ("keras.lstm", "lstm"): lambda: peer_of("LSTMCell", LSTM, "h", "c"),
    ("keras.gru", "cudnn_gru"): lambda: peer_of("GRUCell", {**GRU, "d": (12,)}, "h"),
    ("keras.gru_before", "gru"): lambda: peer_of("GRUCell", GRU, "h", reset_after=False),
    ("keras.convlstm", "conv_lstm"): conv_lstm,
}


@pytest.mark.parametrize(("name", "file"), CASES, ids=[f"{r}-{f}" for r, f in CASES])
def test_values_and_gradients_are_those_of_keras(name: str, file: str) -> None:
    peer = CASES[name, file]()
    drawn = draw(peer)
    agree(name, file, peer, drawn, run_torch(peer, drawn), TOLERANCE)
