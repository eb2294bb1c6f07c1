"""Tables from a grammar, made by Lark.  In: the text of `grammars/cell.lark`.  Out: `Tables`.

    tables = build_tables(text)

Lark takes a tenth of a second to be imported and as long to find the states.  So this module is
imported only where `grammar` finds no tables on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lark import Lark
from lark.grammar import Rule as LarkRule

from celldsl.syntax.tables import UNRULED, Rule, Tables


class _KeepUnruled:
    """Tells Lark to keep the terminals of `UNRULED`, which it would drop."""

    always_accept = UNRULED

    def process(self, stream: Iterator[Any]) -> Iterator[Any]:
        return stream


def build_tables(text: str) -> Tables:
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

    return "|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in sorted(terminals, key=order))
