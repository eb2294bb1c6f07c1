"""ONNX Runtime's `LSTM` and `GRU`.  In: work.  Out: functions; inference alone, or None.

The GRU multiplies by the reset gate before the product or after, as our cell does.  Parameters are
its own, of the same shapes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from peers.work import Shape, Work

LABEL = "ONNX Runtime"
GATES = {"LSTM": 4, "GRU": 3}


def session_of(work: Work, shape: Shape) -> Any:
    """A session for a model of one operator."""
    steps, batch, inputs, hidden = shape
    operator = work.spec.onnx
    assert operator is not None
    wide, rng = GATES[operator] * hidden, np.random.default_rng(0)
    arrays = {
        "W": rng.normal(size=(1, wide, inputs)) * 0.1,
        "R": rng.normal(size=(1, wide, hidden)) * 0.1,
        "B": np.zeros((1, 2 * wide)),
    }
    after = {"linear_before_reset": int(work.spec.name == "cudnn_gru")}
    states = ["h", "c"] if operator == "LSTM" else ["h"]
    node = helper.make_node(
        operator, ["x", "W", "R", "B", "", *states], ["y", *(f"{s}_n" for s in states)],
        hidden_size=hidden, **(after if operator == "GRU" else {}),
    )  # fmt: skip
    kind = TensorProto.FLOAT
    state_shape = [1, batch, hidden]
    graph = helper.make_graph(
        [node],
        "cell",
        [helper.make_tensor_value_info("x", kind, [steps, batch, inputs])]
        + [helper.make_tensor_value_info(s, kind, state_shape) for s in states],
        [helper.make_tensor_value_info("y", kind, [steps, 1, batch, hidden])]
        + [helper.make_tensor_value_info(f"{s}_n", kind, state_shape) for s in states],
        [numpy_helper.from_array(a.astype("float32"), name) for name, a in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def feed(work: Work, x: Any) -> dict[str, Any]:
    hidden = work.shape[3]
    states = ("h", "c") if work.spec.onnx == "LSTM" else ("h",)
    return {"x": x, **{s: np.zeros((1, x.shape[1], hidden), "float32") for s in states}}


def train(work: Work) -> None:
    return None


def infer(work: Work) -> Callable[[], Any] | None:
    if work.spec.onnx is None:
        return None
    session, given = session_of(work, work.shape), feed(work, work.x)
    return lambda: session.run(None, given)[0]
