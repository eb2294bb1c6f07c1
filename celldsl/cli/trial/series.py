"""Tables of numbers as people have them.  In: a file.  Out: columns over time, and what is not.

    series = read_series(Path("weather.csv"))
    series.table            (rows, columns), gaps filled by the value before
    series.told             "temp and wind; without day (no number throughout)"

Cells stand between commas, semicolons, tabs, bars or blanks; decimals have a point or a comma.
Rows above the first that has a number are names.  A gap is an empty cell or a word for one; in a
column of numbers any other word is one too, and so is a number without end.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from celldsl.cli.output import CommandError
from celldsl.cli.trial.tasks import Array
from celldsl.structs import record

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
