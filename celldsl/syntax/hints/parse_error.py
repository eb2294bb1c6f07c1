"""Where the parser stopped, and what is said about it.  In: nothing.  Out: Mistake and Words."""

from __future__ import annotations

from celldsl.diagnostics.span import Source, Span
from celldsl.structs import record
from celldsl.syntax.hints.other_names import NO_WORDS, Foreign
from celldsl.syntax.lexer import Token

# What no token ever is, so that a rule may look beside the line without asking first.
_NOTHING = Token("", "", 0, 0)
MAX_BRACKET = 64


@record
class Mistake:
    """`tokens[at]` is what the parser could not take; `line` is the first token of its line.

    `foreign` are functions of elsewhere.
    """

    tokens: list[Token]
    at: int
    line: int
    expected: frozenset[str]
    foreign: Foreign = NO_WORDS

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

    def bracket(self, at: int) -> tuple[str, int] | None:
        """What stands in the bracket at `at`, and its end; None where none opens there or closes.

        Spaces are put as the formatter puts them in a list of names and numbers.
        """
        if self.tokens[at].type not in ("LPAR", "LSQB"):
            return None
        depth, found = 0, ""
        for token in self.tokens[at : at + MAX_BRACKET]:
            depth += {"LPAR": 1, "LSQB": 1, "RPAR": -1, "RSQB": -1}.get(token.type, 0)
            if depth == 0:
                return found[1:], token.end
            if token.type == "NEWLINE":
                break
            found += ", " if token.type == "COMMA" else str(token)
        return None

    @property
    def dims(self) -> list[str]:
        """The names in square brackets after the `cell` above, as far as they are plain."""
        at = max(self.line, 0)
        while at > 0 and self.tokens[at].type != "CELL":
            at -= 1
        if [token.type for token in self.tokens[at : at + 3]] != ["CELL", "NAME", "LSQB"]:
            return []
        inside = self.bracket(at + 2)
        names = [part.split("=")[0] for part in inside[0].split(", ")] if inside else []
        return [name for name in names if name.isidentifier()]

    @property
    def in_function(self) -> bool:
        """Whether the nearest header above is a `def`."""
        above = (t.type for t in reversed(self.tokens[: self.at + 1]) if t.type in ("CELL", "DEF"))
        return next(above, "") == "DEF"


@record
class Words:
    """What is said.  `start` and `end` move the span.

    `instead` is put in the place of the token, of the line's first one where `of_first` is set, or
    of the whole span where `over` is.
    """

    code: str
    message: str
    help: str | None = None
    instead: str | None = None
    label: str = ""
    start: int | None = None
    end: int | None = None
    of_first: bool = False
    over: bool = False
