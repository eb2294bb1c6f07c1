"""Tasks as the command line names them.  In: a name, or a file.  Out: a Task.

    task_named("adding")            # or copy, digits, text
    task_named("weather.csv")       # the next row of a time series from those before it
    task_named("poems.txt")         # the next character

Tables are read as people have them: cells stand between commas, semicolons, tabs, bars or blanks;
decimals have a point or a comma.  Rows above the first that has a number are names.  A gap is an
empty cell or a word for one; in a column of numbers any other word is one too, and so is a number
without end.

    series = read_series(Path("weather.csv"))
    series.table            # (rows, columns), gaps filled by the value before
    series.told             # "temp and wind; without day (no number throughout)"
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
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
from celldsl.structs import record

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


FEWEST_ROWS = 100
GAPS = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "--", "?", "missing"})
# A column with more of them says little of what comes next.
MOST_GAPS = 0.2
SHOWN = 6
# How even steps of a column are that only counts; NaN is not.
SAME = 1e-6
# Digits in groups of three: between commas, or between points before a decimal comma.
_ENGLISH = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_GERMAN = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+,\d*")
# A row of numbers with blanks between them.
_BLANKS = re.compile(r"\s*[+-]?\d[\d.,eE+-]*(?<!,)(\s+[+-]?\d[\d.,eE+-]*(?<!,))+\s*")
# As what is no number, and no word for a gap, is read.
WORD = math.inf


@record
class Series:
    table: Array
    told: str


def read_series(path: Path) -> Series:
    """Raises CommandError where there is too little in the file."""
    cells, between = _cells(read_text(path))
    numbers = [[_number(cell, between) for cell in row] for row in cells]
    first = next((k for k, row in enumerate(numbers) if any(map(math.isfinite, row))), len(cells))
    names, rows = cells[0] if first else [], numbers[first:]
    if len(rows) < FEWEST_ROWS:
        told = f"{len(rows)} rows of numbers are too few; {FEWEST_ROWS} would do"
        raise CommandError(f"--task: {path}: {told}")
    width = max(map(len, rows))
    kept: list[tuple[str, Array]] = []
    left: dict[str, list[str]] = {}
    words: list[str] = []
    filled = 0
    for k in range(width):
        name = names[k] if k < len(names) and names[k] else f"column {k + 1}"
        values = [row[k] if k < len(row) else math.nan for row in rows]
        why = _why_not(values)
        if why:
            left.setdefault(why, []).append(name)
        else:
            words += [cells[first + n][k] for n, v in enumerate(values) if v == WORD]
            column, gaps = _without_gaps(values)
            kept.append((name, column))
            filled += gaps
    without = "; ".join(f"without {_listed(each)} ({why})" for why, each in left.items())
    if not kept:
        raise CommandError(f"--task: {path}: there is no column of numbers to foretell, {without}")
    parts = [_listed([name for name, _ in kept]), without, _gaps_told(filled, words)]
    return Series(np.stack([column for _, column in kept], 1), "; ".join(filter(None, parts)))


def _gaps_told(filled: int, words: Sequence[str]) -> str:
    told = f"{filled:,} gap{'s' * (filled > 1)} filled by the value before" if filled else ""
    return (
        f"{told} ({len(words):,} of them no number: {_listed([*dict.fromkeys(words)])})"
        if words
        else told
    )


def read_text(path: Path) -> str:
    """The text of a file, in the encodings that people's programs write."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CommandError(f"--task: {path}: {error.strerror}") from None
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in data and not wide:
        raise CommandError(f"--task: {path} is not text")
    found = _decoded(data, "utf-16" if wide else "utf-8-sig")
    # What is not UTF-8 is of an older program on Windows.
    text = data.decode("cp1252", "replace") if found is None else found
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _cells(text: str) -> tuple[list[list[str]], str]:
    """The cells of all lines that have any, without comments, and what stands between them."""
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith("#")]
    # Where others stand between cells, commas are decimals.
    counts = {sign: sum(sign in line for line in lines) for sign in "\t;|"}
    blanks = sum(_BLANKS.fullmatch(line) is not None for line in lines)
    between = next((sign for sign, count in counts.items() if 2 * count > len(lines)), ",")
    if 2 * blanks > len(lines):
        return [line.split() for line in lines], " "
    found = csv.reader(lines, delimiter=between)
    try:
        return [[cell.strip() for cell in row] for row in found], between
    except csv.Error as error:
        raise CommandError(
            f"--task: line {found.line_num} is no line of a table: {error}"
        ) from None


def _number(text: str, between: str) -> float:
    """A number; NaN for a gap or a number without end, and `WORD` for what is neither."""
    if text.lower() in GAPS:
        return math.nan
    if _ENGLISH.fullmatch(text) and (between == "," or "." in text):
        text = text.replace(",", "")
    elif _GERMAN.fullmatch(text):
        text = text.replace(".", "")
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return WORD
    return number if math.isfinite(number) else math.nan


def _why_not(values: Sequence[float]) -> str:
    """Why a column is not foretold, or ""."""
    known = [v for v in values if math.isfinite(v)]
    if len(known) < (1 - MOST_GAPS) * len(values):
        return (
            "no number throughout" if WORD in values or not known else "a fifth or more is missing"
        )
    # Differences of large numbers would be none.
    scale = max(map(abs, known)) or 1.0
    steps = np.diff(np.array([v / scale if math.isfinite(v) else math.nan for v in values]))
    if max(known) == min(known):
        return "always the same"
    counts = np.ptp(steps) <= SAME * np.abs(steps).max()
    return "it counts rows" if counts else ""


def _without_gaps(values: Sequence[float]) -> tuple[Array, int]:
    column = np.array(values)
    gaps = ~np.isfinite(column)
    places = np.maximum.accumulate(np.where(gaps, 0, np.arange(len(column))))
    # What lacks at the beginning has the first value that there is.
    places[: int(np.argmin(gaps))] = int(np.argmin(gaps))
    return column[places], int(gaps.sum())


def _listed(names: Sequence[str]) -> str:
    shown = [*names[:SHOWN], f"{len(names) - SHOWN} more"] if len(names) > SHOWN + 1 else [*names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
