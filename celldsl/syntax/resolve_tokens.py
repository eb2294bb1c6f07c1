"""Tokens as the grammar means them.  In: tokens as written.  Out: tokens spelled in ASCII.

    hₜ₋₁ ⊙ γ      NAME h   STAR *   NAME gamma

Places stay those of the text.  Names that may not be used, numbers written another way, and
characters that do not belong are reported here, because the lexer alone can say what they are.
"""

from __future__ import annotations

from collections.abc import Set

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.syntax.grammar import UNRULED
from celldsl.syntax.names import check_name
from celldsl.syntax.tree import Token
from celldsl.syntax.unicode import ascii_name, spell_name, spell_symbol, split_time

_DECLARES = frozenset({"INPUT", "STATE", "PARAM", "CONST"})


def check_tokens(tokens: list[Token], source: Source, report: Report) -> list[Token]:
    """The tokens with names and symbols in ASCII; what is refused has been reported."""
    states = states_by_cell(tokens)
    here: Set[str] = frozenset()
    out: list[Token] = []
    declaring = False
    for at, token in enumerate(tokens):
        kind = token.type
        if kind in ("CELL", "DEF"):
            here = states.get(at, frozenset())
        if kind in UNRULED:
            # Most files hold no such tokens.
            from celldsl.syntax.foreign import report_foreign
            from celldsl.syntax.foreign_context import ends_line

            report_foreign(tokens, at, source, report)
            if token == ";" and ends_line(tokens, at):
                continue
        elif kind in ("NAME", "PRIMED"):
            inner = at > 0 and tokens[at - 1].type == "DOT"
            known = frozenset({ascii_name(split_time(token)[0])}) if inner else here
            if not _continues(tokens, at):
                token = _name(token, frozenset() if declaring else known, source, report)
        elif not token.isascii():
            token = token.spelled(spell_symbol(token))
        declaring = kind in _DECLARES or (declaring and kind in ("NAME", "COMMA"))
        out.append(token)
    return out


def _continues(tokens: list[Token], at: int) -> bool:
    """Whether a name goes on behind a sign that was refused: the `_t` of `c̃_t`."""
    before = tokens[at - 1] if at else None
    return before is not None and before.type in UNRULED and before.end == tokens[at].start


def states_by_cell(tokens: list[Token]) -> dict[int, set[str]]:
    """The ASCII names after `state`, by the place of the `cell` among the tokens."""
    found: dict[int, set[str]] = {}
    cell = -1
    listing = False
    for at, token in enumerate(tokens):
        if token.type in ("CELL", "DEF"):
            cell = at
        listing = token.type == "STATE" or (listing and token.type in ("NAME", "COMMA"))
        if listing and token.type == "NAME":
            name = ascii_name(split_time(token)[0])
            found.setdefault(cell, set()).add(name)
    return found


def _name(token: Token, states: Set[str], source: Source, report: Report) -> Token:
    if token.isascii():
        check_name(token, str(token).rstrip("'"), "", states, source, report)
        return token
    spelling = spell_name(token, states)
    check_name(token, spelling.id, spelling.time, states, source, report)
    kind, prime = ("PRIMED", "'") if spelling.primed else ("NAME", "")
    return token.spelled(spelling.id + prime, kind)
