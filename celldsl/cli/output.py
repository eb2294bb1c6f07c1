"""What commands print, and the error that ends one.

print_diagnostics(report.diagnostics)           # on stderr
has_failed(report.diagnostics, strict=False)    # whether to stop
raise CommandError("gru.cell: no such file", 2)
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, TextIO

from celldsl.diagnostics.diagnostic import Diagnostic, Report
from celldsl.diagnostics.span import Source
from celldsl.files import is_special, replace_file

PICTURES = (".png", ".svg", ".pdf", ".jpg")


class CommandError(Exception):
    """`status` is 1 where the input is wrong and 2 where the command line is."""

    def __init__(self, message: str, status: int = 1) -> None:
        self.status = status
        super().__init__(message)


def print_diagnostics(diagnostics: Iterable[Diagnostic], stream: TextIO | None = None) -> None:
    found = list(diagnostics)
    if not found:
        return
    # Only here, so that `check` starts at once: most files are right.
    from celldsl.diagnostics.render import render_text, wants_color

    stream = sys.stderr if stream is None else stream
    color = wants_color(stream)
    for diagnostic in found:
        print(render_text(diagnostic, color), end="\n\n", file=stream)
    for line in _missing_cells(found):
        print(line, file=stream)


def _missing_cells(found: Iterable[Diagnostic]) -> Iterator[str]:
    """Of files that are not there, those whose cell comes with celldsl: how to get a copy."""
    missing = [Path(d.primary.span.source.name) for d in found if d.code == "E0001"]
    names = [path.stem for path in missing if not path.exists()]
    if not names:
        return
    from celldsl.zoo_index import cell_name, example_paths

    known = {cell_name(path) for path in example_paths()}
    for name in names:
        if name in known:
            yield (
                f" help: the cell {name} comes with celldsl: `celldsl new Mine --like {name}` "
                "writes it to mine.cell, and `celldsl list` shows all\n"
            )


def print_file(text: str) -> None:
    """What would be in a file goes to standard output as it would be there, in UTF-8; to a terminal
    as the terminal can show it."""
    if sys.stdout.isatty() or not hasattr(sys.stdout, "buffer"):
        print(text, end="")
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()


def read_stdin(report: Report) -> Source | None:
    """The text on standard input, which is UTF-8 as that of a file is; None where it is none."""
    from celldsl.syntax.limits import MAX_FILE_BYTES, source_of

    if sys.stdin is None:
        raise CommandError("standard input is closed")
    return source_of("<stdin>", sys.stdin.buffer.read(MAX_FILE_BYTES + 1), report)


def write_figure(figure: Any, path: Path, dpi: int) -> None:
    """A figure of Matplotlib's as a file, of the kind that its name ends with."""
    drawn = BytesIO()
    figure.savefig(drawn, format=path.suffix[1:] or "png", dpi=dpi)
    replace_file(path, [drawn.getbuffer()])
    if not is_special(path):
        print(f"wrote {path}")


def has_failed(diagnostics: Sequence[Diagnostic], strict: bool) -> bool:
    """Whether there are errors; with `strict` warnings count as errors."""
    return any(strict or d.severity == "error" for d in diagnostics)


def count_text(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    parts = []
    for severity in ("error", "warning"):
        number = sum(d.severity == severity for d in diagnostics)
        if number:
            parts.append(f"{number} {severity}{'s' if number > 1 else ''}")
    return ", ".join(parts)


def on_terminal() -> bool:
    """Whether progress may be shown: it goes to stderr, and quietly nowhere in a pipe."""
    return sys.stderr.isatty()
