"""What a loss at the last step alone costs, beside one at all steps: cotangents that vanish.

    python benchmarks/last_step.py [--cells gru,lstm] [--steps 500,5000] [--output last_step.json]

For every cell that comes along: the CPU time of `backward` on one thread, medians of alternating
turns.  Rows are written to the output as they are found, and are not measured again; `--flush 0`
leaves subnormal numbers as they are, and says what they would cost.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from setup_threads import set_threads
from timing import alternate_cpu

MOST = 1.1
BATCH = 4
SIZES = (32, 16, 8, 4)
MOST_NUMBERS = 100_000  # of the parameters; cells with images as states get smaller ones
Run = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", default="", help="names (default: all)")
    parser.add_argument("--steps", default="500,5000")
    parser.add_argument("--budget", type=float, default=0.6, help="CPU seconds for each row")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--flush", choices=["0", "1"], default="1")
    parser.add_argument("--output", type=Path, default=Path("last_step.json"))
    arguments = parser.parse_args()
    set_threads(1)
    os.environ["CELLDSL_FLUSH_DENORMALS"] = arguments.flush
    from celldsl.zoo_index import cell_name, example_paths

    known = [cell_name(path) for path in example_paths()]
    found = json.loads(arguments.output.read_text()) if arguments.output.is_file() else {}
    for name in arguments.cells.split(",") if arguments.cells else sorted(known):
        for steps in map(int, arguments.steps.split(",")):
            key = f"{name} {steps} {arguments.dtype} {arguments.flush}"
            if key not in found:
                found[key] = _ratio(name, steps, arguments.dtype, arguments.budget)
                arguments.output.write_text(json.dumps(found, indent=1) + "\n")
            told = "  <- above" if found[key]["ratio"] > MOST else ""
            print(f"{key:44} {found[key]['ratio']:6.3f}{told}", flush=True)


def _ratio(name: str, steps: int, dtype: str, budget: float) -> dict[str, float]:
    """Medians in seconds, and what one loss costs beside those of all steps."""
    every, last = _passes(name, steps, dtype)
    times = alternate_cpu({"every": every, "last": last}, budget)
    return {**times, "ratio": times["last"] / times["every"]}


def _passes(name: str, steps: int, dtype: str) -> tuple[Run, Run]:
    """Backward passes of one tape: cotangents at all steps, and at the last alone."""
    import numpy as np

    import celldsl
    from celldsl.runtime.arrays.inputs import drawn_input

    cell = _built(celldsl.load(name), dtype)
    random = np.random.default_rng(0)
    lead = (steps, BATCH)
    inputs = {
        each.name: drawn_input(each, cell.dims, lead, random, dtype)
        for each in cell.description.inputs
    }
    y, _, tape = cell.forward(inputs)
    outputs = y if isinstance(y, tuple) else (y,)
    every = [random.normal(size=array.shape).astype(dtype) for array in outputs]
    last = [np.where(np.arange(steps).reshape(-1, *[1] * (a.ndim - 1)) == steps - 1, a, 0)
            for a in every]  # fmt: skip
    last = [np.ascontiguousarray(array, dtype) for array in last]

    def run(cotangents: list[Any]) -> Run:
        return lambda: cell.backward(tape, tuple(cotangents))

    return run(every), run(last)


def _built(cls: Any, dtype: str) -> Any:
    """With sizes that are as equal as its conditions allow."""
    from celldsl.cli.sample import sample_cell

    free = [dim.name for dim in cls.description.dims if dim.fixed is None and dim.default is None]
    for size in SIZES:
        with suppress(ValueError):
            cell = cls(**dict.fromkeys(free, size), dtype=dtype)
            if cell.params.flat.size <= MOST_NUMBERS and _numbers(cell.state()) <= size * size:
                return cell
    return sample_cell(cls, {}, dtype)


def _numbers(state: Any) -> int:
    return sum(map(_numbers, state)) if isinstance(state, tuple) else int(state.size)


if __name__ == "__main__":
    main()
