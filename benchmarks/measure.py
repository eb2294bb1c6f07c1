"""Measures cells beside peers.  In: cells, shapes, peers.  Out: rows of times.

rows = measure_all([CELLS["gru"]], {"S2": (100, 32, 128, 128)}, ["jax_scan"], ["train"], 2, 1.0)
rows[0].times["JAX scan"].median       # seconds
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from typing import Any, Literal

import numpy as np
from cells import BenchCell
from peers import ours, sgemm
from peers.work import Shape, Work
from threadpoolctl import threadpool_limits
from timing import Time, alternate
from tqdm import tqdm

from celldsl.runtime.exec.streams import Stream

Which = Literal["median", "best"]
OURS = ours.LABEL
PACKAGES = {"jax": "jax", "torch": "torch", "onnx": "onnxruntime"}
FACTORS = {"train": 3, "infer": 1}  # gradients take two products for each of a forward pass


@dataclass(frozen=True)
class Row:
    """Times are in seconds; `limit` is what the cell's products alone would take."""

    cell: str
    shape_name: str
    shape: Shape
    mode: str
    times: dict[str, Time]
    limit: Time

    def ratio(self, which: Which) -> float | None:
        """How many times as long as we the fastest peer takes, by medians or best times."""
        others = [getattr(t, which) for name, t in self.times.items() if name != OURS]
        return min(others) / getattr(self.times[OURS], which) if others else None

    def share(self, which: Which) -> float:
        """Which part of the time the limit is."""
        found: float = getattr(self.limit, which) / getattr(self.times[OURS], which)
        return found


@dataclass(frozen=True)
class StreamRow:
    """One step at B=1, H=64, in seconds."""

    cell: str
    times: dict[str, Time]


def measure_all(
    cells: Sequence[BenchCell],
    shapes: Mapping[str, Shape],
    peers: Sequence[str],
    modes: Sequence[str],
    threads: int,
    budget: float,
) -> list[Row]:
    modules = list(_present(peers))
    _tell_torch(threads)
    wanted = list(product(cells, shapes, [mode for mode in modes if mode in FACTORS]))
    rows = []
    quiet = not sys.stderr.isatty()
    with threadpool_limits(threads):
        for spec, name, mode in tqdm(wanted, unit="line", disable=quiet):
            rows.append(_row(Work(spec, shapes[name]), name, mode, modules, budget))
    return rows


def _present(peers: Sequence[str]) -> Iterator[Any]:
    for name in peers:
        package = PACKAGES[name.partition("_")[0]]
        if find_spec(package) is None:
            print(f"{package} is not installed, and left out", file=sys.stderr)
        else:
            yield import_module(f"peers.{name}")


def _tell_torch(threads: int) -> None:
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)


def _row(work: Work, name: str, mode: str, modules: Sequence[Any], budget: float) -> Row:
    runs: dict[str, Callable[[], Any]] = {OURS: getattr(ours, mode)(work)}
    for module in modules:
        run = getattr(module, mode)(work)
        if run is not None:
            runs[module.LABEL] = run
    _compare(runs, mode)
    times = alternate({**runs, **sgemm.runs()}, budget)
    limit = sgemm.time_of(FACTORS[mode] * work.flops, times)
    found = {label: times[label] for label in runs}
    return Row(work.spec.name, name, work.shape, mode, found, limit)


def _compare(runs: Mapping[str, Callable[[], Any]], mode: str) -> None:
    """Those that have our parameters must have our results: else times mean nothing."""
    results = {label: run() for label, run in runs.items() if label in (OURS, "JAX scan")}
    if len(results) < 2:
        return
    mine, theirs = results[OURS], results["JAX scan"]
    pairs = [(mine, theirs)]
    if mode == "train":
        (y, gradients), (other, (_, dx, starts)) = mine, theirs
        pairs = [(y, other), (gradients.inputs["x"], dx)]
        pairs += list(zip(gradients.state, starts, strict=True))
    for found, expected in pairs:
        scale = float(np.abs(expected).max())
        # A hundred steps with layer norms make a thousandth of what float32 rounds away.
        assert np.abs(found - np.asarray(expected)).max() <= 1e-2 * scale


def stream_all(cells: Sequence[BenchCell], budget: float) -> list[StreamRow]:
    return list(_streams([cell for cell in cells if cell.onnx is not None], budget))


def _streams(cells: Sequence[BenchCell], budget: float) -> Iterator[StreamRow]:
    from peers.onnx_fused import LABEL, feed, session_of

    for spec in cells:
        work = Work(spec, (1, 1, 64, 64))
        session, given = session_of(work, work.shape), feed(work, work.x)
        x = work.x[0]
        _, state = work.cell.step(x)
        stream = work.cell.stream()
        runs = {
            "cell.step": lambda cell=work.cell, x=x, state=state: cell.step(x, state),
            "stream": lambda stream=stream, x=x: stream(x),
            "bare kernels": bare_step(stream),
            LABEL: lambda session=session, given=given: session.run(None, given),
        }
        yield StreamRow(spec.name, _per_call(runs, budget))


def bare_step(stream: Stream) -> Callable[[], Any]:
    """The compiled kernels of a step, called with arguments that are ready."""
    return stream._stepper.again


def _per_call(runs: Mapping[str, Callable[[], Any]], budget: float) -> dict[str, Time]:
    """A step is shorter than a clock is exact: a turn is many."""
    many = 200

    def repeated(run: Callable[[], Any]) -> Callable[[], None]:
        def again() -> None:
            for _ in range(many):
                run()

        return again

    times = alternate({name: repeated(run) for name, run in runs.items()}, budget)
    return {name: t / many for name, t in times.items()}
