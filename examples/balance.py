"""A recurrent controller learns to balance a pole, in a loop that Numba compiles.

    python examples/balance.py

The controller sees where the cart is and how far the pole leans, but not how fast they move: it
needs its memory.  Its weights are found by evolution: an episode is simulated for each of many
candidates, and what did well is followed.  The simulation calls the cell's own functions inside
`@njit` code: nothing goes back to Python between two steps.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

import celldsl

HERE = Path(__file__).resolve().parent
STEPS = 500  # of 0.02 s
PAIRS = 32  # candidates of a generation, each with its mirror image
SPREAD = 0.3
RATE = 0.5

GRU = celldsl.load(HERE / "basics" / "gru.cell")
prepare, step = GRU.functions.prepare, GRU.functions.step


@njit(nogil=True)
def advance(world: Any, force: float) -> None:
    """One step of the cart (place, speed) and the pole (angle, its speed), after Barto (1983)."""
    x, v, angle, turning = world
    sine, cosine = np.sin(angle), np.cos(angle)
    push = (force + 0.05 * turning**2 * sine) / 1.1
    turn = (9.8 * sine - cosine * push) / (0.5 * (4.0 / 3.0 - 0.1 * cosine**2 / 1.1))
    world[:] = x + 0.02 * v, v + 0.02 * (push - 0.05 * turn * cosine / 1.1), \
        angle + 0.02 * turning, turning + 0.02 * turn  # fmt: skip


@njit(nogil=True)
def balanced(dims: Any, hyper: Any, parameters: Any, constants: Any, angle: float) -> int:
    """How many steps the pole stays up, at most STEPS."""
    weights = prepare(dims, hyper, parameters, constants)
    world = np.array([0.0, 0.0, angle, 0.0])
    seen, state = np.zeros((1, 2), parameters.dtype), np.zeros((1, dims[1]), parameters.dtype)
    for t in range(STEPS):
        seen[0, 0], seen[0, 1] = world[0], 5.0 * world[2]
        y, state, _ = step(weights, seen, state)
        advance(world, 10.0 * y[0, 0])
        if abs(world[0]) > 2.4 or abs(world[2]) > 0.21:
            return t
    return STEPS


@njit(nogil=True)
def steps_alone(weights: Any, seen: Any, state: Any, count: int) -> Any:
    """Steps of the controller and nothing else, for `--compare`."""
    y = state
    for _ in range(count):
        y, state, _ = step(weights, seen, state)
    return y


def evolve(cell: Any, generations: int, seed: int) -> int:
    """Moves the parameters towards what balances longer; the generation that always does, or 0."""
    random = np.random.default_rng(seed)
    dims, hyper, flat, constants, *_ = cell.prepare()
    angles = np.linspace(-0.1, 0.1, 4)
    for generation in range(1, generations + 1):
        noise = random.normal(size=(PAIRS, flat.size)).astype(flat.dtype)
        better = np.zeros(PAIRS, flat.dtype)
        for sign in (1, -1):
            for i, candidate in enumerate(flat + sign * SPREAD * noise):
                steps = (balanced(dims, hyper, candidate, constants, a) for a in angles)
                better[i] += sign * sum(steps)
        flat += RATE * (better / (np.abs(better).mean() + 1)) @ noise / PAIRS
        held = [balanced(dims, hyper, flat, constants, a) for a in angles]
        print(f"generation {generation}: {np.mean(held):.0f} of {STEPS} steps")
        if min(held) == STEPS:
            cell.params.flat[:] = flat
            return generation
    return 0


def compare(cell: Any, count: int) -> None:
    """Times a step of the controller both ways, on one thread."""
    celldsl.set_threads(1)
    weights, x = cell.prepare(), np.zeros((1, 2), cell.dtype)
    start = cell.state(1)
    steps_alone(weights, x, start.h, 1)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        steps_alone(weights, x, start.h, count)
        middle = time.perf_counter()
        state = start
        for _ in range(count):
            _, state = cell.step(x, state)
        times.append((middle - begin, time.perf_counter() - middle))
    inside, outside = (1e6 * min(column) / count for column in zip(*times, strict=True))
    print(f"a step takes {inside:.2f} µs in compiled code, {outside:.2f} µs from Python")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", type=int, default=8, help="units of the controller")
    parser.add_argument("--generations", type=int, default=60, help="at most so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compare", action="store_true", help="time a step, from Python as well")
    arguments = parser.parse_args()
    cell = GRU(I=2, H=arguments.hidden, seed=arguments.seed)
    if arguments.compare:
        compare(cell, 20_000)
        return 0
    found = evolve(cell, arguments.generations, arguments.seed)
    print(f"balanced after {found} generations" if found else "not balanced: try another --seed")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
