"""Text to tokens.  In: any text.  Out: every token, as the grammar's terminals cut it.

    raw_tokens("h' = x")        PRIMED, EQUAL, NAME

No text fails: what belongs to no terminal is a `BAD` token of one character.
"""

from __future__ import annotations

import re
from functools import lru_cache

from celldsl.syntax.grammar import load_tables
from celldsl.syntax.tree import Token


def raw_tokens(text: str) -> list[Token]:
    tables = load_tables()
    keywords, ignored = tables.keywords, tables.ignored
    tokens: list[Token] = []
    for match in _pattern().finditer(text):
        kind = match.lastgroup or ""
        piece = match.group()
        if kind == "NAME":
            kind = keywords.get(piece, kind)
        if kind not in ignored:
            tokens.append(Token(kind, piece, *match.span()))
    return tokens


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    return re.compile(load_tables().pattern)
