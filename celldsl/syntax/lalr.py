"""The parser.  In: tokens, one at a time.  Out: the tree of what was taken.

    automaton = Automaton()
    automaton.feed(token)           False where no such token may stand here
    automaton.expected              what may

Two stacks, which whoever feeds it may note and put back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from celldsl.syntax.grammar import load_tables
from celldsl.syntax.lexer import Part, Token, Tree

# What stands on the stack: a part, or the parts of a list that is not at its end.
Value: TypeAlias = "Part | list[Part]"


class Automaton:
    """An LALR(1) parser, between two tokens."""

    def __init__(self) -> None:
        self.tables = load_tables()
        self.states = [self.tables.start]
        self.values: list[Value] = []

    @property
    def expected(self) -> Mapping[str, int]:
        """The symbols that may come now; terminals are in capitals."""
        return self.tables.states[self.states[-1]]

    def feed(self, token: Token) -> bool:
        """Takes a token.  Where it cannot, what it would have ended has been made a tree."""
        kind, states = token.type, self.states
        table, rules = self.tables.states, self.tables.rules
        while states[-1] != self.tables.end:
            action = table[states[-1]].get(kind)
            if action is None:
                return False
            if action >= 0:
                states.append(action)
                self.values.append(token)
                return True
            origin, length, name, passes = rules[~action]
            if passes and length == 1:
                # Most rules are levels of precedence, which leave a value as it is.
                states[-1] = table[states[-2]][origin]
            else:
                self._reduce(origin, length, name)
        return True

    def tree(self) -> Tree:
        """The whole file, after `$END` was taken."""
        (tree,) = self.values
        assert isinstance(tree, Tree)
        return tree

    def save(self) -> tuple[list[int], list[Value]]:
        return self.states[:], self.values[:]

    def restore(self, saved: tuple[list[int], list[Value]]) -> None:
        """Back to where `save` was called, any number of times."""
        self.states[:], self.values[:] = saved

    def _reduce(self, origin: str, length: int, name: str) -> None:
        at = len(self.values) - length
        self.values[at:] = [_made(name, self.values[at:])]
        del self.states[at + 1 :]
        self.states.append(self.expected[origin])


def _made(name: str, parts: list[Value]) -> Value:
    """A tree; without a name a list, which grows in place as more of it is read."""
    match parts:
        case [list() as read, *more] if not name:
            return _added(read, more)
    children = _added([], parts)
    return Tree(name, children) if name else children


def _added(children: list[Part], parts: list[Value]) -> list[Part]:
    for part in parts:
        if isinstance(part, list):
            children += part
        else:
            children.append(part)
    return children
