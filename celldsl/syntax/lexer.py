"""Text to tokens.  In: any text.  Out: every token, as the grammar's terminals cut it.

    raw_tokens("h' = x")            PRIMED, EQUAL, NAME
    Token("NAME", "h", 4, 5)        a piece of text that knows what it is and where it stands
    Tree("equation", [target, …])   a rule of the grammar with what it was made of

No text fails: what belongs to no terminal is a `BAD` token of one character.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

from celldsl.syntax.grammar import load_tables


class Token(str):
    """A terminal: `type` is its name in the grammar; it covers the text from `start` to `end`."""

    __slots__ = ("end", "start", "type")
    type: str
    start: int
    end: int

    def __new__(cls, type: str, text: str, start: int, end: int) -> Token:
        token = super().__new__(cls, text)
        token.type, token.start, token.end = type, start, end
        return token

    def spelled(self, text: str, type: str | None = None) -> Token:
        """The token at its place, with other text."""
        return Token(self.type if type is None else type, text, self.start, self.end)


class Tree:
    """A rule: `data` is its name or alias in the grammar."""

    __slots__ = ("children", "data", "end", "start")

    def __init__(self, data: str, children: Sequence[Part]) -> None:
        self.data, self.children = data, children
        self.start: int = children[0].start if children else 0
        self.end: int = children[-1].end if children else 0


Part: TypeAlias = "Tree | Token"
Children: TypeAlias = Sequence[Part]


def raw_tokens(text: str) -> list[Token]:
    tables = load_tables()
    keywords, ignored = tables.keywords, tables.ignored
    tokens: list[Token] = []
    for match in _pattern().finditer(text):
        kind = match.lastgroup or ""
        piece = match.group()
        if kind == "NAME":
            kind = keywords.get(piece, kind)
        elif kind == "DEF":
            piece = " ".join(piece.split())
        if kind not in ignored:
            tokens.append(Token(kind, piece, *match.span()))
    return tokens


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    return re.compile(load_tables().pattern)
