"""Every place the parser can stop at has words written for people."""

from __future__ import annotations

import re

from lark import Token

from celldsl.syntax.grammar import UNRULED, load_grammar
from celldsl.syntax.messages import words_for
from celldsl.syntax.mistake import Mistake

# One text of each terminal, as it would stand in a file.
# Tokens without a text: no line starts with one, as far as the parser is told.
_EMPTY = ("INDENT", "DEDENT", "$END")
_TEXTS = {
    "NAME": "a",
    "PRIMED": "h'",
    "NUMBER": "2",
    "STRING": '"s"',
    "LONG_STRING": '"""d"""',
    "MINUS": "-",
    "STAR": "*",
    "LESS_EQUAL": "<=",
    "GREATER_EQUAL": ">=",
    "NOT_EQUAL": "!=",
    **dict.fromkeys(_EMPTY, ""),
    "NEWLINE": "\n",
}
_TERMINAL = re.compile(
    r"\b[A-Z]+(_[A-Z]+)+\b|\b(LPAR|LSQB|RPAR|RSQB|NEWLINE|INDENT|DEDENT)\b|\$END"
)


def _token(kind: str) -> Token:
    plain = {t.name: t.pattern.value for t in load_grammar().terminals}
    text = _TEXTS[kind] if kind in _TEXTS else plain[kind]
    return Token(kind, text, start_pos=4, end_pos=4 + len(text))


def _mistakes() -> list[Mistake]:
    """Every state of the parse table with every token that it cannot take, on three lines."""
    table = load_grammar().parser.parser._parse_table
    kinds = {name for actions in table.states.values() for name in actions if _is_terminal(name)}
    firsts = [_token(kind) for kind in ("CELL", "STATE", "NAME")]
    found: list[Mistake] = []
    for actions in table.states.values():
        expected = frozenset(name for name in actions if _is_terminal(name))
        for kind in sorted(kinds - expected):
            for first in firsts:
                tokens = [first, _token("EQUAL"), _token(kind), _token("NEWLINE")]
                found.append(Mistake(tokens, 2, 0, expected))
                if kind not in _EMPTY and kind != "NEWLINE":
                    found.append(Mistake(tokens, 2, 2, expected))
    return found


def _is_terminal(name: str) -> bool:
    return name.isupper()


def test_every_state_and_token_has_a_message() -> None:
    mistakes = _mistakes()
    assert len({(m.expected, m.kind) for m in mistakes}) > 500
    for mistake in mistakes:
        words = words_for(mistake)
        for text in (words.message, words.help or ""):
            assert not _TERMINAL.search(text), (mistake, text)
        assert "``" not in words.message, (mistake, words.message)
        assert words.code.startswith("E00")


def test_every_terminal_can_be_named() -> None:
    assert {terminal.name for terminal in load_grammar().terminals} >= UNRULED
