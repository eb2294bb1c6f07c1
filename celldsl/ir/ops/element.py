"""One element of a value, as an expression.  In: elements of the arguments.  Out: a small tree.

    where(apply("le", x, 0.0), 0.0, x)           the element of relu

A tree is made of primitives, which are the elementwise operations whose entries have no tree of
their own, over whatever elements it is given.  Every target prints primitives, so that an entry
says once for all of them what it computes.  A float is a number of the cell's dtype; an int and a
`Count` are whole numbers, such as an index.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from celldsl.ir.attributes import Attributes
from celldsl.ir.size import Size
from celldsl.structs import record


class Element:
    """An expression for one element; targets and `kernel_ir` have further ones."""

    __slots__ = ()


@record
class Apply(Element):
    """A primitive of elements."""

    primitive: str
    args: tuple[Value, ...]


@record
class Count(Element):
    """A size as a whole number."""

    size: Size


@record
class Number(Element):
    """A whole number as one of the cell's dtype."""

    whole: Value


@record
class Whole(Element):
    """A number of the cell's dtype, which is an integer, as a whole number."""

    number: Value


Value: TypeAlias = "Element | float"
Rule = Callable[..., Value]


def apply(primitive: str, *args: Value) -> Apply:
    return Apply(primitive, args)


def where(condition: Value, yes: Value, no: Value) -> Apply:
    """`yes` where the condition holds, else `no`; the other one need not exist."""
    return Apply("where", (condition, yes, no))


def greater(a: Value, b: Value) -> Apply:
    """The greater of two; NaN where one is."""
    return where(apply("or", apply("lt", b, a), apply("ne", a, a)), a, b)


def lesser(a: Value, b: Value) -> Apply:
    return where(apply("or", apply("lt", a, b), apply("ne", a, a)), a, b)


def within(index: Value, size: Value) -> Apply:
    """Whether 0 <= index < size."""
    return apply("and", apply("le", 0, index), apply("lt", index, size))


@record
class Reduction:
    """How a loop along an axis goes: from `start`, by `combine(total, element)`."""

    start: float
    combine: Callable[[Value, Value], Value]


@record
class Gather:
    """An element at `indices` of a value that reads its argument at other indices than its own.

    `source` is the argument's shape, `read(indices)` an element of it, `at` the attributes;
    `others` are the arguments behind it, which are single numbers.
    """

    indices: tuple[Value, ...]
    source: tuple[Size, ...]
    at: Attributes
    read: Callable[[Sequence[Value]], Value]
    others: tuple[Value, ...] = ()
