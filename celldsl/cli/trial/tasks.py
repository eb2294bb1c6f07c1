"""What cells are asked to learn.  In: a name, or a file.  Out: a Task.

    task = task_named("adding")
    x, wanted = task.batch(random)                 x (T, B, inputs)
    loss, slope = task.loss(answers, wanted)       answers (steps that are read, B, outputs)

A `.csv` is a task of its own: the next row from those before it.  So is a `.txt`: its characters.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from celldsl.cli.output import CommandError
from celldsl.diagnostics.suggest import nearest
from celldsl.structs import record

Array = Any
Batch = tuple[Array, Array]
BATCH, TESTED = 32, 256
COPIED, BLANK, SYMBOLS = 5, 20, 8
STEPS, WINDOW = 64, 48
NAMES = ("adding", "copy", "digits", "text")
MOST_CHARACTERS = 96


@record
class Task:
    """`read` steps at the end are read, all of them where it is 0.

    `learned` is the score from which a cell has learned, and `bar` says in words what that is;
    `better` is 1 where more is better, else -1.
    """

    name: str
    inputs: int
    outputs: int
    read: int
    batch: Callable[[Any], Batch]
    test: Batch
    loss: Callable[[Array, Array], tuple[float, Array]]
    score: Callable[[Array, Array], float]
    unit: str
    learned: float
    bar: str
    better: int

    def has_learned(self, score: float) -> bool:
        return self.better * score >= self.better * self.learned


def task_named(name: str) -> Task:
    """Raises CommandError where there is no such task, or its file cannot be used."""
    if name.endswith(".csv"):
        return _series(Path(name))
    if name.endswith(".txt"):
        return _text(_read(Path(name)), name)
    makers = {"adding": _adding, "copy": _copying, "digits": _digits, "text": _source_text}
    if name not in makers:
        meant = nearest(name, makers)
        hint = f"did you mean {meant}? " if meant else ""
        told = f"{hint}There are {', '.join(NAMES)}, FILE.csv and FILE.txt"
        raise CommandError(f"--task: there is no task {name}; {told}", 2)
    return makers[name]()


# ------------------------------------------------------------------ losses


def squares(answers: Array, wanted: Array) -> tuple[float, Array]:
    gap = answers - wanted
    return float((gap * gap).mean()), 2 * gap / gap.size


def entropy(answers: Array, wanted: Array) -> tuple[float, Array]:
    """The mean over all of the surprise, in nats; `wanted` are numbers of classes."""
    shifted = answers - answers.max(-1, keepdims=True)
    chances = np.exp(shifted)
    chances /= chances.sum(-1, keepdims=True)
    own = np.take_along_axis(chances, wanted[..., None], -1)
    slope = chances
    np.put_along_axis(slope, wanted[..., None], own - 1, -1)
    return float(-np.log(np.maximum(own, 1e-30)).mean()), slope / wanted.size


def _mean_square(answers: Array, wanted: Array) -> float:
    return squares(answers, wanted)[0]


def _accuracy(answers: Array, wanted: Array) -> float:
    return float((answers.argmax(-1) == wanted).mean())


def _bits(answers: Array, wanted: Array) -> float:
    return entropy(answers, wanted)[0] / math.log(2)


# ------------------------------------------------------------------ tasks


def _adding(steps: int = 100) -> Task:
    """Numbers, two of them marked, one in each half; wanted is the sum of the two."""

    def batch(random: Any, rows: int = BATCH) -> Batch:
        x = np.zeros((steps, rows, 2), np.float32)
        x[:, :, 0] = random.random((steps, rows))
        for half in (0, 1):
            places = random.integers(half * steps // 2, (half + 1) * steps // 2, rows)
            x[places, np.arange(rows), 1] = 1
        return x, (x[:, :, 0] * x[:, :, 1]).sum(0)[None, :, None]

    return Task(f"adding at T={steps}", 2, 1, 1, batch, batch(_fresh(), TESTED), squares,
                _mean_square, "mean squared error", 0.02, "an error below 0.02", -1)  # fmt: skip


def _copying() -> Task:
    """Some symbols, blanks, a sign; then the symbols are wanted, while blanks go on."""

    def batch(random: Any, rows: int = BATCH) -> Batch:
        symbols = random.integers(0, SYMBOLS, (COPIED, rows))
        steps = np.full((2 * COPIED + BLANK, rows), SYMBOLS)
        steps[:COPIED] = symbols
        steps[COPIED + BLANK - 1] = SYMBOLS + 1
        return np.eye(SYMBOLS + 2, dtype=np.float32)[steps], symbols

    return Task(f"copying {COPIED} symbols over {BLANK} steps", SYMBOLS + 2, SYMBOLS, COPIED, batch,
                batch(_fresh(), TESTED), entropy, _accuracy, "accuracy", 0.9, "90 % right",
                1)  # fmt: skip


def _digits() -> Task:
    """scikit-learn's digits row by row, from top to bottom; a fifth is for the test."""
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError:
        told = "--task digits needs scikit-learn: pip install celldsl[examples]"
        raise CommandError(told) from None
    images, labels = load_digits(return_X_y=True)
    split = train_test_split(images.reshape(-1, 8, 8).astype(np.float32) / 16, labels,
                             test_size=0.2, random_state=0, stratify=labels)  # fmt: skip
    kept, tested, kept_labels, tested_labels = split

    def batch(random: Any) -> Batch:
        chosen = random.integers(0, len(kept), BATCH)
        return np.ascontiguousarray(kept[chosen].swapaxes(0, 1)), kept_labels[None, chosen]

    test = np.ascontiguousarray(tested.swapaxes(0, 1)), tested_labels[None]
    return Task("digits", 8, 10, 1, batch, test, entropy, _accuracy, "accuracy", 0.9,
                "90 % right", 1)  # fmt: skip


def _source_text() -> Task:
    import argparse as first
    import dataclasses as second

    parts = (Path(str(m.__file__)).read_text(encoding="utf-8") for m in (first, second))
    return _text("".join(parts), "text")


def _text(text: str, name: str) -> Task:
    """The next character; the last tenth is for the test, and what is rare is one character."""
    if len(text) < 20 * STEPS:
        raise CommandError(f"{name}: {len(text):,} characters are too few; {20 * STEPS:,} would do")
    counts = {c: text.count(c) for c in set(text)}
    known = sorted(counts, key=lambda c: (-counts[c], c))[: MOST_CHARACTERS - 1]
    numbers = np.array([known.index(c) if c in known else len(known) for c in text])
    classes = int(numbers.max()) + 1
    cut = len(numbers) * 9 // 10
    one_hot = np.eye(classes, dtype=np.float32)

    def batch(random: Any, part: Array = numbers[:cut], rows: int = BATCH) -> Batch:
        starts = random.integers(0, len(part) - STEPS, rows)
        pieces = part[starts + np.arange(STEPS + 1)[:, None]]
        return one_hot[pieces[:-1]], pieces[1:]

    shares = np.bincount(numbers[cut:], minlength=classes) / (len(numbers) - cut)
    plain = float(-(shares * np.log2(np.maximum(shares, 1e-30))).sum())
    return Task(f"text ({name})" if name != "text" else "text", classes, classes, 0, batch,
                batch(_fresh(), numbers[cut:], TESTED // 4), entropy, _bits, "bits per character",
                round(0.75 * plain, 2), f"{0.75 * plain:.2f} bits, where guessing by how often a "
                f"character is takes {plain:.2f}", -1)  # fmt: skip


def _series(path: Path) -> Task:
    """The next row of a table of numbers; the last fifth is for the test."""
    table = _table(path)
    cut = len(table) * 4 // 5
    mean, spread = table[:cut].mean(0), table[:cut].std(0)
    scaled = ((table - mean) / np.where(spread > 0, spread, 1)).astype(np.float32)
    steps = min(WINDOW, (len(table) - cut) // 3)
    columns = scaled.shape[1]

    def batch(random: Any) -> Batch:
        return _windows(scaled, random.integers(0, cut - steps, BATCH), steps)

    test = _windows(scaled, np.arange(cut, len(table) - steps), steps)
    same = _mean_square(test[0], test[1])
    return Task(f"the next row of {path.name}", columns, columns, 0, batch, test, squares,
                _mean_square, "mean squared error", 0.95 * same,
                f"an error below {0.95 * same:.3g}, where the row before stays at {same:.3g}",
                -1)  # fmt: skip


def _windows(table: Array, starts: Array, steps: int) -> Batch:
    pieces = table[starts + np.arange(steps + 1)[:, None]]
    return np.ascontiguousarray(pieces[:-1]), pieces[1:]


def _table(path: Path) -> Array:
    """The columns of a CSV that are numbers throughout."""
    rows = list(csv.reader(_read(path).splitlines()))
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if rows and not any(map(_is_number, rows[0])):
        rows = rows[1:]
    width = min((len(row) for row in rows), default=0)
    columns = [k for k in range(width) if all(_is_number(row[k]) for row in rows)]
    if len(rows) < 100 or not columns:
        told = f"{len(rows)} rows and {len(columns)} columns of numbers throughout"
        raise CommandError(f"{path}: {told}; a time series here has 100 rows and a column at least")
    return np.array([[float(row[k]) for k in columns] for row in rows])


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--task: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"--task: {path} is not text in UTF-8") from None


def _fresh() -> Any:
    """For test data that training draws by chance alone."""
    return np.random.default_rng(10_000)
