"""What is refused before it can hurt.  In: a path or a source.  Out: a source within the limits.

    source = read_source(Path("gru.cell"), report)    None where it cannot be read

The limits themselves are those of the reference; each is named in its message.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import IO, TYPE_CHECKING

from celldsl.carried_files import open_file
from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source, Span

if TYPE_CHECKING:
    from importlib.abc import Traversable

MAX_FILE_BYTES = 256 * 1024
MAX_LINE = 4000
MAX_FILES = 1000  # that a cell uses


def read_source(path: str | os.PathLike[str] | Traversable, report: Report) -> Source | None:
    """The text of a file, or None and a diagnostic that says why it cannot be read."""
    shown = str(path)
    try:
        with _opened(path) as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path is not one"
        _report_file(report, shown, "E0001", f"cannot read `{shown}`: {reason}")
        return None
    return source_of(shown, data, report)


def source_of(shown: str, data: bytes, report: Report) -> Source | None:
    """The text that bytes are, or None and a diagnostic: they are too many, or no UTF-8."""
    if len(data) > MAX_FILE_BYTES:
        _report_size(Source(shown, ""), report)
        return None
    try:
        return Source(shown, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        _report_encoding(shown, data, error, report)
        return None


def _opened(path: str | os.PathLike[str] | Traversable) -> IO[bytes]:
    return open_file(Path(path)) if isinstance(path, str | os.PathLike) else path.open("rb")


def check_limits(source: Source, report: Report) -> bool:
    """Whether a text is small enough to be lexed, and holds no NUL."""
    if len(source.text) > MAX_FILE_BYTES or len(source.text.encode(errors="replace")) > (
        MAX_FILE_BYTES
    ):
        _report_size(Source(source.name, ""), report)
        return False
    return _check_lines(source, report) and _check_characters(source, report)


def _check_lines(source: Source, report: Report) -> bool:
    bounds = (*source.line_starts, len(source.text) + 1)
    for start, end in pairwise(bounds):
        if end - 1 - start > MAX_LINE:
            report.add(
                "E0003",
                f"a line has {end - 1 - start} characters; the limit is {MAX_LINE}",
                Span(source, start + MAX_LINE, start + MAX_LINE + 1),
                "the limit is here",
                help="an open bracket continues a line",
            )
            return False
    return True


def _check_characters(source: Source, report: Report) -> bool:
    at = source.text.find("\0")
    if at >= 0:
        report.add("E0005", "a NUL byte in the text", Span(source, at, at + 1))
        return False
    return True


def _report_size(source: Source, report: Report) -> None:
    limit = f"{MAX_FILE_BYTES // 1024} KiB"
    _report_file(report, source.name, "E0002", f"the file is larger than {limit}")


def _report_encoding(shown: str, data: bytes, error: UnicodeDecodeError, report: Report) -> None:
    # The text up to the byte is good, so that the place can be shown.
    source = Source(shown, data.decode("utf-8", errors="replace"))
    at = len(data[: error.start].decode("utf-8"))
    message = f"not UTF-8: byte 0x{data[error.start]:02x} does not belong here"
    report.add("E0001", message, Span(source, at, at + 1), help="save the file as UTF-8")


def _report_file(report: Report, name: str, code: str, message: str) -> None:
    report.add(code, message, Span(Source(name, ""), 0, 0))
