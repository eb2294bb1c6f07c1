"""What can be wrong, as data.  In: spans and sentences.  Out: Diagnostic and Report.

A diagnostic is built where the problem is seen, collected in a `Report`, and rendered elsewhere.

    text, count = fixed_text(source, report.diagnostics)

Fixes that touch the same place exclude each other: the first one is put in, and what is left is
found when the text is checked again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from celldsl.diagnostics.span import Source, Span
from celldsl.structs import entity, field, record

MAX_DIAGNOSTICS = 1000
Severity = Literal["error", "warning"]


@record
class Label:
    """A span and what is to be said beside it."""

    span: Span
    text: str = ""


@record
class Fix:
    """An edit that an editor can apply: put `replacement` in the place of `span`."""

    span: Span
    replacement: str


@record
class Diagnostic:
    """One problem: a stable code, a sentence, its place, other places, and what to do.

    `code` is a key of `catalogue.CATALOGUE` ("E0203"); codes that begin with W are warnings.
    """

    code: str
    message: str
    primary: Label
    secondary: tuple[Label, ...] = ()
    help: str | None = None
    fix: Fix | None = None

    @property
    def severity(self) -> Severity:
        return "warning" if self.code.startswith("W") else "error"


@entity
class Report:
    """Collects the diagnostics of a run; passes go on after an error as far as they can."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    # A hostile file has ten thousand errors: looking through the list each time would hang.
    _seen: set[Diagnostic] = field(default_factory=set, repr=False, compare=False)

    def add(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        secondary: tuple[Label, ...] = (),
        help: str | None = None,
        fix: Fix | None = None,
    ) -> None:
        if self.is_full:
            return
        found = Diagnostic(code, message, Label(span, label), secondary, help, fix)
        if found not in self._seen:
            self._seen.add(found)
            self.take(found)

    def take(self, found: Diagnostic) -> None:
        """Keeps a diagnostic that was built elsewhere, as long as somebody may read them all."""
        if len(self.diagnostics) < MAX_DIAGNOSTICS:
            self.diagnostics.append(found)
        elif len(self.diagnostics) == MAX_DIAGNOSTICS:
            told = f"more than {MAX_DIAGNOSTICS:,} problems; the rest is not shown"
            self.diagnostics.append(Diagnostic("E0021", told, Label(found.primary.span)))

    @property
    def is_full(self) -> bool:
        """Whether nothing more is kept, so that looking further is of no use."""
        return len(self.diagnostics) > MAX_DIAGNOSTICS

    @property
    def has_errors(self) -> bool:
        return any(d.severity == "error" for d in self.diagnostics)


# ---------------------------------------------------------------- fixes put in


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
