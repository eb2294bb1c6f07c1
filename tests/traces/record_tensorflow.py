"""Records runs of TensorFlow 1's cells, which need an old Python.  Out: files of `data/`.

    python3.7 -m venv old && old/bin/pip install tensorflow==1.15.5 "protobuf<3.21" "numpy<1.19"
    old/bin/python tests/traces/record_tensorflow.py

Each is one sequence of five steps with random numbers for every weight and both states.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parent / "data"
STEPS, I, H = 5, 3, 4  # noqa: E741
tf: Any = importlib.import_module("tensorflow")
cells: Any = importlib.import_module("tensorflow.contrib.rnn.python.ops.rnn_cell")
pruning: Any = importlib.import_module("tensorflow.contrib.model_pruning.python.layers.rnn_cells")
random = np.random.RandomState(17)


def main() -> None:
    record(
        "tf.lnlstm", "LayerNormLSTMCell (peephole, clip)",
        cells.LayerNormLSTMCell(H, use_peepholes=True, cell_clip=1.1, layer_norm=True),
        {"kernel": "K", **{f"{gate}/gamma": f"γ{letter}" for gate, letter in NORMS.items()},
         **{f"{gate}/beta": f"β{letter}" for gate, letter in NORMS.items()},
         "w_i_diag": "pi", "w_f_diag": "pf", "w_o_diag": "po"},
        {"fb": 1.0, "cc": 1.1},
    )  # fmt: skip
    record(
        "tf.glstm", "GLSTMCell (two groups)", cells.GLSTMCell(H, number_of_groups=2),
        {"group0/kernel": "K0", "group1/kernel": "K1", "bias_i": "bi", "bias_j": "bj",
         "bias_f": "bf", "bias_o": "bo"},
        {"fb": 1.0}, inputs=4,
    )  # fmt: skip
    record(
        "tf.masked", "MaskedBasicLSTMCell", pruning.MaskedBasicLSTMCell(H),
        {"kernel": "K", "bias": "b", "mask": "Mask"}, {"fb": 1.0},
    )  # fmt: skip
    record(
        "tf.phased", "PhasedLSTMCell", cells.PhasedLSTMCell(H, ratio_on=0.4, leak=0.02),
        {"mask_gates/kernel": "Kg", "mask_gates/bias": "bg", "new_input/kernel": "Kn",
         "new_input/bias": "bn", "output_gate/kernel": "Ko", "output_gate/bias": "bo",
         "period": "τ", "phase": "s"},
        {"ρ": 0.4, "leak": 0.02}, timed=True,
    )  # fmt: skip


NORMS = {"input": "i", "transform": "j", "forget": "f", "output": "o", "state": "c"}


def record(
    name: str,
    title: str,
    cell: Any,
    names: dict[str, str],
    numbers: dict[str, float],
    inputs: int = I,
    timed: bool = False,
) -> None:
    """`names` maps variables, without their scope, to those of the row."""
    tf.reset_default_graph()
    x, c, h = (tf.placeholder(tf.float32, (1, n)) for n in (inputs, H, H))
    t = tf.placeholder(tf.float32, (1, 1))
    out, after = cell((t, x) if timed else x, tf.nn.rnn_cell.LSTMStateTuple(c, h))
    given = [v for v in tf.global_variables() if not v.op.name.endswith("/ratio_on")]
    values = {v: drawn(v.op.name, v.shape.as_list()) for v in given}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for variable, value in values.items():
            session.run(tf.assign(variable, value))
        state = [drawn("c", (1, H)), drawn("h", (1, H))]
        start, X, steps = by_name(state), [], []
        for step in range(STEPS):
            feed = {x: drawn("x", (1, inputs)), c: state[0], h: state[1]}
            seen = {"x": feed[x][0].tolist()}
            if timed:
                feed[t] = np.float32([[0.7 * step + 0.3]])
                seen["t"] = float(feed[t][0, 0])
            y, state = session.run([out, list(after)], feed)
            X.append(seen)
            steps.append({"state": by_name(state), "out": y[0].tolist()})
    found = {called(v.op.name, names): value.T.tolist() for v, value in values.items()
             if called(v.op.name, names)}  # fmt: skip
    assert set(found) == set(names.values()), (set(names.values()) - set(found), list(values))
    told = {
        "id": name, "P": {**found, **numbers}, "X": X, "s0": start,
        "steps": steps, "tol": 2e-5, "name": title,
    }  # fmt: skip
    text = json.dumps(told, ensure_ascii=False)
    (DATA / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def by_name(state: Any) -> dict[str, Any]:
    return {"c": state[0][0].tolist(), "h": state[1][0].tolist()}


def called(variable: str, names: dict[str, str]) -> str:
    """The longest of the names that the variable's ends with."""
    ends = [end for end in names if variable.endswith("/" + end)]
    return names[max(ends, key=len)] if ends else ""


def drawn(name: str, shape: Any) -> Any:
    if name.endswith("/mask"):
        return random.randint(0, 2, size=shape).astype("float32")
    if name.endswith("/period"):
        return random.uniform(1.0, 3.0, size=shape).astype("float32")
    return (0.7 * random.normal(size=shape)).astype("float32")


if __name__ == "__main__":
    main()
