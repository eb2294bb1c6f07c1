"""Warnings that a file silences.  In: a report.  Out: the report without them.

    h' = f * h + i * g        # celldsl: ignore[W0506]

A comment silences the warnings with these codes that begin or end on its line.  One that silences
nothing is a warning itself, so that it does not outlive what it was for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from celldsl.diagnostics.diagnostic import Diagnostic, Fix, Label, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.structs import record
from celldsl.syntax.lexer import raw_tokens

_MARK = "celldsl:"
# What is written as `ignore` is, under another word.
_OTHER = r"\bcelldsl:\s*(?!ignore\b)(\w+)\s*\[[^\]]*\]"
_IGNORE = r"\bcelldsl:\s*ignore\b(?:\[([^\]]*)\])?"


@record
class Ignore:
    """A code at its place; an empty code is a mark that names none."""

    code: str
    span: Span


def silence(report: Report, source: Source) -> None:
    """Takes what `source` silences out of the report, and adds what it silences in vain.

    A file with errors is not searched for marks in vain: its warnings are not all known.
    """
    if _MARK not in source.text:
        return
    ignores = list(_ignores(source))
    used: set[Ignore] = set()
    kept: list[Diagnostic] = []
    for found in report.diagnostics:
        silencing = [i for i in ignores if _silences(i, found, source)]
        used.update(silencing)
        if not silencing:
            kept.append(found)
    if not report.has_errors:
        kept += [_in_vain(i) for i in ignores if i not in used]
        kept += _other_words(source)
    report.diagnostics[:] = kept


def _marks(source: Source, pattern: str) -> Iterator[tuple[re.Match[str], int]]:
    """What a pattern finds in comments, and where each comment begins."""
    for token in raw_tokens(source.text):
        if token.type == "COMMENT":
            for match in re.finditer(pattern, token):
                yield match, token.start


def _ignores(source: Source) -> Iterator[Ignore]:
    for match, start in _marks(source, _IGNORE):
        span = Span(source, start + match.start(), start + match.end())
        for code in (match[1] or "").split(","):
            yield Ignore(code.strip(), span)


def _other_words(source: Source) -> Iterator[Diagnostic]:
    for match, start in _marks(source, _OTHER):
        span = Span(source, start + match.start(1), start + match.end(1))
        message = f"a comment `celldsl: {match[1]}` does nothing"
        fix = Fix(span, "ignore")
        yield Diagnostic("W0509", message, Label(span), help="write `celldsl: ignore`", fix=fix)


def _silences(ignore: Ignore, found: Diagnostic, source: Source) -> bool:
    span = found.primary.span
    if found.severity != "warning" or found.code != ignore.code or span.source != source:
        return False
    line, _ = source.line_column(ignore.span.start)
    return line in _lines(source, (span.start, span.end))


def _lines(source: Source, offsets: Iterable[int]) -> set[int]:
    return {source.line_column(offset)[0] for offset in offsets}


def _in_vain(ignore: Ignore) -> Diagnostic:
    if not ignore.code.startswith("W"):
        message = f"`{ignore.code}` is no warning" if ignore.code else "this names no warning"
        help = "name the code of a warning: `# celldsl: ignore[W0506]`"
    else:
        message, help = f"there is no {ignore.code} to ignore on this line", "remove it"
    return Diagnostic("W0509", message, Label(ignore.span), help=help)
