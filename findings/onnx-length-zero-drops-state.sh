#!/usr/bin/env bash
# ONNX Runtime: a row of length 0 loses its initial state
#
# Versions: onnx 1.23.2, onnxruntime 1.32.0.
# Bet: Y_h is "the last output value of the hidden": after no step at all it is the initial state,
#   as an empty loop leaves it.
# Instead: with sequence_lens of 0 in a row, Y_h and Y_c of that row are zeros, whatever initial_h
#   and initial_c hold; other rows are right. GRU, RNN and LSTM alike.
# Output seen:
#   RNN: initial states [0.5], final states of the row of length 0: [0.0]
#   GRU: initial states [0.5], final states of the row of length 0: [0.0]
#   LSTM: initial states [0.5, 0.25], final states of the row of length 0: [0.0, 0.0]
# Why it matters: streaming in batches, where a row may have nothing new in this round, silently
#   resets that row. Whoever exports a cell with lengths onto these operators inherits it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
"$dir/venv/bin/python" - <<'EOF'
import numpy as np
import onnxruntime
from onnx import TensorProto as T, helper as h, numpy_helper

rng = np.random.default_rng(0)
H, D, B, L = 4, 3, 2, 5
x = rng.standard_normal((L, B, D)).astype("f4")
for operator, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
    arrays = {"W": rng.standard_normal((1, gates * H, D)), "R": rng.standard_normal((1, gates * H, H)),
              "h0": np.full((1, B, H), 0.5), "c0": np.full((1, B, H), 0.25)}
    arrays = {name: value.astype("f4") for name, value in arrays.items()}
    arrays["lengths"] = np.array([0, 5], "i4")
    states = ["h0", "c0"] if operator == "LSTM" else ["h0"]
    outputs = ["Y_h", "Y_c"][: len(states)]
    inputs = ["X", "W", "R", "", "lengths", *states]
    node = h.make_node(operator, inputs, ["Y", *outputs], hidden_size=H)
    graph = h.make_graph([node], "g", [h.make_tensor_value_info("X", T.FLOAT, [L, B, D])],
                         [h.make_tensor_value_info(o, T.FLOAT, None) for o in outputs],
                         [numpy_helper.from_array(arrays[n], n) for n in inputs[1:] if n])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 14)], ir_version=9)
    last = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"X": x})
    rows = [state[0, 0].tolist() for state in last]
    print(f"{operator}: initial states {[arrays[s][0, 0, 0].item() for s in states]}, final states of the row of length 0:",
          [row[0] for row in rows])
    assert all(row == [0.0] * H for row in rows) and all(state[0, 1].any() for state in last)
EOF
