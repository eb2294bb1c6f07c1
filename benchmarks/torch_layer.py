"""Times of `celldsl.torch.RNN` beside our own calls, PyTorch's layers and a loop by hand.

    python benchmarks/torch_layer.py                    # GRU and LSTM, S1 to S4: some minutes
    python benchmarks/torch_layer.py --shapes S1,S2 --cells packed_lstm

All take turns in one process on as many threads.  A training step is forward, a loss (the weighted
sum of outputs), and the gradients of parameters by `backward`; the loop by hand has those of inputs
too.  The last lines are one call at T=1, B=1, H=64, beside the kernels' own time.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from cells import CELLS, SHAPES
from setup_threads import cores, set_threads

NAMES = [name for name, spec in CELLS.items() if spec.torch]
Runs = dict[str, Callable[[], Any]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", default="cudnn_gru,packed_lstm", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--shapes", default=",".join(SHAPES), help="of S1 to S4")
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    parser.add_argument("--alone", action="store_true", help="without PyTorch's own")
    parser.add_argument("--budget", type=float, default=5.0, help="seconds for each line")
    arguments = parser.parse_args()
    set_threads(arguments.threads)
    import torch

    torch.set_num_threads(arguments.threads)
    for cell in arguments.cells.split(","):
        for name in arguments.shapes.split(","):
            _tell(f"{cell} {name}", _steps(cell, name, arguments.alone), arguments.budget)
        _tell(f"{cell} T=1", _calls(cell), arguments.budget)


def _steps(cell: str, name: str, alone: bool) -> Runs:
    """Training steps of one shape."""
    import torch
    from peers import torch_eager
    from peers.work import Work

    import celldsl.torch

    work = Work(CELLS[cell], SHAPES[name])
    x, dy = torch.tensor(work.x), torch.tensor(work.dy)
    _, _, inputs, hidden = work.shape
    layer = celldsl.torch.RNN(work.cell)
    theirs = getattr(torch.nn, work.spec.torch or "")(inputs, hidden)

    def step(net: Any) -> Callable[[], None]:
        leaves = list(net.parameters())

        def run() -> None:
            y, _ = net(x)
            (y * dy).sum().backward()
            for leaf in leaves:
                leaf.grad = None

        return run

    def own() -> Any:
        _, _, tape = work.cell.forward(work.x)
        return work.cell.backward(tape, work.dy)

    runs = {"celldsl": own, "celldsl.torch.RNN": step(layer)}
    if alone:
        return runs
    return runs | {
        f"torch.nn.{work.spec.torch}": step(theirs),
        "loop by hand": torch_eager.train(work),
    }


def _calls(cell: str) -> Runs:
    """One step of one sequence, without gradients: a turn is many."""
    import torch
    from measure import bare_step
    from peers.work import Work

    import celldsl.torch

    work = Work(CELLS[cell], (1, 1, 64, 64))
    layer, x = celldsl.torch.RNN(work.cell), torch.tensor(work.x)

    def call() -> None:
        with torch.inference_mode():
            layer(x)

    runs = {"kernels": bare_step(work.cell.stream()), "celldsl.torch.RNN": call}
    return {name: _often(run) for name, run in runs.items()}


MANY = 100


def _often(run: Callable[[], Any]) -> Callable[[], None]:
    def again() -> None:
        for _ in range(MANY):
            run()

    return again


def _tell(what: str, runs: Mapping[str, Callable[[], Any]], budget: float) -> None:
    from timing import alternate

    times = alternate(runs, budget)
    scale = MANY if what.endswith("T=1") else 1
    first = next(iter(times.values()))
    for name, time in times.items():
        median, best = (1e6 * t / scale for t in (time.median, time.best))
        ratio = time.median / first.median
        print(f"{what:10} {name:20} {median:12.1f} µs  best {best:12.1f} µs  {ratio:6.2f}×")


if __name__ == "__main__":
    main()
