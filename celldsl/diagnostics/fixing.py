"""Fixes put into a text.  In: diagnostics of one source.  Out: the text with them, and how many.

    text, count = fixed_text(source, report.diagnostics)

Fixes that touch the same place exclude each other: the first one is put in, and what is left is
found when the text is checked again.
"""

from __future__ import annotations

from collections.abc import Iterable

from celldsl.diagnostics.diagnostic import Diagnostic, Fix
from celldsl.diagnostics.span import Source


def fixed_text(source: Source, diagnostics: Iterable[Diagnostic]) -> tuple[str, int]:
    """Fixes in other files are left alone."""
    text, count, before = source.text, 0, len(source.text) + 1
    for fix in sorted(_own(source, diagnostics), key=lambda f: f.span.start, reverse=True):
        if fix.span.end <= before:
            text = text[: fix.span.start] + fix.replacement + text[fix.span.end :]
            before, count = fix.span.start, count + 1
    return text, count


def _own(source: Source, diagnostics: Iterable[Diagnostic]) -> list[Fix]:
    fixes = [d.fix for d in diagnostics if d.fix is not None]
    own = [fix for fix in fixes if fix.span.source.text == source.text]
    places = {(fix.span.start, fix.span.end): fix for fix in reversed(own)}
    return list(places.values())
