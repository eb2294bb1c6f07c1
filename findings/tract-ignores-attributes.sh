#!/usr/bin/env bash
# tract runs ONNX recurrent operators and ignores direction, activations and clip
#
# Versions: tract 0.23.9, onnx 1.23.2, onnxruntime 1.32.0.
# Bet: an inference engine that does not support an attribute refuses the model, as it refuses
#   sequence_lens.
# Instead: direction="reverse" runs forwards, activations=["Relu"] computes tanh, clip does
#   nothing: each gives bit by bit the plain operator's numbers. RNN and GRU load and run without
#   a message; linear_before_reset is followed.
# Output seen:
#   RNN {'direction': 'reverse'}: 1.13 from onnxruntime, equal to no option at all: True
#   RNN {'activations': ['Relu']}: 3.94 from onnxruntime, equal to no option at all: True
#   RNN {'clip': 0.3}: 0.70 from onnxruntime, equal to no option at all: True
#   GRU {'direction': 'reverse'}: 0.52 from onnxruntime, equal to no option at all: True
#   GRU {'activations': ['Sigmoid', 'Relu']}: 2.68 from onnxruntime, equal to no option at all: True
#   GRU {'clip': 0.3}: 0.68 from onnxruntime, equal to no option at all: True
# Why it matters: tract is what many deploy on small machines; a reversed or ReLU network gives
#   plausible numbers there. Test an exported file in the engine that will run it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 tract==0.23.9
"$dir/venv/bin/python" - <<'EOF'
import os
import tempfile
import numpy as np
import onnxruntime
import tract
from onnx import TensorProto as T, helper as h, numpy_helper

rng = np.random.default_rng(0)
H, D, B, L = 4, 3, 2, 5
x = rng.standard_normal((L, B, D)).astype("f4")


def run(operator, **attributes):
    gates = {"RNN": 1, "GRU": 3}[operator]
    seeded = np.random.default_rng(1)
    weights = {"W": (1, gates * H, D), "R": (1, gates * H, H), "b": (1, 2 * gates * H)}
    weights = [numpy_helper.from_array(seeded.standard_normal(s).astype("f4") * 0.6, n) for n, s in weights.items()]
    node = h.make_node(operator, ["X", "W", "R", "b"], ["Y", "Y_h"], hidden_size=H, **attributes)
    graph = h.make_graph([node], "g", [h.make_tensor_value_info("X", T.FLOAT, [L, B, D])],
                         [h.make_tensor_value_info("Y", T.FLOAT, None)], weights)
    data = h.make_model(graph, opset_imports=[h.make_opsetid("", 14)], ir_version=9).SerializeToString()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m.onnx")
        with open(path, "wb") as file:
            file.write(data)
        runnable = tract.onnx().load(path).into_model().into_runnable()
    return onnxruntime.InferenceSession(data).run(None, {"X": x})[0], runnable.run([x])[0].to_numpy()


for operator, others in (("RNN", ["Relu"]), ("GRU", ["Sigmoid", "Relu"])):
    plain = run(operator)
    assert np.allclose(*plain, atol=1e-5)
    for options in ({"direction": "reverse"}, {"activations": others}, {"clip": 0.3}):
        ort, tr = run(operator, **options)
        off, ignored = np.abs(ort - tr).max(), np.array_equal(tr, plain[1])
        print(f"{operator} {options}: {off:.2f} from onnxruntime, equal to no option at all: {ignored}")
        assert off > 0.2 and ignored
assert np.allclose(*run("GRU", linear_before_reset=1), atol=1e-5)
EOF
