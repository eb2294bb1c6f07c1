"""What cells are asked to learn.  In: sizes.  Out: a Task.

task = adding(steps=100)
x, wanted = task.batch(random)                 x (T, B, inputs)
loss, slope = task.loss(answers, wanted)       answers (steps that are read, B, outputs)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from celldsl.cli.output import CommandError
from celldsl.structs import record

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
Batch = tuple[Array, Array]
SYMBOLS = 8
TEXT_STEPS = 64
MOST_CHARACTERS = 96


@record
class Task:
    """`read` steps at the end are read, all of them where it is 0.

    `learned` is the score from which a cell has learned, and `bar` says in words what that is;
    `better` is 1 where more is better, else -1; `told` says what of a file is read.
    """

    name: str
    inputs: int
    outputs: int
    read: int
    batch: Callable[[np.random.Generator], Batch]
    test: Batch
    loss: Callable[[Array, Array], tuple[float, Array]]
    score: Callable[[Array, Array], float]
    unit: str
    learned: float
    bar: str
    better: int
    told: str = ""

    def has_learned(self, score: float) -> bool:
        return self.better * score >= self.better * self.learned


@record
class Size:
    """Sequences in a batch, and in the test."""

    rows: int = 32
    tested: int = 256


def adding(size: Size, steps: int = 100, learned: float = 0.02) -> Task:
    """Numbers, two of them marked, one in each half; wanted is the sum of the two."""

    def batch(random: np.random.Generator, rows: int = size.rows) -> Batch:
        x = np.zeros((steps, rows, 2), np.float32)
        x[:, :, 0] = random.random((steps, rows))
        for half in (0, 1):
            places = random.integers(half * steps // 2, (half + 1) * steps // 2, rows)
            x[places, np.arange(rows), 1] = 1
        return x, (x[:, :, 0] * x[:, :, 1]).sum(0)[None, :, None]

    return Task(f"adding at T={steps}", 2, 1, 1, batch, batch(unseen(), size.tested), squares,
                mean_square, "mean squared error", learned, f"an error below {learned}",
                -1)  # fmt: skip


def copying(size: Size, copied: int = 5, blank: int = 20, learned: float = 0.9) -> Task:
    """Some symbols, blanks, a sign; then the symbols are wanted, while blanks go on."""

    def batch(random: np.random.Generator, rows: int = size.rows) -> Batch:
        symbols = random.integers(0, SYMBOLS, (copied, rows))
        steps = np.full((2 * copied + blank, rows), SYMBOLS)
        steps[:copied] = symbols
        steps[copied + blank - 1] = SYMBOLS + 1
        return np.eye(SYMBOLS + 2, dtype=np.float32)[steps], symbols

    return Task(f"copying {copied} symbols over {blank} steps", SYMBOLS + 2, SYMBOLS, copied, batch,
                batch(unseen(), size.tested), entropy, accuracy, "accuracy", learned,
                f"{100 * learned:.0f} % right", 1)  # fmt: skip


def digits(size: Size, pixels: int = 8, learned: float = 0.9) -> Task:
    """scikit-learn's digits from top to bottom, some pixels a step; a fifth is for the test.

    Raises CommandError without scikit-learn.
    """
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError:
        told = "--task digits needs scikit-learn: pip install celldsl[examples]"
        raise CommandError(told) from None
    images, labels = load_digits(return_X_y=True)
    steps = images.reshape(len(images), -1, pixels).astype(np.float32) / 16
    kept, tested, kept_labels, tested_labels = train_test_split(
        steps, labels, test_size=0.2, random_state=0, stratify=labels
    )

    def batch(random: np.random.Generator) -> Batch:
        chosen = random.integers(0, len(kept), size.rows)
        return np.ascontiguousarray(kept[chosen].swapaxes(0, 1)), kept_labels[None, chosen]

    test = np.ascontiguousarray(tested.swapaxes(0, 1)), tested_labels[None]
    return Task("digits", pixels, 10, 1, batch, test, entropy, accuracy, "accuracy", learned,
                f"{100 * learned:.0f} % right", 1)  # fmt: skip


def source_text() -> str:
    """The text of two modules of Python's library."""
    import argparse as first
    import dataclasses as second

    return "".join(Path(str(m.__file__)).read_text(encoding="utf-8") for m in (first, second))


def characters(text: str, size: Size, name: str = "text", learned: float | None = None) -> Task:
    """The next character; the last tenth is for the test, and what is rare is one character.

    A cell has learned at `learned` bits a character, or at three quarters of what guessing by how
    often each is takes.
    """
    counts = {c: text.count(c) for c in set(text)}
    known = sorted(counts, key=lambda c: (-counts[c], c))[: MOST_CHARACTERS - 1]
    codes = {c: code for code, c in enumerate(known)}
    numbers = np.array([codes.get(c, len(known)) for c in text])
    classes = int(numbers.max()) + 1
    cut = len(numbers) * 9 // 10
    one_hot = np.eye(classes, dtype=np.float32)

    def batch(
        random: np.random.Generator, part: Array = numbers[:cut], rows: int = size.rows
    ) -> Batch:
        starts = random.integers(0, len(part) - TEXT_STEPS, rows)
        pieces = part[starts + np.arange(TEXT_STEPS + 1)[:, None]]
        return one_hot[pieces[:-1]], pieces[1:]

    shares = np.bincount(numbers[cut:], minlength=classes) / (len(numbers) - cut)
    plain = float(-(shares * np.log2(np.maximum(shares, 1e-30))).sum())
    bar = 0.75 * plain if learned is None else learned
    return Task(name, classes, classes, 0, batch, batch(unseen(), numbers[cut:], size.tested // 4),
                entropy, bits, "bits per character", round(bar, 2), f"{bar:.2f} bits, where "
                f"guessing by how often a character is takes {plain:.2f}", -1)  # fmt: skip


# ------------------------------------------------------------------ losses and scores


def squares(answers: Array, wanted: Array) -> tuple[float, Array]:
    """The mean squared error and its gradient."""
    gap = answers - wanted
    return float((gap * gap).mean()), 2 * gap / gap.size


def entropy(answers: Array, wanted: Array) -> tuple[float, Array]:
    """The mean cross-entropy in nats and its gradient; `wanted` are numbers of classes."""
    shifted = answers - answers.max(-1, keepdims=True)
    chances = np.exp(shifted)
    chances /= chances.sum(-1, keepdims=True)
    own = np.take_along_axis(chances, wanted[..., None], -1)
    slope = chances
    np.put_along_axis(slope, wanted[..., None], own - 1, -1)
    return float(-np.log(np.maximum(own, 1e-30)).mean()), slope / wanted.size


def mean_square(answers: Array, wanted: Array) -> float:
    return squares(answers, wanted)[0]


def accuracy(answers: Array, wanted: Array) -> float:
    return float((answers.argmax(-1) == wanted).mean())


def bits(answers: Array, wanted: Array) -> float:
    return entropy(answers, wanted)[0] / math.log(2)


def unseen() -> np.random.Generator:
    """For test data that training draws by chance alone."""
    return np.random.default_rng(10_000)
