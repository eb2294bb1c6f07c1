"""Source lines with marks under them.  In: labels of one source.  Out: lines of text.

     7 |     u = sigmoid(linear([x, h], 2*H))
       |     - `u` is [2*H] because of `2*H` here
     8 |     h' = u * h + (1 - u) * c
       |          ^^^^^ `u` is [2*H], `h` is [H]

Columns of text are not columns of a terminal: tabs, wide and combining characters are measured.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from celldsl.diagnostics.diagnostic import Label
from celldsl.diagnostics.span import Source
from celldsl.structs import record

MAX_WIDTH = 110
_TAB = "    "


@record
class Mark:
    """A label within one line: characters `start` to `end` of it, from 0."""

    line: int
    start: int
    end: int
    text: str
    primary: bool


Paint = Callable[[str, str], str]


def excerpt(source: Source, marks: list[Mark], width: int, paint: Paint) -> list[str]:
    """The lines that have marks, in order, each with a row for every mark on it."""
    out: list[str] = []
    previous = 0
    for line in sorted({mark.line for mark in marks}):
        if previous and line > previous + 1:
            out.append(paint("gutter", " " * width + " ..."))
        out += _marked_line(source, line, [m for m in marks if m.line == line], width, paint)
        previous = line
    return out


def mark_of(label: Label, primary: bool) -> Mark:
    """A span of several lines is marked to the end of its first."""
    source, span = label.span.source, label.span
    line, column = source.line_column(min(span.start, len(source.text)))
    text = source.line_text(line)
    start = min(column - 1, len(text))
    end = min(start + max(span.end - span.start, 1), max(len(text), start + 1))
    return Mark(line, start, end, label.text, primary)


def _marked_line(
    source: Source, line: int, marks: list[Mark], width: int, paint: Paint
) -> list[str]:
    # The primary mark first; then from the right, as they would hang from the line.
    ordered = sorted(marks, key=lambda m: (not m.primary, -m.start))
    text = source.line_text(line)
    low, high = _window(text, ordered[0])
    before = "…" if low else ""
    shown = before + visible(text[low:high]) + ("…" if high < len(text) else "")
    bar = paint("gutter", f" {line:>{width}} |")
    out = [f"{bar} {shown}".rstrip()]
    for mark in ordered:
        start, end = _clip(mark.start, low, high), _clip(mark.end, low, high)
        gap = display_width(before + text[low:start])
        length = max(1, display_width(text[start:end]))
        sign = "^" if mark.primary else "-"
        row = paint("mark" if mark.primary else "gutter", f"{sign * length} {mark.text}".rstrip())
        out.append(paint("gutter", " " * width + "  |") + " " * (gap + 1) + row)
    return out


def _clip(at: int, low: int, high: int) -> int:
    return max(low, min(at, high))


def _window(text: str, mark: Mark) -> tuple[int, int]:
    """The part of a long line that is shown: the mark with some text around it."""
    if len(text) <= MAX_WIDTH:
        return 0, len(text)
    low = max(0, mark.start - MAX_WIDTH // 3)
    return low, min(len(text), low + MAX_WIDTH)


def visible(text: str) -> str:
    """What may go to a terminal: tabs as spaces, control characters as a sign for them."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible_character(char) for char in text)


def _visible_character(char: str) -> str:
    if char == "\t":
        return _TAB
    category = unicodedata.category(char)
    # Format characters can turn the direction of a whole line; combining ones are left alone.
    return "\N{REPLACEMENT CHARACTER}" if category in ("Cc", "Cf", "Cs", "Zl", "Zp") else char


def display_width(text: str) -> int:
    """How many columns of a terminal a text takes, shown by `visible`."""
    return len(text) if text.isascii() and text.isprintable() else sum(map(_width, text))


def _width(char: str) -> int:
    if char == "\t":
        return len(_TAB)
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
