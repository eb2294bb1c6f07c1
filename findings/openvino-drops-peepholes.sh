#!/usr/bin/env bash
# OpenVINO reads an ONNX LSTM and silently drops its peepholes and input_forget
#
# Versions: openvino 2026.4.1, onnx 1.23.2, onnxruntime 1.32.0.
# Bet: an attribute or input that a reader has no counterpart for is an error, as activations it
#   does not know are (LeakyRelu, Softsign and Affine are refused by name).
# Instead: input P is not read, input_forget=1 is not read. The model compiles, runs, and gives
#   other numbers. ONNX Runtime follows both. clip, sequence lengths, initial states and
#   directions agree.
# Output seen:
#   plain: agree; openvino gives what it gives without the option: False
#   clip=0.3: agree; openvino gives what it gives without the option: False
#   peepholes: 0.073 off; openvino gives what it gives without the option: True
#   input_forget=1: 0.127 off; openvino gives what it gives without the option: True
# Why it matters: peephole and coupled cells are what ONNX's LSTM has beyond the usual one; an
#   exporter that maps a cell onto it makes a file that means two things.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1
"$dir/venv/bin/python" - <<'EOF'
import io
import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto as T, helper as h, numpy_helper

rng = np.random.default_rng(0)
H, D, B, L = 4, 3, 2, 5
weights = {"W": (1, 4 * H, D), "R": (1, 4 * H, H), "b": (1, 8 * H), "P": (1, 3 * H)}
weights = {name: rng.standard_normal(shape).astype("f4") * 0.6 for name, shape in weights.items()}
x = rng.standard_normal((L, B, D)).astype("f4")


def run(peepholes=False, **attributes):
    inputs = ["X", "W", "R", "b", "", "", "", "P"] if peepholes else ["X", "W", "R", "b"]
    node = h.make_node("LSTM", inputs, ["Y", "Y_h"], hidden_size=H, **attributes)
    graph = h.make_graph([node], "g", [h.make_tensor_value_info("X", T.FLOAT, [L, B, D])],
                         [h.make_tensor_value_info("Y", T.FLOAT, None)],
                         [numpy_helper.from_array(weights[n], n) for n in inputs[1:] if n])
    data = h.make_model(graph, opset_imports=[h.make_opsetid("", 14)], ir_version=9).SerializeToString()
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(io.BytesIO(data)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return onnxruntime.InferenceSession(data).run(None, {"X": x})[0], compiled({"X": x})[0]


plain = run()
for name, options in (("plain", {}), ("clip=0.3", {"clip": 0.3}), ("peepholes", {"peepholes": True}),
                      ("input_forget=1", {"input_forget": 1})):
    ort, ov = run(**options)
    agree, dropped = np.allclose(ort, ov, atol=1e-4), name != "plain" and np.allclose(ov, plain[1], atol=1e-6)
    print(f"{name}: {'agree' if agree else f'{np.abs(ort - ov).max():.3f} off'};",
          f"openvino gives what it gives without the option: {dropped}")
    assert agree == (name in ("plain", "clip=0.3")) and dropped == (not agree)
    assert agree or np.abs(ort - ov).max() > 0.01
EOF
