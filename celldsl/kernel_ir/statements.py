"""Statements of kernels.  In: nothing.  Out: records, and a writer of them.

w = Writer()
with w.loop("j0", Count(H)):
    w.assign(Load(pointer, Name("j0")), value)
Function("forward_1", ("low", "high"), w.done())
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Literal, TypeAlias

from celldsl.ir.size import Size
from celldsl.kernel_ir.expressions import Call, Count, Load, Name, Value
from celldsl.structs import record

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
