"""Where the parser stopped, and what is said about it.  In: nothing.  Out: Mistake and Words."""

from __future__ import annotations

from celldsl.diagnostics.span import Source, Span
from celldsl.record import record
from celldsl.syntax.tree import Token

# What no token ever is, so that a rule may look beside the line without asking first.
_NOTHING = Token("", "", 0, 0)


@record
class Mistake:
    """`tokens[at]` is what the parser could not take; `line` is the first token of its line."""

    tokens: list[Token]
    at: int
    line: int
    expected: frozenset[str]

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    @property
    def kind(self) -> str:
        return self.token.type

    @property
    def before(self) -> Token:
        """The token before it on its line."""
        return self.tokens[self.at - 1] if self.at > self.line else _NOTHING

    @property
    def after(self) -> Token:
        return self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else _NOTHING

    @property
    def first(self) -> Token:
        return self.tokens[self.line]

    @property
    def starts_line(self) -> bool:
        return self.at == self.line

    @property
    def line_kinds(self) -> frozenset[str]:
        """The kinds of the tokens of its line that stand before it."""
        return frozenset(token.type for token in self.tokens[self.line : self.at])

    def wants(self, *kinds: str) -> bool:
        return self.expected.issuperset(kinds)

    def span(self, source: Source) -> Span:
        """The token; at the end of a line, the place behind what stands before it."""
        start, end = self.token.start, self.token.end
        if self.kind in ("NEWLINE", "$END", "INDENT") and not self.starts_line:
            start = end = self.before.end
        return Span(source, start, end)


@record
class Words:
    """What is said.  `start` moves the start of the span.

    `instead` is put in the place of the token, or of the line's first one where `of_first` is set.
    """

    code: str
    message: str
    help: str | None = None
    instead: str | None = None
    label: str = ""
    start: int | None = None
    of_first: bool = False
