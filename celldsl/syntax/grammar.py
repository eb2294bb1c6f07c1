"""The tables of `grammars/cell.lark`.  In: nothing.  Out: `Tables`, kept on disk.

    tables = load_tables()

They are made anew when the grammar changes, and where the disk cannot be read or written.  Lark
makes them: it takes a tenth of a second to be imported and as long to find the states, so that
it is imported for nothing else.
"""

from __future__ import annotations

import marshal
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias
from zlib import crc32

from celldsl.cache_folders import keep, kept
from celldsl.package import shipped
from celldsl.structs import record, values_of

if TYPE_CHECKING:
    from lark.grammar import Rule as LarkRule

# To be changed when `Tables` is, or how they are made.
FORMAT = 3


def grammar_text() -> str:
    text: str = (shipped("grammars") / "cell.lark").read_text(encoding="utf-8")
    return text


@lru_cache(maxsize=1)
def load_tables() -> Tables:
    """The tables, from the disk where they are there and made anew where not."""
    text = grammar_text()
    name = f"grammar-{FORMAT}-{crc32(text.encode()):08x}.{sys.implementation.cache_tag}"
    return _read(name, text) or _written(name, text)


def _read(name: str, text: str) -> Tables | None:
    """None where there is no file, half a file, or one of another grammar."""
    data = kept(name)
    if data is None:
        return None
    of, *parts = marshal.loads(data)
    return Tables(*parts) if of == text else None


def _written(name: str, text: str) -> Tables:
    tables = build_tables(text)
    fields: Any = values_of(tables)
    keep(name, marshal.dumps([text, *fields]))
    return tables


# ---------------------------------------------------------------- what the parser goes by

# Terminals that no rule mentions: they are lexed so that what follows can be, and then refused.
UNRULED = frozenset(
    {"COMMENT", "OPEN_LONG_STRING", "OPEN_STRING", "QUOTED", "BAD_NUMBER", "FOREIGN", "BAD"}
)

# The symbol that it makes, of how many parts, the name of its tree ("" where the parts stand for
# themselves), and whether a part by itself stands for the whole.
Rule: TypeAlias = tuple[str, int, str, bool]


@record
class Tables:
    """LALR(1).  An action is the state to go to, or `~rule` to reduce by that rule.

    `pattern` has a named group for each terminal; a NAME among the `keywords` is another one.
    """

    states: dict[int, dict[str, int]]
    rules: list[Rule]
    start: int
    end: int
    pattern: str
    keywords: dict[str, str]
    ignored: list[str]


# ---------------------------------------------------------------- tables made by Lark


class _KeepUnruled:
    """Tells Lark to keep the terminals of `UNRULED`, which it would drop."""

    always_accept = UNRULED

    def process(self, stream: Iterator[Any]) -> Iterator[Any]:
        return stream


def build_tables(text: str) -> Tables:
    from lark import Lark

    lark = Lark(
        text,
        parser="lalr",
        lexer="basic",
        start="file",
        keep_all_tokens=True,
        maybe_placeholders=False,
        postlex=_KeepUnruled(),
    )
    table = lark.parser.parser._parse_table
    rules: dict[LarkRule, int] = {}
    states = {
        state: {
            str(symbol): what if isinstance(what, int) else ~rules.setdefault(what, len(rules))
            for symbol, (_, what) in actions.items()
        }
        for state, actions in table.states.items()
    }
    keywords = {str(t.pattern.value): str(t.name) for t in lark.terminals if _is_keyword(t)}
    return Tables(
        states,
        [_rule(rule) for rule in rules],
        table.start_states["file"],
        table.end_states["file"],
        _pattern([t for t in lark.terminals if not _is_keyword(t)]),
        keywords,
        list(map(str, lark.ignore_tokens)),
    )


def _rule(rule: LarkRule) -> Rule:
    # Lark's names are tokens of its own.
    origin = str(rule.origin.name)
    # Lark writes `(COMMA item)*` as a rule of its own, whose parts belong to the rule around it.
    name = "" if origin.startswith("__") else str(rule.alias or origin)
    passes = bool(rule.options.expand1) and not rule.alias
    return origin, len(rule.expansion), name, passes


def _is_keyword(terminal: Any) -> bool:
    pattern = terminal.pattern
    return bool(pattern.type == "str" and pattern.value.isidentifier())


def _pattern(terminals: list[Any]) -> str:
    """One expression for all; where several fit, the first by priority and then by length."""

    def order(t: Any) -> tuple[int, int, int, str]:
        return -t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name

    written = {t.name: t.pattern.to_regexp() for t in sorted(terminals, key=order)}
    begins = {name: _beginning(text, written) for name, text in written.items()}
    ends: dict[str, str] = dict.fromkeys(written, "")
    for name, begin in begins.items():
        if begin is not None:
            ends[begin] += f"(?P<{name}>{written[name].removeprefix(written[begin])})?"
    whole = [name for name, begin in begins.items() if begin is None]
    return "|".join(f"(?P<{name}>{written[name]}){ends[name]}" for name in whole)


def _beginning(text: str, written: dict[str, str]) -> str | None:
    """The terminal that another begins with, as PRIMED does with NAME.

    What follows it is a group of its own, so that names are neither read nor compiled twice.
    """
    if "|" in text:
        return None
    others = (name for name, other in written.items() if other != text and text.startswith(other))
    return next(others, None)
