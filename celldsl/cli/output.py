"""What commands print, and the error that ends one.

Errors that end a command.  In: a sentence and a status.  Out: CommandError.

What commands print.  In: diagnostics.  Out: text on stderr, and whether to go on.

failed = print_report(report, strict=False)
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from celldsl.diagnostics.diagnostic import Diagnostic


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
