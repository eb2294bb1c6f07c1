"""Syntax errors in people's words.  In: where the parser stopped, and at what.  Out: a diagnostic.

    expected an expression after `=`, found `)`

A message has three parts: what was expected (from the parser's state), where (the token before),
and what was found.  Mistakes that have words of their own are rules in `lines`, `declarations`,
`expressions` and `operators`.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.syntax.hints.declarations import DECLARATION_RULES
from celldsl.syntax.hints.expressions import EXPRESSION_RULES
from celldsl.syntax.hints.lines import LAST_RULES, LATER_RULES, LINE_RULES
from celldsl.syntax.hints.operators import OPERATOR_RULES
from celldsl.syntax.hints.parse_error import Mistake, Words
from celldsl.syntax.hints.unknown_tokens import visible
from celldsl.syntax.lexer import Token

_OPENS_OPERAND = frozenset(
    {"NUMBER", "IMAGINARY", "NAME", "PRIMED", "LPAR", "LSQB", "TRUE", "FALSE", "INF"}
)
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
    "IMAGINARY": "an imaginary number",
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


def words_for(mistake: Mistake) -> Words:
    """What is said about a mistake: by the first rule that fits, or from the parser's state."""
    for rule in (
        *LINE_RULES,
        *DECLARATION_RULES,
        *LATER_RULES,
        *EXPRESSION_RULES,
        *OPERATOR_RULES,
        *LAST_RULES,
    ):
        words = rule(mistake)
        if words is not None:
            return words
    where = "" if mistake.starts_line else f" after {found_words(mistake.before)}"
    expected = expected_words(mistake.expected)
    return Words("E0010", f"expected {expected}{where}, found {found_words(mistake.token)}")


def report_mistake(mistake: Mistake, source: Source, report: Report) -> None:
    """Reports what the parser stopped at."""
    words = words_for(mistake)
    token = mistake.span(source)
    end = token.end if words.end is None else words.end
    span = Span(source, token.start if words.start is None else words.start, end)
    span = Span(source, span.start, max(span.start, span.end))
    first = Span(source, mistake.first.start, mistake.first.end)
    place = first if words.of_first else span if words.over else token
    fix = None if words.instead is None else Fix(place, words.instead)
    help = words.help
    if help is None and fix is not None:
        help = f"write `{fix.replacement}`"
    report.add(words.code, words.message, span, words.label, help=help, fix=fix)


def _one_of(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
