"""What a batch of shorter sequences takes beside full ones, with and without the pass `index_rows`.

    python benchmarks/lengths.py [--cells indrnn,mingru] [--shape S2] [--threads 2]

Lengths are spread evenly from 1 to T.  The four calls of a row take turns, one call each; a figure
is the median time with lengths by that of the same code without them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cells import SHAPES
from setup_threads import set_threads
from timing import in_turn

USUAL = "indrnn,mingru,sru,qrnn,lru"
WAYS: Mapping[str, tuple[str, ...]] = {"by index": (), "packed": ("index_rows",)}
Run = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", default=USUAL, help=f"(default: {USUAL})")
    parser.add_argument("--shape", default="S2", choices=SHAPES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--budget", type=float, default=3.0, help="seconds for each row")
    arguments = parser.parse_args()
    set_threads(arguments.threads)
    print(f"{'cell':12} {'pass':10} {'full':>9}   " + "   ".join(f"{way:>8}" for way in WAYS))
    for name in arguments.cells.split(","):
        for kind, runs in _runs(name, SHAPES[arguments.shape]).items():
            times = in_turn(runs, arguments.budget)
            ratios = [times[way, "lengths"] / times[way, "full"] for way in WAYS]
            told = "   ".join(f"{ratio:8.2f}" for ratio in ratios)
            print(
                f"{name:12} {kind:10} {times['by index', 'full'] * 1e3:6.2f} ms   {told}",
                flush=True,
            )


def _runs(name: str, shape: tuple[int, ...]) -> dict[str, dict[tuple[str, str], Run]]:
    """By kind of pass, then by way and whether there are lengths."""
    import numpy as np

    import celldsl
    from celldsl.zoo_index import example_path

    steps, batch, inputs, hidden = shape
    lengths = np.linspace(1, steps, batch).astype(np.int64)
    found: dict[str, dict[tuple[str, str], Run]] = {"training": {}, "inference": {}}
    for way, without in WAYS.items():
        made = celldsl.load(example_path(name), without=without)
        free = [dim.name for dim in made.description.dims if dim.default is None]
        cell = made(**{d: inputs if d == "I" else hidden for d in free}, dtype="float32")
        random = np.random.default_rng(0)
        width = cell.description.inputs[0].shape(**cell.dims)
        x = random.normal(size=(steps, batch, *width)).astype("float32")
        dy = random.normal(size=cell(x)[0].shape).astype("float32")

        for kind, run in (
            ("training", partial(_train, cell, x, dy)),
            ("inference", partial(cell, x)),
        ):
            found[kind][way, "full"] = run
            found[kind][way, "lengths"] = partial(run, lengths=lengths)
    return found


def _train(cell: Any, x: Any, dy: Any, **given: Any) -> Any:
    return cell.backward(cell.forward(x, **given)[2], dy)


if __name__ == "__main__":
    main()
