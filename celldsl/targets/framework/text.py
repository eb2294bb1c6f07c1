"""Expressions of array code.  In: code, and how tightly it binds.  Out: larger expressions.

    a.at(PRODUCT)      `a` with parentheses where it would not stand beside `*`

A value of a Program is written without what only stretches it: NumPy's broadcasting does that.  So
a `Text` says which axes it really has.
"""

from __future__ import annotations

from celldsl.ir.ops.element import Element
from celldsl.ir.size import Shape, Size
from celldsl.structs import record, replace

ONE = Size.of(1)
# How tightly Python's operators bind, from the loosest on.
ANY, COMPARE, OR, AND, SUM, PRODUCT, UNARY, POWER, ATOM = range(9)
# Whether a value has the axes of a batch before its own; a mask has them while training alone.
NEVER, PERHAPS, ALWAYS = range(3)


@record
class Text(Element):
    """An expression.

    shape    its own axes, 1 where it has still to be stretched; None where it has none and goes
             with any: a number, or an array without axes
    leads    whether it has the axes of the batch before its own: NEVER, PERHAPS or ALWAYS
    number   whether it is a number of Python, not an array
    """

    code: str
    binds: int = ATOM
    shape: Shape | None = None
    leads: int = NEVER
    number: bool = False

    def at(self, level: int) -> str:
        """The code, in parentheses where it binds less tightly than `level`."""
        return self.code if self.binds >= level else f"({self.code})"

    def named(self, name: str) -> Text:
        """The same value under a name."""
        return replace(self, code=name, binds=ATOM)


def stretched(texts: list[Text]) -> Shape | None:
    """The axes that an elementwise operation of these has."""
    shapes = [text.shape for text in texts if text.shape is not None]
    if not shapes:
        return None
    return tuple(next((s for s in axes if s != ONE), ONE) for axes in zip(*shapes, strict=True))


def tuple_code(parts: list[str]) -> str:
    """`(a,)`, `(a, b)`."""
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
