"""One cell learns one task for some seconds.  In: names, a seed.  Out: a record, as JSON.

    python benchmarks/learning_run.py gru adding 0 20

The time is that of training alone, of the one thread's CPU, so that runs beside others count alike:
compiling and testing are outside of it.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))

import numpy as np
from learning_tasks import task_of
from training import Readout, first_output, gradient_of_first, output_size

import celldsl
from celldsl.cli.trial.tasks import Task
from celldsl.optim import Adam, cosine
from celldsl.zoo_index import read_index

PARAMETERS = 4_000
MOST_STATE = 1_024
SIZES = (2, 4, 6, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128)
# Sizes of dims without a default that are neither the input's nor H.
OTHER = {"P": lambda H: max(H // 2, 1), "M": lambda H: 1, "N": lambda H: 32}
RATE = 0.005
LONGEST = 1.0
POINTS = 20


@dataclass
class Record:
    """`curve` are (seconds, updates, score); `parameters` and `state` count numbers."""

    cell: str
    family: str
    task: str
    seed: int
    hidden: int
    parameters: int
    state: int
    updates: int = 0
    seconds: float = 0.0
    compiling: float = 0.0
    score: float = float("nan")
    learned: bool = False
    diverged: bool = False
    curve: list[tuple[float, int, float]] = field(default_factory=list)


class Model:
    """A cell between a readout and, where its input has the size of state or output, a first layer.

    Neurons are read by the mean of their spikes where a task has one answer.
    """

    def __init__(self, name: str, task: Task, seed: int) -> None:
        entry = read_index().cells[name]
        self.task, self.family = task, entry.family
        made = celldsl.load(entry.path)
        self.cell, self.hidden = fitting(made, task.inputs, seed)
        self.input, *self.times = [i.name for i in self.cell.description.inputs]
        self.width = self.cell.description.inputs[0].shape(**self.cell.dims)[0]
        self.first = Readout(task.inputs, self.width, seed) if self.width != task.inputs else None
        self.readout = Readout(output_size(self.cell), task.outputs, seed + 1)
        self.pooled = self.family == "spiking" and task.read == 1
        arrays = [self.cell.params.flat, self.readout.flat]
        self.arrays = arrays + ([self.first.flat] if self.first else [])

    def inputs(self, x: Any) -> dict[str, Any]:
        known = {self.input: np.ascontiguousarray(self.first(x) if self.first else x)}
        return known | {name: np.ones(x.shape[:2], np.float32) for name in self.times}

    def read(self, y: Any) -> Any:
        if self.pooled:
            return y.mean(0, keepdims=True)
        return y[-self.task.read :] if self.task.read else y

    def answers(self, x: Any) -> Any:
        y, _ = self.cell(self.inputs(x))
        return self.readout(self.read(first_output(y)))

    def gradients(self, x: Any, wanted: Any) -> tuple[float, list[Any]]:
        """The loss, and a gradient for each of `arrays`."""
        y, _, tape = self.cell.forward(self.inputs(x))
        features = self.read(first_output(y))
        loss, slope = self.task.loss(self.readout(features), wanted)
        rows = features.reshape(-1, features.shape[-1])
        back, d_readout = self.readout.backward(rows, slope.reshape(len(rows), -1))
        dy = np.zeros_like(first_output(y))
        back = back.reshape(features.shape).astype(np.float32)
        if self.pooled:
            dy += back / len(dy)
        else:
            dy[len(dy) - len(back) :] = back
        found = self.cell.backward(tape, gradient_of_first(self.cell, dy))
        gradients = [found.params.flat, d_readout]
        if self.first:
            flat = x.reshape(-1, x.shape[-1])
            seen = found.inputs[self.input].reshape(len(flat), -1)
            gradients.append(self.first.backward(flat, seen)[1])
        return loss, gradients


def fitting(made: Any, inputs: int, seed: int) -> tuple[Any, int]:
    """The cell whose count of parameters is nearest to the budget, and its size."""
    best: tuple[float, Any, int] | None = None
    for hidden in SIZES:
        try:
            cell = made(**sizes(made, inputs, hidden), dtype="float32", seed=seed)
        except celldsl.CellError:
            continue  # a condition on sizes
        state = state_size(cell)
        if best and state > MOST_STATE:
            break
        gap = abs(np.log(max(count(cell), 1) / PARAMETERS))
        # The largest of those that are as near, as all are where nothing is trained.
        if best is None or gap <= best[0]:
            best = (gap, cell, hidden)
    assert best is not None, "no size is allowed"
    return best[1], best[2]


def sizes(made: Any, inputs: int, hidden: int) -> dict[str, int]:
    described = made.description
    free = [dim.name for dim in described.dims if dim.default is None and not dim.fixed]
    found = {name: OTHER[name](hidden) if name in OTHER else hidden for name in free}
    seen = described.inputs[0].text
    first = seen.strip("[]")
    if first in found and first != "H" and described.outputs[0].text != seen:
        found[first] = inputs
    return found


def count(cell: Any) -> int:
    return sum(array.size for array in cell.params.values())


def state_size(cell: Any) -> int:
    shapes = (state.shape(**cell.dims) for state in cell.description.states)
    return int(sum(np.prod(shape, dtype=int) for shape in shapes))


def learn(name: str, asked: str, seed: int, seconds: float) -> Record:
    task = task_of(asked)
    model = Model(name, task, seed)
    record = Record(
        name, model.family, asked, seed, model.hidden, count(model.cell), state_size(model.cell)
    )
    random = np.random.default_rng(seed)
    x_test, wanted_test = task.test
    begun = time.process_time()
    model.gradients(*task.batch(random))
    record.compiling = time.process_time() - begun
    arrays = {str(k): array for k, array in enumerate(model.arrays)}
    adam, fall = Adam(arrays, betas=(0.9, 0.99), clip=LONGEST), cosine(RATE, steps=1)
    while record.seconds < seconds and not record.diverged:
        begun = time.thread_time()
        until = min(seconds, (len(record.curve) + 1) * seconds / POINTS)
        while (now := record.seconds + time.thread_time() - begun) < until:
            loss, gradients = model.gradients(*task.batch(random))
            if not np.isfinite(loss) or not all(np.isfinite(g).all() for g in gradients):
                record.diverged = True
                break
            adam.update(dict(zip(arrays, gradients, strict=True)), fall(now / seconds))
            record.updates += 1
        record.seconds += time.thread_time() - begun
        score = task.score(model.answers(x_test), wanted_test)
        record.curve.append((round(record.seconds, 2), record.updates, score))
    record.score = record.curve[-1][2]
    record.learned = task.has_learned(record.score)
    return record


def main() -> None:
    name, task, seed, seconds = sys.argv[1:]
    celldsl.set_threads(1)
    print(json.dumps(asdict(learn(name, task, int(seed), float(seconds)))))


if __name__ == "__main__":
    main()
