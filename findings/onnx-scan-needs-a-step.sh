#!/usr/bin/env bash
# ONNX: a recurrence over zero steps runs as Loop and fails as Scan
#
# Versions: onnx 1.23.2, onnxruntime 1.32.0, openvino 2026.4.1.
# Bet: an empty sequence gives the initial state and no outputs; Scan and Loop are two spellings
#   of one recurrence.
# Instead: with T = 0 Loop gives the initial state and an output of shape (0, 2, 3) in ONNX
#   Runtime and OpenVINO; Scan raises while running in ONNX Runtime (an index check on the empty
#   axis), in OpenVINO, and in onnx.reference ("not supported"). The model checker accepts both, T
#   is a free name in both.
# Output seen:
#   Scan, T=1: onnxruntime (1, 2, 3), openvino (1, 2, 3)
#   Scan, T=0: onnxruntime fails, openvino fails
#   Scan, T=0: onnx.reference fails
#   Loop, T=1: onnxruntime (1, 2, 3), openvino (1, 2, 3)
#   Loop, T=0: onnxruntime (0, 2, 3), openvino (0, 2, 3)
# Why it matters: an exporter that writes Scan has to say that T must be at least 1, although
#   nothing in the file does.
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
from onnx import TensorProto as T, checker, helper as h
from onnx.reference import ReferenceEvaluator

info = h.make_tensor_value_info
state, value = info("h", T.FLOAT, [2, 3]), info("x", T.FLOAT, [2, 3])
results = [info("next", T.FLOAT, [2, 3]), info("y", T.FLOAT, [2, 3])]
step = [h.make_node("Add", ["h", "x"], ["next"]), h.make_node("Identity", ["next"], ["y"])]
scan = [h.make_node("Scan", ["h0", "X"], ["hT", "Y"], num_scan_inputs=1,
                    body=h.make_graph(step, "body", [state, value], results))]
counted = [h.make_node("Gather", ["X", "i"], ["x"]), *step, h.make_node("Identity", ["go"], ["go_on"])]
loop = [h.make_node("Shape", ["X"], ["one"], start=0, end=1), h.make_node("Squeeze", ["one"], ["steps"]),
        h.make_node("Loop", ["steps", "", "h0"], ["hT", "Y"], body=h.make_graph(
            counted, "body", [info("i", T.INT64, []), info("go", T.BOOL, []), state],
            [info("go_on", T.BOOL, []), *results]))]


def with_openvino(model, feed):
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(io.BytesIO(model.SerializeToString())), "CPU")
    return list(compiled(feed).values())


def with_onnxruntime(model, feed):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, feed)


def outcome(run, model, steps):
    feed = {"X": np.ones((steps, 2, 3), "f4"), "h0": np.full((2, 3), 7, "f4")}
    try:
        last, outputs = run(model, feed)
    except Exception:
        return "fails"
    assert (last == 7 + steps).all()
    return outputs.shape


for name, nodes in (("Scan", scan), ("Loop", loop)):
    graph = h.make_graph(nodes, "sums", [info("X", T.FLOAT, ["T", 2, 3]), info("h0", T.FLOAT, [2, 3])],
                         [info("hT", T.FLOAT, [2, 3]), info("Y", T.FLOAT, ["T", 2, 3])])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=9)
    checker.check_model(model, full_check=True)
    for steps in (1, 0):
        seen = [outcome(run, model, steps) for run in (with_onnxruntime, with_openvino)]
        print(f"{name}, T={steps}: onnxruntime {seen[0]}, openvino {seen[1]}")
        assert seen == ["fails" if name == "Scan" and steps == 0 else (steps, 2, 3)] * 2
    if name == "Scan":
        evaluate = lambda model, feed: ReferenceEvaluator(model).run(None, feed)
        print("Scan, T=0: onnx.reference", outcome(evaluate, model, 0))
        assert outcome(evaluate, model, 1) == (1, 2, 3) and outcome(evaluate, model, 0) == "fails"
EOF
