"""Expressions of kernels.  In: nothing.  Out: records, and whole numbers put together.

    plus(Start("at_r", base), times(plus(SAVED, B), Count(H)))      at_r + (saved + b) * d_H

They are elements (`celldsl.ir.ops.element`) and what elements are read from.  No record holds text
of a target, and every name is either ours or made of a user's with a prefix of ours.
"""

from __future__ import annotations

from celldsl.ir.ops.element import Apply, Count, Element, Number, Value, Whole, apply, where
from celldsl.ir.size import Size
from celldsl.structs import record

__all__ = [
    "Apply", "Call", "Count", "Element", "Load", "Name", "Number", "Pointer", "Setting", "Start",
    "Value", "Whole", "Word", "apply",
    "argument", "less", "minus", "plus", "quotient", "times", "where",
]  # fmt: skip

ZERO, ONE = Size.of(0), Size.of(1)


@record
class Name(Element):
    """A variable of the function: what it assigns, counts by, or is given."""

    id: str


@record
class Word(Element):
    """A number of a part of the batch that holds for all steps (`celldsl.runtime.description`)."""

    name: str


@record
class Start(Element):
    """The element of its array at which a buffer begins."""

    name: str
    size: Size


@record
class Setting(Element):
    """The run-time real hyperparameter of this name."""

    name: str


@record
class Pointer(Element):
    """The address of element `at` of an array; accesses of different scopes never meet.

    Scope -1 is unknown.
    """

    array: str
    at: Value
    scope: int = -1


@record
class Load(Element):
    """An element behind a pointer, or of an array; `of_bool` is one that holds 0 or 1."""

    pointer: Element
    index: Value
    of_bool: bool = False


@record
class Call(Element):
    """A function of compiled code (`celldsl.jit.symbols`) or another kernel."""

    function: str
    args: tuple[Value, ...]


def argument(name: str) -> Name:
    """An array, or another argument of every phase."""
    return Name(name)


def plus(*terms: Value) -> Value:
    """The sum of whole numbers without those that are 0."""
    found: Value | None = None
    for term in terms:
        if not _is(term, ZERO):
            found = term if found is None else apply("add", found, term)
    return 0 if found is None else found


def minus(a: Value, b: Value) -> Value:
    return a if _is(b, ZERO) else apply("sub", a, b)


def times(a: Value, b: Value) -> Value:
    """The product of whole numbers; nothing is multiplied by 1."""
    if _is(a, ZERO) or _is(b, ZERO):
        return 0
    if _is(a, ONE):
        return b
    return a if _is(b, ONE) else apply("mul", a, b)


def quotient(a: Value, b: Value) -> Value:
    return apply("floordiv", a, b)


def less(a: Value, b: Value) -> Value:
    return apply("lt", a, b)


def _is(value: Value, size: Size) -> bool:
    if isinstance(value, Count):
        return value.size == size
    return isinstance(value, int | float) and value == size.constant
