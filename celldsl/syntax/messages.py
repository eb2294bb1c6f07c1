"""Syntax errors in people's words.  In: where the parser stopped, and at what.  Out: a diagnostic.

    expected an expression after `=`, found `)`

A message has three parts: what was expected (from the parser's state), where (the token before),
and what was found.  `SPECIAL` holds the mistakes that have words of their own; the first rule
that fits speaks.
"""

from __future__ import annotations

from dataclasses import dataclass

from lark import Token

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source, Span
from celldsl.syntax.foreign import visible


@dataclass(frozen=True, slots=True)
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
    def before(self) -> Token | None:
        return self.tokens[self.at - 1] if self.at > self.line else None

    @property
    def first(self) -> Token:
        return self.tokens[self.line]


_OPENS_OPERAND = frozenset({"NUMBER", "NAME", "PRIMED", "LPAR", "LSQB", "TRUE", "FALSE", "INF"})
_EXPRESSION = _OPENS_OPERAND | {"STRING", "MINUS", "PLUS", "NOT"}
_DECLARING = frozenset({"INPUT", "STATE", "PARAM", "CONST", "SUB", "OUTPUT", "REQUIRE"})
_STATEMENTS = _DECLARING | {"FOR", "IF", "RETURN", "NAME", "PRIMED"}
_ARITHMETIC = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "AT", "POWER"})
_COMPARING = frozenset({"LESS", "GREATER", "LESS_EQUAL", "GREATER_EQUAL", "EQUAL_EQUAL"})
_OPERATORS = _ARITHMETIC | _COMPARING | {"NOT_EQUAL", "AND", "OR"}
_WORDS: dict[str, str] = {
    "COLON": "`:`",
    "COMMA": "`,`",
    "DOT": "`.`",
    "DOTS": "`..`",
    "EQUAL": "`=`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "NAME": "a name",
    "PRIMED": "a name",
    "STRING": "a string in double quotes",
    "LONG_STRING": "a docstring",
    "FROM": "`from`",
    "AS": "`as`",
    "IN": "`in`",
    "ELSE": "`else`",
    "NEWLINE": "the end of the line",
    "INDENT": "an indented block",
    "DEDENT": "the end of the block",
    "$END": "the end of the file",
    "NUMBER": "a number",
}


def expected_words(expected: frozenset[str]) -> str:
    """`an operator, `,` or `)``: what a set of terminals is to a reader."""
    rest = set(expected)
    parts: list[str] = []
    if expected >= {"INPUT", "OUTPUT", "REQUIRE"}:
        parts.append("a statement")
        rest -= _STATEMENTS
    if expected >= {"CELL", "DEF", "USE"}:
        parts.append("`use`, `def` or `cell`")
        rest -= {"CELL", "DEF", "USE"}
    if expected >= {"NUMBER", "LPAR", "MINUS"}:
        parts.append("an expression")
        rest -= _EXPRESSION
    if expected >= {"PLUS", "STAR"}:
        # An operator is always possible here; what else may follow says more.
        rest -= _OPERATORS | {"LPAR", "LSQB", "DOT"}
    elif "AND" in expected or "OR" in expected:
        rest -= _OPERATORS
    words = [_WORDS[kind] for kind in _WORDS if kind in rest]
    parts += [word for word in dict.fromkeys(words) if word not in parts]
    return _one_of(parts or ["an operator"])


def found_words(token: Token) -> str:
    match token.type:
        case "NEWLINE":
            return "the end of the line"
        case "$END":
            return "the end of the file"
        case "INDENT":
            return "an indented line"
        case "DEDENT":
            return "a line further out"
        case "LONG_STRING":
            return "a docstring"
        case _:
            text = visible(str(token))
            return f"`{text if len(text) <= 40 else text[:39] + '…'}`"


def report_mistake(mistake: Mistake, source: Source, report: Report) -> None:
    """Reports what the parser stopped at."""
    span = mistake_span(mistake, source)
    where = f" after {found_words(mistake.before)}" if mistake.before is not None else ""
    expected = expected_words(mistake.expected)
    report.add("E0010", f"expected {expected}{where}, found {found_words(mistake.token)}", span)


def mistake_span(mistake: Mistake, source: Source) -> Span:
    """The token; for the end of a line, the place behind what stands before it."""
    token = mistake.token
    start, end = token.start_pos or 0, token.end_pos or 0
    if token.type in ("NEWLINE", "$END") and mistake.before is not None:
        start = mistake.before.end_pos or 0
        end = start
    return Span(source, start, end)


def _one_of(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
