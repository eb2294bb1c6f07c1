"""Fair times.  In: functions that do the same work.  Out: times of each, in seconds.

    times = alternate({"ours": run, "jax": other}, budget=2.0)
    times["ours"]                   # Time(median=0.0021, best=0.0019)

They take turns, because a machine is not equally fast all the time.  Each turn begins with calls
that are not timed: they wake threads and fill caches, as when one pass follows another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median as middle
from typing import TypeVar

Run = Callable[[], object]
Key = TypeVar("Key")
PAUSE = 0.1  # seconds; threads of others spin before they sleep, ONNX Runtime's for 60 ms
WARM = 0.02  # seconds of each turn; after a pause Linux takes some to give each thread its core
TURN = 0.03  # seconds that a turn should take, so that a thread that wakes late is no matter
LEAST = 5


@dataclass(frozen=True)
class Time:
    """The median says what to expect; where a machine is busy, `best` is disturbed the least."""

    median: float
    best: float

    def __truediv__(self, number: int) -> Time:
        return Time(self.median / number, self.best / number)


def alternate(runs: Mapping[str, Run], budget: float) -> dict[str, Time]:
    """`budget` is in seconds, for all together; there are at least five turns whatever it is."""
    counts = {name: _calls_for(run) for name, run in runs.items()}
    found: dict[str, list[float]] = {name: [] for name in runs}
    end = time.perf_counter() + budget
    turns = 0
    while turns < LEAST or time.perf_counter() < end:
        for name, run in runs.items():
            time.sleep(PAUSE)
            _warm(run)
            found[name] += _timed(run, counts[name])
        turns += 1
    return {name: Time(middle(times), min(times)) for name, times in found.items()}


def in_turn(runs: Mapping[Key, Run], budget: float) -> dict[Key, float]:
    """Medians of the time of a call, call by call, so that all have what the machine gives then.

    `budget` is in seconds, for all together.
    """
    found: dict[Key, list[float]] = {which: [] for which in runs}
    for run in runs.values():
        run()
        run()
    end = time.perf_counter() + budget
    while time.perf_counter() < end or not all(found.values()):
        for which, run in runs.items():
            begun = time.perf_counter()
            run()
            found[which].append(time.perf_counter() - begun)
    return {which: middle(times) for which, times in found.items()}


def alternate_cpu(runs: Mapping[str, Run], budget: float, turns: int = 7) -> dict[str, float]:
    """Medians of the CPU time of a call: that for which others had the core does not count.

    `budget` is in CPU seconds for all together; there are at least that many turns whatever it is.
    """
    counts = {}
    for name, run in runs.items():
        run()
        counts[name] = max(1, round(TURN / max(_cpu_time(run, 2), 1e-6)))
    found: dict[str, list[float]] = {name: [] for name in runs}
    end, done = time.process_time() + budget, 0
    while done < turns or time.process_time() < end:
        for name, run in runs.items():
            run()
            found[name].append(_cpu_time(run, counts[name]))
        done += 1
    return {name: middle(times) for name, times in found.items()}


def _cpu_time(run: Run, calls: int) -> float:
    start = time.process_time()
    for _ in range(calls):
        run()
    return (time.process_time() - start) / calls


def _calls_for(run: Run) -> int:
    """How many calls make a turn.  The first call of all may compile, and counts for nothing."""
    run()
    return max(1, min(50, round(TURN / min(_timed(run, 2)))))


def _warm(run: Run) -> None:
    run()
    end = time.perf_counter() + WARM
    while time.perf_counter() < end:
        run()


def _timed(run: Run, calls: int) -> list[float]:
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times
