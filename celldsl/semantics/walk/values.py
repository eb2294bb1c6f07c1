"""What an expression means.  In: nothing.  Out: the records that elaboration passes around.

2*H          Static(Size)       a whole number (or an exact fraction) of dims, known early
0.5          Real(0.5)          a number that was written
true         Truth(True)
r * h        Tensor("%7", …)    a value of the program
tanh         FunctionValue      something that can be called
(a, b)       Several            what a call with several results gives
[x, h]       Listing            what stands in square brackets
orthogonal   Initialiser        how a parameter begins
what is wrong                   Unknown: silences everything that depends on it
"""

from __future__ import annotations

from celldsl.diagnostics.span import Span
from celldsl.ir.size import Shape, Size
from celldsl.record import record
from celldsl.syntax import ast


@record
class Tensor:
    """`name` is a value of the program; `why` says for each axis where its size was written.

    `hyper` is set where the value is a hyperparameter itself, which can still become structure.
    """

    name: str
    shape: Shape
    why: tuple[Span | None, ...] = ()
    boolean: bool = False
    hyper: str | None = None


@record
class Static:
    size: Size


@record
class Real:
    value: float


@record
class Truth:
    value: bool


@record
class FunctionValue:
    """A builtin by its name, or a `def` with the file that it stands in."""

    name: str
    definition: ast.Def | None = None
    home: object = None


@record
class Several:
    items: tuple[Value, ...]


@record
class Listing:
    items: tuple[Value, ...]


@record
class Initialiser:
    """`arguments` are scalar values of the nodes that compute initial values."""

    name: str
    arguments: tuple[str, ...] = ()
    shape: Shape | None = None


@record
class Unknown:
    """The value of something wrong that has been reported already."""


Value = Tensor | Static | Real | Truth | FunctionValue | Several | Listing | Initialiser | Unknown
Number = Tensor | Static | Real


def describe(value: Value) -> str:
    """What a value is, in words that fit after "is"."""
    match value:
        case Tensor(boolean=True):
            return "a comparison"
        case Tensor() | Real():
            return "a value"
        case Static():
            return "a number"
        case Truth():
            return "true or false"
        case FunctionValue():
            return "a function"
        case Several(items):
            return f"{len(items)} values"
        case Listing():
            return "a list"
        case Initialiser():
            return "an initialiser"
        case Unknown():
            return "unknown"
