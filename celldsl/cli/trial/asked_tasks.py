"""Tasks as the command line names them.  In: a name, or a file.  Out: a Task.

task_named("adding")            # or copy, digits, text
task_named("weather.csv")       # the next row of a time series from those before it
task_named("poems.txt")         # the next character
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from celldsl.cli.output import CommandError
from celldsl.cli.trial.series import read_series, read_text
from celldsl.cli.trial.tasks import (
    TEXT_STEPS,
    Array,
    Batch,
    Size,
    Task,
    adding,
    characters,
    copying,
    digits,
    mean_square,
    source_text,
    squares,
)
from celldsl.diagnostics.suggest import nearest

SHORTEST = 20 * TEXT_STEPS
LONGEST = 4_000_000
WINDOW = 48
MOST_TESTED = 512
# Values further from the mean, in spreads, than this are held there.
FURTHEST = 10
SIZE = Size()
TASKS = {
    "adding": lambda: adding(SIZE),
    "copy": lambda: copying(SIZE),
    "digits": lambda: digits(SIZE),
    "text": lambda: characters(source_text(), SIZE),
}


def task_named(name: str) -> Task:
    """Raises CommandError where there is no such task, or its file cannot be used."""
    match Path(name).suffix.lower():
        case ".csv" | ".tsv":
            return _series(Path(name))
        case ".txt" | ".md":
            return _text(Path(name))
    if name not in TASKS:
        meant = nearest(name, TASKS)
        told = f"did you mean {meant}? There are" if meant else "there are"
        told = f"{told} {', '.join(TASKS)}, FILE.csv and FILE.txt"
        raise CommandError(f"--task: there is no task {name}; {told}", 2)
    return TASKS[name]()


def _text(path: Path) -> Task:
    text = read_text(path)
    if len(text) < SHORTEST:
        told = f"{len(text):,} characters are too few; {SHORTEST:,} would do"
        raise CommandError(f"--task: {path}: {told}")
    part = f", the first {LONGEST:,} characters" if len(text) > LONGEST else ""
    return characters(text[:LONGEST], SIZE, f"text ({path}{part})")


def _series(path: Path) -> Task:
    """The next row of a table of numbers; the last fifth is for the test."""
    series = read_series(path)
    table = series.table
    cut = len(table) * 4 // 5
    scaled, held = _standard(table, cut)
    steps = min(WINDOW, (len(table) - cut) // 3)
    columns = scaled.shape[1]

    def batch(random: np.random.Generator) -> Batch:
        return _windows(scaled, random.integers(0, cut - steps, SIZE.rows), steps)

    starts = np.linspace(cut, len(table) - steps - 1, min(MOST_TESTED, len(table) - steps - cut))
    test = _windows(scaled, starts.astype(np.int64), steps)
    same = mean_square(test[0], test[1])
    return Task(f"the next row of {path.name}", columns, columns, 0, batch, test, squares,
                mean_square, "mean squared error", 0.95 * same,
                f"an error below {0.95 * same:.3g}, where the row before stays at {same:.3g}",
                -1, "; ".join(filter(None, (series.told, held))))  # fmt: skip


def _standard(table: Array, cut: int) -> tuple[Array, str]:
    """Each column with the mean 0 and the spread 1 of its first `cut` rows, and what is told."""
    largest = np.abs(table[:cut]).max(0)
    with np.errstate(over="ignore"):
        # Squares of 1e300 are no numbers.
        table = table / np.where(largest > 0, largest, 1)
        mean, spread = table[:cut].mean(0), table[:cut].std(0)
        found = (table - mean) / np.where(spread > 0, spread, 1)
    far = np.abs(found) > FURTHEST
    told = f"{far.sum():,} held at {FURTHEST:,} times the spread" if far.any() else ""
    return np.clip(found, -FURTHEST, FURTHEST).astype(np.float32), told


def _windows(table: Array, starts: Array, steps: int) -> Batch:
    pieces = table[starts + np.arange(steps + 1)[:, None]]
    return np.ascontiguousarray(pieces[:-1]), pieces[1:]
