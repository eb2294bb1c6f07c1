"""What each optimisation gains: a training pass without it, by one with all of them.

    python benchmarks/without.py [--cells gru,packed_lstm] [--shapes S1,S2] [--names sink_nodes]

Prints a table in Markdown.  Times are CPU time on one thread, medians of turns that alternate; `=`
stands where the generated module is the same.  Every variant is compiled first: it takes minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from setup_threads import set_threads
from timing import alternate_cpu

USUAL = "gru,packed_lstm,ln_lstm,indrnn"
ALL = "all of them"

Run = Callable[[], object]


def main() -> None:
    from celldsl.pass_flags import optimisations

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", default=USUAL, help=f"(default: {USUAL})")
    parser.add_argument("--shapes", default="S1,S2", help="of S1 to S4 (default: S1,S2)")
    parser.add_argument("--names", default=",".join(optimisations()), help="(default: all)")
    parser.add_argument("--budget", type=float, default=10.0, help="CPU seconds for each column")
    arguments = parser.parse_args()
    set_threads(1)
    cells, shapes = arguments.cells.split(","), arguments.shapes.split(",")
    names = [*arguments.names.split(","), ALL]
    columns = [
        column for cell in cells for column in _columns(cell, shapes, names, arguments.budget)
    ]
    heads = [f"{cell} {shape}" for cell in cells for shape in shapes]
    print(f"| without | {' | '.join(heads)} |")
    print(f"|---|{'--:|' * len(heads)}")
    print(f"| nothing, ms | {' | '.join(f'{c.pop(0)}' for c in columns)} |")
    for i, name in enumerate(names):
        told = name if name == ALL else f"`{name}`"
        print(f"| {told} | {' | '.join(column[i] for column in columns)} |")


def _columns(
    cell: str, shapes: Sequence[str], names: Sequence[str], budget: float
) -> list[list[str]]:
    """For each shape the time with everything, and the ratios without each."""
    from cells import SHAPES

    classes = {name: _class_without(cell, name) for name in ("", *names)}
    found = []
    for shape in shapes:
        runs = {n: _training(c, SHAPES[shape]) for n, c in classes.items() if c is not None}
        times = alternate_cpu(runs, budget)
        ratios = [f"{times[n] / times['']:.2f}" if n in times else "=" for n in names]
        found.append([f"{times[''] * 1e3:.2f}", *ratios])
        print(f"{cell} {shape} done", file=sys.stderr)
    return found


def _class_without(cell: str, name: str) -> Any:
    """The class, or None where leaving the optimisation out changes nothing."""
    import celldsl
    from celldsl.pass_flags import optimisations
    from celldsl.pipeline import generate
    from celldsl.zoo_index import example_path

    path = example_path(cell)
    left_out = [*optimisations()] if name == ALL else [name] if name else []
    text = path.read_text(encoding="utf-8")
    told = f"Made without {name}.\n"
    same = generate(text, path.name, without=left_out).replace(told, "") == generate(
        text, path.name
    )
    return None if name and same else celldsl.load(path, without=left_out)


def _training(cls: Any, shape: tuple[int, int, int, int]) -> Run:
    import numpy as np

    steps, batch, inputs, hidden = shape
    sizes = {d.name: inputs if d.name == "I" else hidden for d in cls.description.dims}
    cell = cls(**sizes, dtype="float32")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(steps, batch, inputs)).astype("float32")
    dy = rng.normal(size=(steps, batch, hidden)).astype("float32")

    def run() -> object:
        tape = cell.forward(x)[2]
        return cell.backward(tape, dy)

    return run


if __name__ == "__main__":
    main()
