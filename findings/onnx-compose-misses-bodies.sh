#!/usr/bin/env bash
# onnx.compose: names read inside a Scan keep their old name, and may find another model's weight
#
# Versions: onnx 1.23.2, onnxruntime 1.32.0.
# Bet: add_prefix and merge_models(prefix1=..., prefix2=...) rename everything in a model;
#   extract_model keeps what the kept nodes need. Both know graphs inside nodes: the checker does.
# Instead: names that the body of a Scan (Loop, If) takes from outside are not renamed. Alone, the
#   prefixed model is invalid; merged behind a model that has a tensor of that name, it is *valid*
#   and computes with the other model's tensor. extract_model drops a weight that is only read
#   inside a body.
# Output seen:
#   scale by 3, then h' = 0.5 h + x, one after the other: [3.0, 4.5, 5.25, 5.625]
#   the merged model, which the checker accepts:         [3.0, 12.0, 39.0, 120.0] that is h' = 3 h + x
#   add_prefix: invalid: Nodes in a graph must be topologically sorted, however input 'decay' of node:
#   extract_model: invalid: Nodes in a graph must be topologically sorted, however input 'decay' of node:
# Why it matters: weights of an exported cell are read from inside its body, under names like "W"
#   or "b" that every other model has too. Merge only models whose bodies get all they read as
#   inputs, or compare numbers after merging.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
"$dir/venv/bin/python" - <<'EOF'
import numpy as np
import onnxruntime
from onnx import TensorProto as T, checker, compose, helper as h, numpy_helper, utils

info = h.make_tensor_value_info


def finish(nodes, inputs, outputs, decay):
    weights = [numpy_helper.from_array(np.array(decay, "f4"), "decay")]
    return h.make_model(h.make_graph(nodes, "g", inputs, outputs, weights),
                        opset_imports=[h.make_opsetid("", 17)], ir_version=9)


x_in, h_in = info("X", T.FLOAT, ["T", 2]), info("h0", T.FLOAT, [2])
body = h.make_graph(
    [h.make_node("Mul", ["h", "decay"], ["kept"]), h.make_node("Add", ["kept", "x"], ["next"]),
     h.make_node("Identity", ["next"], ["y"])],
    "body", [info("h", T.FLOAT, [2]), info("x", T.FLOAT, [2])], [info("next", T.FLOAT, [2]), info("y", T.FLOAT, [2])])
cell = finish([h.make_node("Scan", ["h0", "X"], ["hT", "Y"], body=body, num_scan_inputs=1)],
              [x_in, h_in], [info("Y", T.FLOAT, ["T", 2])], 0.5)
scale = finish([h.make_node("Mul", ["X", "decay"], ["scaled"])], [x_in], [info("scaled", T.FLOAT, ["T", 2])], 3.0)


def run(model, **feed):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, feed)[0]


x, start = np.ones((4, 2), "f4"), np.zeros(2, "f4")
wanted = run(cell, X=run(scale, X=x), h0=start)
merged = compose.merge_models(scale, cell, io_map=[("scaled", "X")], prefix2="cell/")
checker.check_model(merged, full_check=True)
got = run(merged, X=x, **{"cell/h0": start})
print("scale by 3, then h' = 0.5 h + x, one after the other:", wanted[:, 0].tolist())
print("the merged model, which the checker accepts:        ", got[:, 0].tolist(), "that is h' = 3 h + x")
assert got[:, 0].tolist() == [3.0, 12.0, 39.0, 120.0] and wanted[-1, 0] == 5.625

for name, make in (("add_prefix", lambda: compose.add_prefix(cell, "cell/")),
                   ("extract_model", lambda: utils.Extractor(cell).extract_model(["X", "h0"], ["Y"]))):
    try:
        checker.check_model(make(), full_check=True)
        outcome = "valid"
    except checker.ValidationError as error:
        outcome = "invalid: " + str(error).split("\n")[0]
    print(f"{name}: {outcome}")
    assert "'decay'" in outcome
EOF
