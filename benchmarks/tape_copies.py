"""What it costs that a tape is safe: a training pass with copies of a caller's arrays, or without.

    python benchmarks/tape_copies.py [--cells gru,indrnn] [--shapes S1,S2] [--threads 2]

`forward` copies the inputs and initial states that `backward` reads.  On one thread times are CPU
time, and a busy machine is no matter; on several they are of the clock, call by call in turn.  Each
is a median; the last column is what the copies add to a pass without them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from cells import SHAPES
from setup_threads import set_threads
from timing import alternate_cpu, in_turn

USUAL = "gru,packed_lstm,rnn,indrnn,mingru,sru,lru,hgrn,tlstm"
SMALL = {"T1": (1, 1, 8, 8), "T10": (10, 1, 8, 8), "T100": (100, 4, 32, 32)}
WAYS: Mapping[str, dict[str, object]] = {"": {}, "checkpoint": {"checkpoint": True}}
Run = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", default=USUAL, help=f"(default: {USUAL})")
    shapes = {**SMALL, **SHAPES}
    parser.add_argument("--shapes", default="T1,T10,T100,S1,S2", help=f"of {', '.join(shapes)}")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--budget", type=float, default=1.5, help="seconds for each row")
    parser.add_argument("--ways", default="", help="comma-separated: checkpoint, or nothing")
    arguments = parser.parse_args()
    set_threads(arguments.threads)
    measure = _by_cpu if arguments.threads == 1 else in_turn
    for name in arguments.cells.split(","):
        for shape in arguments.shapes.split(","):
            for way in arguments.ways.split(","):
                runs = _runs(name, shapes[shape], WAYS[way])
                times = measure(runs, arguments.budget)
                more = times["with"] / times["without"] - 1
                told = f"{name:16} {shape:5} {way:10} {times['without'] * 1e3:9.3f} ms"
                print(f"{told} {more:+7.1%}", flush=True)


def _by_cpu(runs: Mapping[str, Run], budget: float) -> dict[str, float]:
    return alternate_cpu(runs, budget, turns=15)


def _runs(name: str, shape: tuple[int, int, int, int], options: dict[str, Any]) -> dict[str, Run]:
    import numpy as np

    import celldsl
    from celldsl.runtime.arrays.inputs import drawn_input
    from celldsl.runtime.exec.kept_numbers import OwnCopies

    steps, batch, width, hidden = shape
    cls = celldsl.load(name)
    known = {"I": width, "H": hidden}
    cell = cls(**{dim.name: known.get(dim.name, hidden) for dim in cls.description.dims
                  if dim.fixed is None and dim.default is None})  # fmt: skip
    random = np.random.default_rng(0)
    lead = (steps, batch)
    inputs = {
        each.name: drawn_input(each, cell.dims, lead, random, "float32")
        for each in cell.description.inputs
    }
    y, _, _ = cell.forward(inputs)
    start = cell.state(batch)
    dy = tuple(map(np.ones_like, y)) if isinstance(y, tuple) else np.ones_like(y)

    engine = cell._engine

    def training(copies: Any) -> Run:
        def run() -> None:
            engine.own_copies = lambda: copies(engine.buffers)
            cell.backward(cell.forward(inputs, start, **options)[2], dy)

        return run

    class Nothing(OwnCopies):
        def __call__(self, array: Any, rows: bool) -> Any:
            return array

    return {"with": training(OwnCopies), "without": training(Nothing)}


if __name__ == "__main__":
    main()
