"""What `celldsl bench` measures: a cell, and those of other libraries.

subject = Subject("gru.cell", None, None, {"I": 28}, "float32")
subject.measure(128, 32, steps=100, seconds=1.0, peers={}).text     # a line of the table
peers, absent = peers_of(["torch", "jax"], threads=2, dtype="float32")
peers["torch LSTM"](T, B, I, H)()                                   # one training pass
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from celldsl.api import load
from celldsl.cli.options import Setting, root_of
from celldsl.cli.output import CommandError
from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError
from celldsl.ir.size import Size
from celldsl.ir.spec import ROUNDED
from celldsl.pipeline import Artefacts, front
from celldsl.plan.quantities import product_flops
from celldsl.runtime.arrays.inputs import drawn_input, of_step
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError
from celldsl.syntax.limits import read_source

SGEMM = 768
FEWEST = 3
STEPS = 50  # at a time: a step alone is shorter than a clock is exact
LONG = 0.02  # what takes longer than this many seconds finds its caches cold in any case
PAUSE = 0.005  # threads of others spin for a while before they sleep


@dataclass(frozen=True, slots=True)
class Line:
    """Seconds of each; `others` are those of a training pass of other cells.

    `rounding` are those of one with products in bfloat16, None where there is no such cell.
    """

    size: int
    batch: int
    step: float
    forward: float
    training: float
    rounding: float | None
    rows: float
    rate: float
    share: float
    others: dict[str, float]

    @property
    def text(self) -> str:
        return (
            f"{self.size:5} {self.batch:4} {short_time(self.step):>9} "
            f"{short_time(self.forward):>9} {short_time(self.training):>9} "
            f"{'-' if self.rounding is None else short_time(self.rounding):>9} "
            f"{short(self.rows):>9} {self.rate / 1e9:8.1f} {self.share:9.0%}"
        )

    def beside(self, names: Iterable[str]) -> str:
        """The line of the table that has others; empty where they did not run."""
        told = [
            f"{short_time(self.others[n])} {self.others[n] / self.training:6.1f}x"
            if n in self.others else ""
            for n in names
        ]  # fmt: skip
        line = f"{self.size:5} {self.batch:4} {short_time(self.training):>9}"
        return (line + "".join(f"{text:>18}" for text in told)).rstrip()


class Subject:
    """A cell's class, and how many operations its products are."""

    def __init__(
        self,
        file: str,
        cell: str | None,
        root: str | None,
        settings: Mapping[str, Setting],
        dtype: str,
        without: Sequence[str] = (),
    ) -> None:
        path, report = Path(file), Report()
        source = read_source(path, report)
        if source is None:
            raise CellError(report.diagnostics)
        lowered = front(source, report, cell, settings, root_of(path, root), path)
        plan = Artefacts(lowered, without).plan
        self.name = lowered.spec.name
        self.flops = product_flops((*plan.forward, *plan.backward))
        self.settings, self.dtype = settings, dtype
        self.cls: Any = load(file, cell, root, without=without)

    @property
    def rounds_too(self) -> bool:
        """Whether there are products that may be in bfloat16 instead, and nobody said which."""
        some = self.flops != Size.of(0)
        return some and self.dtype == "float32" and "products" not in self.settings

    def build(self, size: int, **more: Setting) -> Any:
        """The cell with this size for every dim that is not set and has no default."""
        free = [d.name for d in self.cls.description.dims if d.default is None]
        sizes = {name: size for name in free if name not in self.settings}
        try:
            return self.cls(**{**sizes, **self.settings, **more}, dtype=self.dtype)
        except (ArgumentError, ArgumentTypeError) as error:
            raise CommandError(f"{error}; give sizes with --set or --sizes", 2) from None

    def measure(
        self, size: int, batch: int, steps: int, seconds: float, peers: Mapping[str, Peer]
    ) -> Line:
        cell = self.build(size)
        runs = self._runs(
            cell, self.build(size, products=ROUNDED) if self.rounds_too else None, batch, steps
        )
        width = _widths(cell)
        if width is not None:
            runs |= {name: peer(steps, batch, *width) for name, peer in peers.items()}
        times = _take_turns(runs, seconds)
        flops = self.flops.evaluate({**cell.dims, "@R": steps * batch, "@B": batch, "@parts": 1})
        rate = flops / times["training"]
        share = rate / (2 * SGEMM**3 / times["sgemm"])
        others = {name: times[name] for name in peers if name in times}
        step, forward, training = times["step"] / STEPS, times["forward"], times["training"]
        rows = steps * batch / training
        rounding = times.get("rounding")
        return Line(size, batch, step, forward, training, rounding, rows, rate, share, others)

    def _runs(self, cell: Any, rounding: Any, batch: int, steps: int) -> dict[str, Run]:
        random = np.random.default_rng(0)
        described = cell.description.inputs
        inputs = {
            a.name: drawn_input(a, cell.dims, (steps, batch), random, self.dtype) for a in described
        }
        first: Any = {a.name: of_step(a, inputs[a.name], 0) for a in described}
        if len(first) == 1:
            (first,) = first.values()
        dy, state, _ = cell.forward(inputs)
        _, state = cell.step(first, state)

        def train(cell: Any = cell) -> object:
            tape = cell.forward(inputs)[2]
            return cell.backward(tape, dy)

        def go() -> None:
            for _ in range(STEPS):
                cell.step(first, state)

        square = random.normal(size=(SGEMM, SGEMM)).astype(self.dtype)
        return {
            "step": go,
            "forward": lambda: cell(inputs),
            "training": train,
            **({} if rounding is None else {"rounding": lambda: train(rounding)}),
            "sgemm": lambda: square @ square,
        }


def _widths(cell: Any) -> tuple[int, int] | None:
    """The sizes that another cell would have: of one input and of the output, both vectors."""
    described = cell.description
    if len(described.inputs) != 1 or len(described.outputs) != 1:
        return None
    shapes = [tuple(a.shape(**cell.dims)) for a in (*described.inputs, *described.outputs)]
    if any(len(shape) != 1 for shape in shapes):
        return None
    return shapes[0][0], shapes[1][0]


def _take_turns(runs: Mapping[str, Run], seconds: float) -> dict[str, float]:
    """The median of each.  They take turns, since a machine is not always equally fast.

    A limit is what the machine can do: for it the best time counts.
    """
    for run in runs.values():
        run()
    found = {name: [_timed(run)] for name, run in runs.items()}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(found["step"]) < FEWEST:
        for name, run in runs.items():
            time.sleep(PAUSE)
            if found[name][-1] < LONG:
                run()
            found[name].append(_timed(run))
    return {name: (min if name == "sgemm" else median)(t) for name, t in found.items()}


def _timed(run: Run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def short_time(seconds: float) -> str:
    """`37.8 µs`, `1.04 ms`, `2.1 s`: three digits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{_digits(seconds / scale)} {unit}"
    return f"{_digits(seconds / 1e-6)} µs"


def _digits(number: float) -> str:
    return f"{number:.{0 if number >= 99.95 else 1 if number >= 9.995 else 2}f}"


def short(number: float) -> str:
    """`1.2 M`."""
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= scale:
            return f"{number / scale:.3g} {unit}"
    return f"{number:.3g}"


Run = Callable[[], object]
Peer = Callable[[int, int, int, int], Run]


def peers_of(names: Iterable[str], threads: int, dtype: str) -> tuple[dict[str, Peer], list[str]]:
    """Peers by name, and the libraries that are not installed."""
    found: dict[str, Peer] = {}
    absent = []
    for name in names:
        if find_spec(name) is None:
            absent.append(name)
        else:
            found |= MAKERS[name](threads, dtype)
    return found, absent


def _torch(threads: int, dtype: str) -> dict[str, Peer]:
    import torch

    torch.set_num_threads(threads)
    kind = getattr(torch, dtype)

    def maker(name: str) -> Peer:
        def make(steps: int, batch: int, inputs: int, hidden: int) -> Run:
            net = getattr(torch.nn, name)(inputs, hidden, dtype=kind)
            x = torch.randn(steps, batch, inputs, dtype=kind, requires_grad=True)
            dy = torch.randn(steps, batch, hidden, dtype=kind)
            leaves = [x, *net.parameters()]
            return lambda: torch.autograd.grad(net(x)[0], leaves, dy)

        return make

    return {f"torch {name}": maker(name) for name in ("LSTM", "GRU")}


def _jax(threads: int, dtype: str) -> dict[str, Peer]:
    """An LSTM as a scan under `jit`: JAX has no cells of its own."""
    import jax
    import jax.numpy as jnp

    def lstm(weights: Any, x: Any) -> Any:
        def step(state: Any, a: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(a + h @ weights["h"], 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        start = jnp.zeros((x.shape[1], weights["h"].shape[0]), x.dtype)
        return jax.lax.scan(step, (start, start), x @ weights["x"] + weights["b"])[1]

    @jax.jit
    def train(weights: Any, x: Any, dy: Any) -> Any:
        y, pull = jax.vjp(lstm, weights, x)
        return y, pull(dy)

    def make(steps: int, batch: int, inputs: int, hidden: int) -> Run:
        random = np.random.default_rng(0)

        def draw(*shape: int) -> Any:
            return jnp.array(0.1 * random.normal(size=shape), dtype)

        weights = {"x": draw(inputs, 4 * hidden), "h": draw(hidden, 4 * hidden)}
        weights["b"] = draw(4 * hidden)
        x, dy = draw(steps, batch, inputs), draw(steps, batch, hidden)
        return lambda: [a.block_until_ready() for a in jax.tree.leaves(train(weights, x, dy))]

    # Without x64 JAX would compute in single precision and say nothing.
    return {"JAX LSTM": make} if dtype == "float32" else {}


MAKERS: dict[str, Callable[[int, str], dict[str, Peer]]] = {"torch": _torch, "jax": _jax}
