"""A convolutional LSTM beside PyTorch's eager one, in turns, on two threads.

    python benchmarks/convolutions.py [--budget SECONDS] [--without direct_convolutions]

Sizes are (T, B, C, F, places…), the kernel has 3 places along each axis.  A training pass is
forward and the gradients of parameters, inputs and start states; PyTorch's cell concatenates input
and state and has one convolution for all gates.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from timing import alternate

import celldsl

SHAPES = ((10, 8, 16, 32, 32, 32), (10, 4, 1, 64, 64, 64), (50, 16, 32, 64, 256))
THREADS = 2
GATES = "ijfo"
Runs = dict[str, Callable[[], object]]


def runs_of(shape: tuple[int, ...], without: Sequence[str] = ()) -> Runs:
    """Both cells, with the same parameters and data."""
    steps, batch, channels, features, *places = shape
    names = ("Y", "X") if len(places) == 2 else ("L",)
    name = "conv_lstm" if len(places) == 2 else "conv_lstm_1d"
    cell_type = celldsl.load(name, without=without)
    dims = dict(zip(names, places, strict=True))
    cell = cell_type(C=channels, F=features, dtype="float32", seed=0, **dims)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((steps, batch, channels, *places), np.float32)
    d = rng.standard_normal((steps, batch, features, *places), np.float32)

    def train() -> None:
        _, _, tape = cell.forward(x)
        cell.backward(tape, d)

    peer = eager(dict(cell.params), features)
    given, sent = torch.from_numpy(x).requires_grad_(), torch.from_numpy(d)

    def peer_alone() -> None:
        with torch.no_grad():
            peer(given)

    return {
        "training": train,
        "PyTorch's": lambda: peer(given).backward(sent),
        "inference": lambda: cell(x),
        "PyTorch's alone": peer_alone,
    }


def eager(params: dict[str, Any], features: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """The cell as it is written for PyTorch."""
    weight, bias = (
        torch.from_numpy(np.concatenate(parts)).requires_grad_()
        for parts in (
            [np.concatenate([params[f"{g}.W_x"], params[f"{g}.W_h"]], axis=1) for g in GATES],
            [params[f"{g}.b"] for g in GATES],
        )
    )
    places = weight.dim() - 2
    convolve = torch.nn.functional.conv2d if places == 2 else torch.nn.functional.conv1d

    def run(x: torch.Tensor) -> torch.Tensor:
        h = c = x.new_zeros(x.shape[1], features, *x.shape[3:])
        found = []
        for row in x:
            seen = torch.cat([row, h], dim=1)
            i, j, f, o = convolve(seen, weight, bias, padding=1).chunk(4, dim=1)
            c = torch.sigmoid(f + 1.0) * c + torch.sigmoid(i) * torch.tanh(j)
            h = torch.sigmoid(o) * torch.tanh(c)
            found.append(h)
        return torch.stack(found)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--budget", type=float, default=20.0, help="seconds for each shape")
    parser.add_argument("--without", action="append", default=[], help="optimisations to leave out")
    arguments = parser.parse_args()
    celldsl.set_threads(THREADS)
    torch.set_num_threads(THREADS)
    print("| T, B, C, F, places | training, ms | PyTorch's | ratio | inference, ms | its | ratio |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for shape in SHAPES:
        times = [
            1e3 * time.median
            for time in alternate(runs_of(shape, arguments.without), arguments.budget).values()
        ]
        train, peer, alone, peer_alone = times
        print(f"| {', '.join(map(str, shape))} | {train:.0f} | {peer:.0f} | {peer / train:.2f} | "
              f"{alone:.0f} | {peer_alone:.0f} | {peer_alone / alone:.2f} |")  # fmt: skip


if __name__ == "__main__":
    main()
