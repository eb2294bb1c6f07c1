"""What the lexer and the parser give.  In: nothing.  Out: tokens, and the tree of rules over them.

Token("NAME", "h", 4, 5)        a piece of text that knows what it is and where it stands
Tree("equation", [target, …])   a rule of the grammar with what it was made of
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias


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
