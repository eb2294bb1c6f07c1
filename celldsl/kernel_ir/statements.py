"""Expressions and statements of kernels.  In: nothing.  Out: records, and a writer of them.

    w = Writer()
    with w.loop("j0", Count(H)):
        w.assign(Load(pointer, Name("j0")), value)
    Function("forward_1", ("low", "high"), w.done())

    plus(Start("at_r", base), times(plus(SAVED, B), Count(H)))      at_r + (saved + b) * d_H

Expressions are elements (`celldsl.ir.ops.element`) and what elements are read from.  No record
holds text of a target, and every name is either ours or made of a user's with a prefix of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Literal, TypeAlias

from celldsl.ir.ops.element import Apply, Count, Element, Number, Value, Whole, apply, where
from celldsl.ir.size import Size
from celldsl.structs import record

__all__ = [
    "Apply", "Assign", "Call", "Count", "Do", "Element", "For", "Function", "If", "Load", "Name",
    "Note", "Number", "Pointer", "Return", "Setting", "Start", "Statement", "Target", "Update",
    "Value", "Whole", "Word", "Writer",
    "apply", "argument", "less", "minus", "plus", "quotient", "times", "where",
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


# ---------------------------------------------------------------- statements

Target = Name | Load


@record
class Assign:
    target: Target
    value: Value


@record
class Update:
    """`target += ` the sum of the terms."""

    target: Target
    terms: tuple[Value, ...]


@record
class For:
    """Over start, start + step … before stop."""

    index: Name
    start: Value
    stop: Value
    step: Value
    body: tuple[Statement, ...]


@record
class If:
    condition: Value
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...] = ()


@record
class Do:
    """A call for what it does."""

    call: Call


@record
class Return:
    """The end of a function, and what it gives."""

    value: Value


@record
class Note:
    """A remark for readers: the equation of the lines below."""

    text: str


Statement: TypeAlias = "Assign | Update | For | If | Do | Return | Note"


@record
class Function:
    """`kind` routine: called by phases, for some rows; phase: called by the runtime.

    A function that stands apart is called, and never put where it is called.
    """

    name: str
    kind: Literal["routine", "phase", "apart"]
    arguments: tuple[str, ...]
    body: tuple[Statement, ...]


class Writer:
    """Collects statements; those that are written inside of `loop` and `when` are in their body."""

    def __init__(self) -> None:
        self._open: list[list[Statement]] = [[]]

    def done(self) -> tuple[Statement, ...]:
        (body,) = self._open
        return tuple(body)

    def put(self, *statements: Statement) -> None:
        self._open[-1] += statements

    def note(self, text: str) -> None:
        self.put(Note(" ".join(text.split())))

    def assign(self, target: Target, value: Value) -> None:
        self.put(Assign(target, value))

    def let(self, name: str, value: Value) -> Name:
        """A new variable."""
        self.assign(Name(name), value)
        return Name(name)

    def add(self, target: Target, value: Value) -> None:
        self.put(Update(target, (value,)))

    def do(self, function: str, *args: Value) -> None:
        self.put(Do(Call(function, args)))

    @contextmanager
    def loop(self, index: str, stop: Value, start: Value = 0, step: Value = 1) -> Iterator[Name]:
        self._open.append([])
        yield Name(index)
        body = tuple(self._open.pop())
        self.put(For(Name(index), start, stop, step, body))

    @contextmanager
    def loops(self, axes: Sequence[tuple[str, Size]]) -> Iterator[None]:
        """One loop in the other."""
        with ExitStack() as stack:
            for name, size in axes:
                stack.enter_context(self.loop(name, Count(size)))
            yield

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        self._open.append([])
        yield
        body = tuple(self._open.pop())
        self.put(If(condition, body))

    @contextmanager
    def otherwise(self) -> Iterator[None]:
        """The other way of the `when` just before."""
        self._open.append([])
        yield
        body = tuple(self._open.pop())
        last = self._open[-1].pop()
        assert isinstance(last, If)
        self.put(If(last.condition, last.body, body))
