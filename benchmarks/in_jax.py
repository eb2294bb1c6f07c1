"""A jitted training step of `celldsl.jax` beside `lax.scan` and our own passes, all in one run.

    python benchmarks/in_jax.py [--cells gru] [--shapes S1,S2,S4] [--budget 20]

The scan is that of a person who hoists products by hand (`peers/jax_scan.py`) and that of our plain
code; the faster counts.  "own" is `cell.forward` and `cell.backward`.  All do the same work: the
gradients of weights, inputs and start states.  Times are medians, in milliseconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from cells import CELLS, SHAPES
from peers import jax_scan, ours
from peers.work import Work
from timing import alternate

import celldsl
import celldsl.jax


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", default="gru")
    parser.add_argument("--shapes", default="S1,S2,S4")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--budget", type=float, default=20.0, help="seconds for each row")
    parser.add_argument("--best", action="store_true", help="the least times, on a busy machine")
    asked = parser.parse_args()
    celldsl.set_threads(asked.threads)
    print("| cell | shape | celldsl.jax | own | scan by hand | plain code | × scan | × own |")
    print("|---|---|---|---|---|---|---|---|")
    for cell in asked.cells.split(","):
        for shape in asked.shapes.split(","):
            print(row(cell, shape, asked.budget, asked.best), flush=True)


def row(cell: str, shape: str, budget: float, best: bool) -> str:
    work = Work(CELLS[cell], SHAPES[shape])
    hand = jax_scan.train_compiled(work)
    runs = {
        "jax": through(work, "kernels"),
        "own": ours.train(work),
        "hand": lambda: jax.block_until_ready(hand()),
        "plain": through(work, "plain"),
    }
    times = alternate(runs, budget).items()
    found = {name: 1e3 * (time.best if best else time.median) for name, time in times}
    scan = min(found["hand"], found["plain"])
    told = " | ".join(f"{found[name]:.2f}" for name in runs)
    return (
        f"| {cell} | {shape} | {told} | {scan / found['jax']:.2f} | "
        f"{found['jax'] / found['own']:.3f} |"
    )


def through(work: Work, form: Any) -> Callable[[], Any]:
    """A step through `celldsl.jax.function`."""
    apply = celldsl.jax.function(work.cell, form)
    kind = type(work.cell.state(1))
    given = apply.params(), jnp.array(work.x), kind(*map(jnp.array, work.starts))
    cotangents = jnp.array(work.dy), kind(*map(jnp.array, work.finals))

    def both(given: Any, cotangents: Any) -> Any:
        (y, _), pull = jax.vjp(apply, *given)
        return y, pull(cotangents)

    compiled = jax.jit(both).lower(given, cotangents).compile()
    return lambda: jax.block_until_ready(compiled(given, cotangents))


if __name__ == "__main__":
    main()
