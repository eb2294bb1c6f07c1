"""What cells are asked to learn.  In: a random generator.  Out: batches, a loss and a score.

task = TASKS["adding"]
x, wanted = task.batch(random)                 x (T, B, inputs)
loss, slope = task.loss(answers, wanted)       answers (steps that are read, B, outputs)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from training import cross_entropy

Batch = tuple[Any, Any]
BATCH = 64
TESTED = 512
COPIED, BLANK, SYMBOLS = 10, 50, 8
CHARACTERS, CHARACTER_STEPS = 96, 64


@dataclass(frozen=True)
class Task:
    """`read` steps at the end are read, all of them where it is 0.

    `score` goes from answers and targets to a number; `learned` says when a cell has learned, and
    `better` is 1 where more is better, else -1.
    """

    name: str
    inputs: int
    outputs: int
    read: int
    batch: Callable[[Any], Batch]
    test: Callable[[], Batch]
    loss: Callable[[Any, Any], tuple[float, Any]]
    score: Callable[[Any, Any], float]
    unit: str
    learned: float
    better: int

    def has_learned(self, score: float) -> bool:
        return self.better * score >= self.better * self.learned


def adding(random: Any, rows: int = BATCH, steps: int = 100) -> Batch:
    """Numbers, two of them marked, one in each half; wanted is the sum of the two."""
    x = np.zeros((steps, rows, 2), np.float32)
    x[:, :, 0] = random.random((steps, rows))
    for half in (0, 1):
        places = random.integers(half * steps // 2, (half + 1) * steps // 2, rows)
        x[places, np.arange(rows), 1] = 1
    return x, (x[:, :, 0] * x[:, :, 1]).sum(0)[None, :, None]


def squares(answers: Any, wanted: Any) -> tuple[float, Any]:
    gap = answers - wanted
    return float((gap * gap).mean()), 2 * gap / gap.size


def mean_square(answers: Any, wanted: Any) -> float:
    return squares(answers, wanted)[0]


@cache
def digits() -> dict[str, Batch]:
    """scikit-learn's digits pixel by pixel, from top to bottom; a fifth is for the test."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    kept, tested, kept_labels, tested_labels = train_test_split(
        pixels.astype(np.float32) / 16, labels, test_size=0.2, random_state=0, stratify=labels
    )
    return {
        "train": (kept.T[:, :, None], kept_labels),
        "test": (tested.T[:, :, None], tested_labels[None]),
    }


def some_digits(random: Any) -> Batch:
    x, labels = digits()["train"]
    chosen = random.integers(0, len(labels), BATCH)
    return np.ascontiguousarray(x[:, chosen]), labels[None, chosen]


def entropy(answers: Any, wanted: Any) -> tuple[float, Any]:
    loss, slope = cross_entropy(answers.reshape(-1, answers.shape[-1]), wanted.reshape(-1))
    return loss, slope.reshape(answers.shape)


def accuracy(answers: Any, wanted: Any) -> float:
    return float((answers.argmax(-1) == wanted).mean())


def copying(random: Any, rows: int = BATCH) -> Batch:
    """Ten symbols, fifty blanks, a sign; then the ten are wanted, while blanks go on."""
    symbols = random.integers(0, SYMBOLS, (COPIED, rows))
    steps = np.full((2 * COPIED + BLANK, rows), SYMBOLS)
    steps[:COPIED] = symbols
    steps[COPIED + BLANK - 1] = SYMBOLS + 1
    return np.eye(SYMBOLS + 2, dtype=np.float32)[steps], symbols


@cache
def text() -> tuple[Any, Any]:
    """Python's dataclasses and argparse, as numbers up to 95; their last tenth is for the test."""
    import argparse as first
    import dataclasses as second

    raw = "".join(Path(str(m.__file__)).read_text(encoding="utf-8") for m in (first, second))
    numbers = np.array([min(max(ord(c) - 31, 0), CHARACTERS - 1) for c in raw])
    cut = len(numbers) * 9 // 10
    return numbers[:cut], numbers[cut:]


def characters(random: Any, part: int = 0, rows: int = BATCH) -> Batch:
    """The next character is wanted after each of 64."""
    numbers = text()[part]
    starts = random.integers(0, len(numbers) - CHARACTER_STEPS - 1, rows)
    pieces = numbers[starts + np.arange(CHARACTER_STEPS + 1)[:, None]]
    return np.eye(CHARACTERS, dtype=np.float32)[pieces[:-1]], pieces[1:]


def bits(answers: Any, wanted: Any) -> float:
    return entropy(answers, wanted)[0] / float(np.log(2))


def fresh(batch: Callable[..., Batch], *arguments: Any) -> Callable[[], Batch]:
    """Test data that training draws by chance alone."""
    return lambda: batch(np.random.default_rng(10_000), *arguments, TESTED)


TASKS = {
    task.name: task
    for task in (
        Task(
            "adding", 2, 1, 1, adding, fresh(adding), squares, mean_square,
            "mean squared error", 0.05, -1,
        ),
        Task(
            "pixels", 1, 10, 1, some_digits, lambda: digits()["test"], entropy, accuracy,
            "accuracy", 0.5, 1,
        ),
        Task(
            "copy", SYMBOLS + 2, SYMBOLS, COPIED, copying, fresh(copying), entropy, accuracy,
            "accuracy", 0.5, 1,
        ),
        Task(
            "characters", CHARACTERS, CHARACTERS, 0, characters, fresh(characters, 1), entropy,
            bits, "bits per character", 3.0, -1,
        ),
    )
}  # fmt: skip
