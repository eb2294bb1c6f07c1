"""Diagnostics for people and for programs.  In: diagnostics.  Out: text and JSON.

    error[E0203]: shapes do not match in `u * h`
      --> gru.cell:8:10
       |
     8 |     h' = u * h + (1 - u) * c
       |          ^^^^^ `u` is [2*H], `h` is [H]
       |
     help: split it first: `r, u = split(…, 2)`

Facts are the same in both forms.  Columns of text are not columns of a terminal: tabs, wide and
combining characters are measured.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from celldsl.diagnostics.diagnostic import Diagnostic, Label
from celldsl.diagnostics.span import Source, Span
from celldsl.structs import record

_CODES = {"error": "1;31", "warning": "1;33", "gutter": "1;34", "bold": "1"}


def wants_color(stream: TextIO | None = None) -> bool:
    """Whether to colour what goes to a stream: a terminal, and NO_COLOR is not set."""
    stream = sys.stdout if stream is None else stream
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def render_text(diagnostic: Diagnostic, color: bool = False) -> str:
    """One diagnostic with its source lines, without a line end at the end."""

    def paint(kind: str, text: str) -> str:
        code = _CODES[diagnostic.severity if kind == "mark" else kind]
        return f"\x1b[{code}m{text}\x1b[0m" if color and text.strip() else text

    head = paint("mark", f"{diagnostic.severity}[{diagnostic.code}]")
    lines = [head + paint("bold", f": {_one_line(diagnostic.message)}")]
    groups = _by_source(diagnostic)
    width = len(str(max(mark.line for _, marks in groups for mark in marks)))
    for at, (source, marks) in enumerate(groups):
        arrow = paint("gutter", " " * width + (" -->" if at == 0 else " :::"))
        lines.append(f"{arrow} {_place(source, marks[0])}")
        if source.text:
            lines.append(paint("gutter", " " * width + "  |"))
            lines += excerpt(source, marks, width, paint)
    if diagnostic.help:
        if groups[0][0].text:
            lines.append(paint("gutter", " " * width + "  |"))
        lines.append(f" {paint('bold', 'help')}: {_one_line(diagnostic.help)}")
    return "\n".join(lines)


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """All diagnostics as one JSON list; lines and columns count from 1, ends are exclusive."""
    import json

    return json.dumps([_facts(d) for d in diagnostics], indent=2, ensure_ascii=False)


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """Commands of a GitHub workflow, which shows them beside the lines of a change."""
    return "\n".join(map(_command, diagnostics))


def _command(diagnostic: Diagnostic) -> str:
    where = _where(diagnostic.primary.span)
    fields = {
        "file": where["file"], "line": where["line"], "col": where["column"],
        "endLine": where["end_line"], "endColumn": where["end_column"], "title": diagnostic.code,
    }  # fmt: skip
    listed = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in fields.items())
    parts = [diagnostic.message, diagnostic.primary.text, diagnostic.help or ""]
    told = "; ".join(part for part in parts if part)
    return f"::{diagnostic.severity} {listed}::{_escaped(told, '')}"


def _escaped(text: str, more: str) -> str:
    for sign in "%\r\n" + more:
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def _facts(diagnostic: Diagnostic) -> dict[str, Any]:
    fix = diagnostic.fix
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **_where(diagnostic.primary.span),
        "label": diagnostic.primary.text,
        "labels": [{**_where(label.span), "text": label.text} for label in diagnostic.secondary],
        "help": diagnostic.help,
        "fix": None if fix is None else {**_where(fix.span), "replacement": fix.replacement},
    }


def _where(span: Span) -> dict[str, str | int]:
    line, column = span.source.line_column(span.start)
    end_line, end_column = span.source.line_column(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }


def _by_source(diagnostic: Diagnostic) -> list[tuple[Source, list[Mark]]]:
    """The marks of each source; the primary one's source, and its mark, stand first."""
    groups: list[tuple[Source, list[Mark]]] = []
    labels: list[tuple[Label, bool]] = [(diagnostic.primary, True)]
    labels += [(label, False) for label in diagnostic.secondary]
    for label, primary in labels:
        source = label.span.source
        marks = next((marks for known, marks in groups if known is source), None)
        if marks is None:
            marks = []
            groups.append((source, marks))
        marks.append(mark_of(label, primary))
    return groups


def _place(source: Source, mark: Mark) -> str:
    name = _one_line(source.name)
    return f"{name}:{mark.line}:{mark.start + 1}" if source.text else name


def _one_line(text: str) -> str:
    return visible(text.replace("\n", " "))


# ---------------------------------------------------------------- marked lines

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
