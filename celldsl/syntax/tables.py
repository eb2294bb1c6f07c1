"""What the parser goes by.  In: nothing.  Out: `Tables`, as Lark finds them in the grammar."""

from __future__ import annotations

from typing import TypeAlias

from celldsl.structs import record

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
