#!/usr/bin/env bash
# onnx.reference: Loop joins its outputs end to end, and takes no step if cond is left out
#
# Versions: onnx 1.23.2, onnxruntime 1.32.0.
# Bet: a scan output of Loop has one more axis than the value of an iteration: T states of shape
#   (2, 3) give (T, 2, 3), as with Scan. An empty `cond` input means that only the trip count ends
#   the loop.
# Instead: the reference evaluator concatenates the values along their first axis: (2T, 3). With
#   `cond` left out it takes no step at all: the final state is the initial one, without a
#   message, and a scan output raises from inside NumPy. ONNX Runtime and the operator's text
#   agree on (T, 2, 3) and T steps; the evaluator's own Scan stacks.
# Output seen:
#   cond true: the sum of 5 ones is 5.0 in onnxruntime, 5.0 in onnx.reference
#   cond left out: the sum of 5 ones is 5.0 in onnxruntime, 0.0 in onnx.reference
#   scan output: onnxruntime (5, 2, 3), onnx.reference (10, 3)
# Why it matters: a cell unrolled as a Loop looks wrong under "the reference" although it is
#   right. A batch of 1 hides the first: values of (1, 3) give (T, 3), which broadcasts against
#   (T, 1, 3).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
"$dir/venv/bin/python" - <<'EOF'
import numpy as np
import onnxruntime
from onnx import TensorProto as T, checker, helper as h, numpy_helper
from onnx.reference import ReferenceEvaluator

info = h.make_tensor_value_info


def model(condition, outputs):
    """h' = h + x over the first axis of X; puts out every state if `outputs`."""
    nodes = [h.make_node("Gather", ["X", "i"], ["x"]), h.make_node("Add", ["h", "x"], ["next"]),
             h.make_node("Identity", ["next"], ["y"]), h.make_node("Identity", ["go"], ["go_on"])]
    each = [info("y", T.FLOAT, [2, 3])] if outputs else []
    body = h.make_graph(nodes[:2] + nodes[2 if outputs else 3 :], "body",
                        [info("i", T.INT64, []), info("go", T.BOOL, []), info("h", T.FLOAT, [2, 3])],
                        [info("go_on", T.BOOL, []), info("next", T.FLOAT, [2, 3]), *each])
    whole = [info("hT", T.FLOAT, [2, 3])] + ([info("Y", T.FLOAT, ["T", 2, 3])] if outputs else [])
    graph = h.make_graph(
        [h.make_node("Shape", ["X"], ["one"], start=0, end=1), h.make_node("Squeeze", ["one"], ["steps"]),
         h.make_node("Loop", ["steps", condition, "h0"], [o.name for o in whole], body=body)],
        "sums", [info("X", T.FLOAT, ["T", 2, 3]), info("h0", T.FLOAT, [2, 3])], whole,
        [numpy_helper.from_array(np.array(True), "true")])
    made = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=9)
    checker.check_model(made, full_check=True)
    return made


feed = {"X": np.ones((5, 2, 3), "f4"), "h0": np.zeros((2, 3), "f4")}
for condition in ("true", ""):
    made = model(condition, outputs=False)
    ort = onnxruntime.InferenceSession(made.SerializeToString()).run(None, feed)[0][0, 0]
    reference = ReferenceEvaluator(made).run(None, feed)[0][0, 0]
    print(f"cond {condition or 'left out'}: the sum of 5 ones is {ort} in onnxruntime, {reference} in onnx.reference")
    assert ort == 5 and reference == (5 if condition else 0)

made = model("true", outputs=True)
ort = onnxruntime.InferenceSession(made.SerializeToString()).run(None, feed)[1].shape
reference = ReferenceEvaluator(made).run(None, feed)[1].shape
print(f"scan output: onnxruntime {ort}, onnx.reference {reference}")
assert ort == (5, 2, 3) and reference == (10, 3)
EOF
