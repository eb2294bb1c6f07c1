"""Products in bfloat16: what rounding costs, and how fast they are, beside PyTorch's bfloat16 LSTM.

    python benchmarks/rounded_products.py --errors      # against float64, over T; writes a picture
    python benchmarks/rounded_products.py               # times at S2 to S4, in turns

The first line says which instructions for bfloat16 the processor has.  celldsl uses none of them
yet: operands are rounded and multiplied as singles, so that it gains no time by rounding.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

SHAPES = {"S2": (100, 32, 128, 128), "S3": (100, 64, 256, 256), "S4": (50, 128, 512, 512)}
CELLS = ("lstm", "gru", "peephole_lstm")
LENGTHS = (10, 30, 100, 300, 1000)
FEATURES = ("amx_bf16", "avx512_bf16")
Found = dict[str, dict[int, tuple[float, float]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", action="store_true")
    parser.add_argument("--shapes", default="S2,S3,S4")
    parser.add_argument("--seconds", type=float, default=8.0, help="for each shape")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--picture", type=Path, default=None)
    arguments = parser.parse_args()
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    told = [f"{name} {'yes' if name in flags else 'no'}" for name in FEATURES]
    print(f"{arguments.threads} threads; {', '.join(told)}")
    if arguments.errors:
        found = errors()
        print_errors(found)
        if arguments.picture is not None:
            draw(found, arguments.picture)
        return
    for shape in arguments.shapes.split(","):
        print_times(shape, arguments.seconds, arguments.threads)


# ---------------------------------------------------------------- errors


def errors(features: int = 32, units: int = 64, batch: int = 8) -> Found:
    """The relative error of outputs and of the gradient of recurrent weights, by T."""
    found: Found = {}
    for steps in LENGTHS:
        rng = np.random.default_rng(0)
        x = rng.normal(size=(steps, batch, features)).astype(np.float32)
        dy = rng.normal(size=(steps, batch, units)).astype(np.float32)
        for name in CELLS:
            exact = run(name, x, dy, dtype="float64")
            for label, settings in (("float32", {}), ("bfloat16", {"products": "bfloat16"})):
                pair = apart(run(name, x, dy, **settings), exact)
                found.setdefault(f"{name}, {label}", {})[steps] = pair
        for kind in ("LSTM", "GRU"):
            found.setdefault(f"PyTorch's {kind}, bfloat16", {})[steps] = peer_errors(kind, x, dy)
    return found


def run(name: str, x: Any, dy: Any, **settings: Any) -> tuple[Any, Any]:
    """Outputs, and the gradients of recurrent weights, from the same parameters."""
    import celldsl

    cls: Any = celldsl.load(name)
    sizes = {"I": x.shape[2], "H": dy.shape[2]}
    cell = cls(**sizes, **settings)
    drawn = cls(**sizes).params
    cell.params.assign({n: np.array(a, cell.dtype) for n, a in drawn.items()})
    y, _, tape = cell.forward(x.astype(cell.dtype))
    params = cell.backward(tape, dy.astype(cell.dtype)).params
    recurrent = [np.ravel(a) for n, a in params.items() if n.endswith(("W_h", "W_1"))]
    return y, np.concatenate(recurrent)


def peer_errors(name: str, x: Any, dy: Any) -> tuple[float, float]:
    """A bfloat16 layer of PyTorch beside itself in float64, from rounded weights and inputs."""
    import torch

    torch.manual_seed(0)
    made = getattr(torch.nn, name)
    rounded = made(x.shape[2], dy.shape[2]).bfloat16()
    exact = made(x.shape[2], dy.shape[2]).double()
    exact.load_state_dict({n: w.double() for n, w in rounded.state_dict().items()})
    results = []
    for layer in (rounded, exact):
        kind = layer.weight_hh_l0.dtype
        y, _ = layer(torch.from_numpy(x).bfloat16().to(kind))
        y.backward(torch.from_numpy(dy).bfloat16().to(kind))
        results.append((y.detach().double().numpy(), layer.weight_hh_l0.grad.double().numpy()))
    return apart(*results)


def apart(found: tuple[Any, Any], exact: tuple[Any, Any]) -> tuple[float, float]:
    first, second = (
        float(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in zip(found, exact, strict=True)
    )
    return first, second


def print_errors(found: Found) -> None:
    head = " | ".join(f"T={steps}" for steps in LENGTHS)
    for place, what in enumerate(("outputs", "gradient of recurrent weights")):
        print(f"\n| {what} | {head} |\n|---|{'--:|' * len(LENGTHS)}")
        for label, by_length in found.items():
            numbers = " | ".join(f"{by_length[steps][place]:.1e}" for steps in LENGTHS)
            print(f"| {label} | {numbers} |")


def draw(found: Found, path: Path) -> None:
    from matplotlib import pyplot
    from matplotlib.ticker import PercentFormatter

    figure, axes = pyplot.subplots(figsize=(6.4, 3.6), layout="constrained")
    for label, by_length in found.items():
        style = "--" if "float32" in label else "-" if "PyTorch" not in label else ":"
        gradients = [by_length[steps][1] for steps in LENGTHS]
        axes.plot(LENGTHS, gradients, style, marker="o", markersize=3, label=label)
    axes.set(xscale="log", yscale="log", xlabel="steps", ylabel="relative error")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_title("Gradient of recurrent weights, against float64", fontsize=10)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


# ---------------------------------------------------------------- times


def print_times(shape: str, seconds: float, threads: int) -> None:
    """The medians of passes and of one product alone, all in turns."""
    runs = own_runs(*SHAPES[shape], threads) | peer_runs(*SHAPES[shape], threads)
    times: dict[str, list[float]] = {label: [] for label in runs}
    for run_once in runs.values():
        run_once()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(times.values()))) < 3:
        for label, run_once in runs.items():
            start = time.perf_counter()
            run_once()
            times[label].append(time.perf_counter() - start)
    print(f"\n{shape} {SHAPES[shape]}, ms")
    for label, measured in times.items():
        print(f"  {label:42} {1e3 * median(measured):8.2f}")


def own_runs(
    steps: int, batch: int, features: int, units: int, threads: int
) -> dict[str, Callable[[], object]]:
    import celldsl

    celldsl.set_threads(threads)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(steps, batch, features)).astype(np.float32)
    dy = rng.normal(size=(steps, batch, units)).astype(np.float32)
    runs: dict[str, Callable[[], object]] = {}
    for name in CELLS:
        for kind in ("float32", "bfloat16"):
            cls: Any = celldsl.load(name)
            cell = cls(I=features, H=units, products=kind)
            runs[f"{name}, {kind}: training"] = lambda cell=cell: cell.backward(
                cell.forward(x)[2], dy
            )
            runs[f"{name}, {kind}: inference"] = lambda cell=cell: cell(x)
    return runs


def peer_runs(
    steps: int, batch: int, features: int, units: int, threads: int
) -> dict[str, Callable[[], object]]:
    import torch

    torch.set_num_threads(threads)
    x, dy = torch.randn(steps, batch, features), torch.randn(steps, batch, units)
    runs: dict[str, Callable[[], object]] = {}
    for kind in (torch.float32, torch.bfloat16):
        layer = torch.nn.LSTM(features, units).to(kind)
        own, given = x.to(kind), dy.to(kind)

        def train(layer: Any = layer, own: Any = own, given: Any = given) -> None:
            layer.zero_grad()
            layer(own)[0].backward(given)

        def infer(layer: Any = layer, own: Any = own) -> None:
            with torch.no_grad():
                layer(own)

        runs[f"PyTorch's LSTM, {str(kind)[6:]}: training"] = train
        runs[f"PyTorch's LSTM, {str(kind)[6:]}: inference"] = infer
    return runs


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
