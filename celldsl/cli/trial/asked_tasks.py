"""Tasks as the command line names them.  In: a name, or a file.  Out: a Task.

task_named("adding")            # or copy, digits, text
task_named("weather.csv")       # the next row of a time series from those before it
task_named("poems.txt")         # the next character
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np

from celldsl.cli.output import CommandError
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
WINDOW = 48
SIZE = Size()
TASKS = {
    "adding": lambda: adding(SIZE),
    "copy": lambda: copying(SIZE),
    "digits": lambda: digits(SIZE),
    "text": lambda: characters(source_text(), SIZE),
}


def task_named(name: str) -> Task:
    """Raises CommandError where there is no such task, or its file cannot be used."""
    if name.endswith(".csv"):
        return _series(Path(name))
    if name.endswith(".txt"):
        return _text(name)
    if name not in TASKS:
        meant = nearest(name, TASKS)
        hint = f"did you mean {meant}? " if meant else ""
        told = f"{hint}There are {', '.join(TASKS)}, FILE.csv and FILE.txt"
        raise CommandError(f"--task: there is no task {name}; {told}", 2)
    return TASKS[name]()


def _text(name: str) -> Task:
    text = _read(Path(name))
    if len(text) < SHORTEST:
        raise CommandError(f"{name}: {len(text):,} characters are too few; {SHORTEST:,} would do")
    return characters(text, SIZE, f"text ({name})")


def _series(path: Path) -> Task:
    """The next row of a table of numbers; the last fifth is for the test."""
    table = _table(path)
    cut = len(table) * 4 // 5
    mean, spread = table[:cut].mean(0), table[:cut].std(0)
    scaled = ((table - mean) / np.where(spread > 0, spread, 1)).astype(np.float32)
    steps = min(WINDOW, (len(table) - cut) // 3)
    columns = scaled.shape[1]

    def batch(random: np.random.Generator) -> Batch:
        return _windows(scaled, random.integers(0, cut - steps, SIZE.rows), steps)

    test = _windows(scaled, np.arange(cut, len(table) - steps), steps)
    same = mean_square(test[0], test[1])
    return Task(f"the next row of {path.name}", columns, columns, 0, batch, test, squares,
                mean_square, "mean squared error", 0.95 * same,
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
