"""ONNX's recurrent operators, run by ONNX Runtime in float32.

pip install onnx onnxruntime
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.zoo.live.compare import differences
from tests.zoo.live.peer import Drawn, Found, Peer, draw

onnx = pytest.importorskip("onnx", exc_type=Exception)
runtime = pytest.importorskip("onnxruntime", exc_type=Exception)

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
# Operator, file, what it is made with, and how the row calls the clip.
CASES: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "onnx.rnn": ("RNN", "clipped_rnn", {"clip": 0.8}, "cl"),
    "onnx.lstm": ("LSTM", "gate_clipped_lstm", {"clip": 0.7}, "cl"),
    "onnx.lstm_if": ("LSTM", "cifg", {"input_forget": 1}, ""),
    "onnx.gru0": ("GRU", "gru", {}, ""),
    "onnx.gru1": ("GRU", "cudnn_gru", {"linear_before_reset": 1}, ""),
}


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_the_operator(name: str) -> None:
    kind, file, options, clip = CASES[name]
    n = 4 * GATES[kind]
    shapes = {"W": (n, 3), "U": (n, 4), "b": (n,), "d": (n,)}
    if name == "onnx.lstm":
        shapes["p"] = (12,)
    states = {"h": (4,), "c": (4,)} if kind == "LSTM" else {"h": (4,)}
    peer = Peer(shapes, states, {"x": (3,)}, no_step, {clip: options["clip"]} if clip else {})
    drawn = draw(peer)
    outputs, last = run(kind, options, drawn)
    found = Found(outputs, last, Drawn({}, {}, {}))
    for what, error in differences(name, file, peer, drawn, found):
        assert error < 1e-5, what


def no_step(*_: Any) -> Any:
    """The operator goes over the whole sequence."""
    raise AssertionError


def run(kind: str, options: dict[str, Any], drawn: Drawn) -> tuple[Any, dict[str, Any]]:
    """Outputs (T, H) and last states of a model that is the operator alone."""
    P = drawn.parameters
    feeds = {
        "X": drawn.inputs["x"][:, None],
        "W": P["W"][None],
        "R": P["U"][None],
        "B": np.concatenate([P["b"], P["d"]])[None],
        "h0": drawn.states["h"][None, None],
    }
    names = ["X", "W", "R", "B", "", "h0"]
    outputs = ["Y", "Y_h"]
    if kind == "LSTM":
        feeds["c0"] = drawn.states["c"][None, None]
        names.append("c0")
        outputs.append("Y_c")
        if "p" in P:
            feeds["P"] = P["p"][None]
            names.append("P")
    feeds = {n: np.float32(a) for n, a in feeds.items()}
    session = runtime.InferenceSession(model(kind, names, outputs, feeds, options))
    found = session.run(outputs, feeds)
    last = dict(zip("hc", (a[0, 0] for a in found[1:]), strict=False))
    return found[0][:, 0, 0], last


def model(
    kind: str, names: list[str], outputs: list[str], feeds: dict[str, Any], options: dict[str, Any]
) -> bytes:
    helper, single = onnx.helper, onnx.TensorProto.FLOAT
    node = helper.make_node(kind, names, outputs, hidden_size=4, **options)
    given = [helper.make_tensor_value_info(n, single, a.shape) for n, a in feeds.items()]
    made = [helper.make_tensor_value_info(n, single, None) for n in outputs]
    graph = helper.make_graph([node], kind, given, made)
    opsets = [helper.make_opsetid("", 14)]
    found: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    return found
