"""Characters as integers against one-hot vectors.  In: nothing.  Out: times, and how far apart.

    python benchmarks/char_model.py --batch 32 --steps 100

A GRU over 256 characters is trained by the same numbers in both ways: with one-hot vectors as its
input, and with integers that pick.  Both have the same parameters; gradients must agree.  Times are
CPU time on one thread, medians of turns.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from setup_threads import set_threads

import celldsl

CHARACTERS = 256
CELL = """
cell {name}[V, H]:
    input {declared}
    state h: [H]

    r, u = split(sigmoid(linear([{operand}, h], 2*H)), 2)
    c    = tanh(linear([{operand}, r * h], H))
    h'   = u * h + (1 - u) * c

    output h'
"""
HOT = CELL.format(name="Hot", declared="x: [V]", operand="x")
PICKED = CELL.format(name="Picked", declared="x: int[V]", operand="one_hot(x, V)")


def passes(hidden: int, steps: int, batch: int) -> dict[str, Any]:
    """A training pass of each; `picked` and `hot` from the same parameters."""
    random = np.random.default_rng(0)
    numbers = random.integers(0, CHARACTERS, size=(steps, batch))
    hot = celldsl.compile_source(HOT)(V=CHARACTERS, H=hidden)
    picked = celldsl.compile_source(PICKED)(V=CHARACTERS, H=hidden)
    for mine, other in zip(picked.params.values(), hot.params.values(), strict=True):
        mine[...] = other
    vectors = np.eye(CHARACTERS, dtype=np.float32)[numbers]
    dy = random.normal(size=(steps, batch, hidden)).astype(np.float32)

    def trained(cell: Any, x: Any) -> Any:
        def run() -> list[Any]:
            grads = cell.backward(cell.forward(x)[2], dy)
            return [np.array(each) for each in grads.params.values()]

        return run

    return {"hot": trained(hot, vectors), "picked": trained(picked, numbers)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("hidden", 128), ("batch", 32), ("steps", 100), ("rounds", 15)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    set_threads(1)
    runs = passes(asked.hidden, asked.steps, asked.batch)
    pairs = zip(runs["hot"](), runs["picked"](), strict=True)
    apart = max(float(np.abs(a - b).max() / (1 + np.abs(a).max())) for a, b in pairs)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(asked.rounds):
        for name, run in runs.items():
            start = time.process_time()
            run()
            times[name].append(time.process_time() - start)
    hot, picked = (float(np.median(times[name])) for name in ("hot", "picked"))
    print(f"one-hot vectors  {hot * 1e3:8.2f} ms a training pass")
    print(f"integers         {picked * 1e3:8.2f} ms, {hot / picked:.2f} times as fast")
    print(f"gradients differ by {apart:.1e}")


if __name__ == "__main__":
    main()
