"""Every place the parser can stop at has words written for people."""

from __future__ import annotations

import re

from celldsl.syntax.grammar import UNRULED, load_tables
from celldsl.syntax.hints.parse_error import Mistake
from celldsl.syntax.hints.syntax_errors import words_for
from celldsl.syntax.lexer import Token, raw_tokens

# Tokens without a text: no line starts with one, as far as the parser is told.
_EMPTY = ("INDENT", "DEDENT", "$END")
# One text of each terminal, as it would stand in a file.
_SIGNS = ": , . .. = ( ) [ ] + - * / % @ ** < > <= >= == !="
_OTHERS = 'def a h\' 2 3i "s" """d"""\n'
_TEXTS = {
    **{t.type: str(t) for t in raw_tokens(" ".join([*load_tables().keywords, _SIGNS, _OTHERS]))},
    **dict.fromkeys(_EMPTY, ""),
}
_TERMINAL = re.compile(
    r"\b[A-Z]+(_[A-Z]+)+\b|\b(LPAR|LSQB|RPAR|RSQB|NEWLINE|INDENT|DEDENT)\b|\$END"
)


def _token(kind: str) -> Token:
    return Token(kind, _TEXTS[kind], 4, 4 + len(_TEXTS[kind]))


def _mistakes() -> list[Mistake]:
    """Every state of the parse table with every token that it cannot take, on three lines."""
    states = load_tables().states.values()
    kinds = {name for actions in states for name in actions if _is_terminal(name)}
    firsts = [_token(kind) for kind in ("CELL", "STATE", "NAME")]
    found: list[Mistake] = []
    for actions in states:
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
    assert re.compile(load_tables().pattern).groupindex.keys() >= UNRULED
