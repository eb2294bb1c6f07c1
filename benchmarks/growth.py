"""How the time of a training pass grows: odd sizes, lengths, direction, and two callers at once.

    python benchmarks/growth.py [--cells gru,packed_lstm,indrnn] [--budget 2]

prints ratios of medians of alternating runs; each line says what its ratio may be at most.  Runs
that others disturb are no good: look at the load before.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from cells import CELLS, BenchCell
from setup_threads import cores, set_threads

USUAL = (100, 32, 128, 128)
NEIGHBOURS = [  # T, B, I, H of an odd size and of its neighbour, per element
    ((100, 31, 128, 128), USUAL),
    ((100, 33, 128, 128), USUAL),
    ((100, 32, 128, 127), USUAL),
    ((100, 32, 128, 129), USUAL),
    ((100, 32, 127, 128), USUAL),
    ((101, 32, 128, 128), USUAL),
    ((100, 17, 65, 65), (100, 16, 64, 64)),
    ((100, 1, 65, 65), (100, 1, 64, 64)),
    ((100, 7, 31, 31), (100, 8, 32, 32)),
]
DOUBLES = [((200, 32, 128, 128), USUAL), ((100, 64, 128, 128), USUAL)]
PASSES = 10
Pass = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """`most` is what the time of `run` may be, beside that of `beside` times `work`."""

    name: str
    run: Pass
    beside: Pass
    work: float
    most: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", default="gru,packed_lstm,indrnn", help=f"of {', '.join(CELLS)}")
    parser.add_argument("--budget", type=float, default=2.0, help="seconds for each line")
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    arguments = parser.parse_args()
    set_threads(arguments.threads)
    # What reads the environment when it is imported comes after it is set.
    from timing import alternate

    print(f"{'cell':14} {'what':44} {'ratio':>6} {'(best)':>7} {'at most':>8}")
    for name in arguments.cells.split(","):
        for case in _cases(CELLS[name]):
            times = alternate({"run": case.run, "beside": case.beside}, arguments.budget)
            ratio, best = (
                getattr(times["run"], figure) / (getattr(times["beside"], figure) * case.work)
                for figure in ("median", "best")
            )
            print(f"{name:14} {case.name:44} {ratio:6.2f} {best:7.2f} {case.most:8.2f}", flush=True)


def _cases(spec: BenchCell) -> Iterator[Case]:
    usual = _passes(spec, USUAL)
    for shapes, kind, most in ((NEIGHBOURS, "beside", 1.5), (DOUBLES, "of twice", 1.1)):
        for shape, other in shapes:
            work = _amount(shape) / _amount(other)
            name = f"{_words(shape)} {kind} {_words(other)}"
            yield Case(name, _passes(spec, shape), _passes(spec, other), work, most)
    even = np.linspace(1, USUAL[0], USUAL[1]).astype(np.int64)
    yield Case("lengths from 1 to T", _passes(spec, USUAL, lengths=even), usual, 1.0, 0.65)
    yield Case("reverse", _passes(spec, USUAL, reverse=True), usual, 1.0, 1.05)
    backwards = _passes(spec, USUAL, lengths=even, reverse=True)
    yield Case("lengths from 1 to T, reverse", backwards, usual, 1.0, 0.65)
    several = [_repeated(usual), _repeated(_passes(spec, USUAL))]
    yield Case("two callers at once, beside in turn", _at_once(*several),
               lambda: [each() for each in several], 1.0, 1.0)  # fmt: skip


def _words(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _amount(shape: tuple[int, ...]) -> float:
    """About the work of a pass: rows, by the sizes of weights."""
    t, b, inputs, hidden = shape
    return t * b * hidden * (inputs + hidden)


def _passes(spec: BenchCell, shape: tuple[int, ...], **arguments: Any) -> Pass:
    """A training pass of a cell of its own."""
    from peers.work import Work

    work = Work(spec, shape)
    cell, x, dy = work.cell, work.x, work.dy

    def train() -> Any:
        _, _, tape = cell.forward(x, **arguments)
        return cell.backward(tape, dy)

    return train


def _repeated(run: Pass) -> Pass:
    """As in training: a pass after the other."""
    return lambda: [run() for _ in range(PASSES)]


def _at_once(*passes: Pass) -> Pass:
    """All passes, each on a Python thread of its own."""

    def run() -> None:
        threads = [threading.Thread(target=each) for each in passes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return run


if __name__ == "__main__":
    main()
