"""The records of elaboration: what names stand for, what expressions mean, what is not complete.

An expression means one of

    2*H          Static(Size)       a whole number (or an exact fraction) of dims, known early
    0.5          Real(0.5)          a number that was written
    true         Truth(True)
    r * h        Tensor("%7", …)    a value of the program
    tanh         FunctionValue      something that can be called
    GRU          CellValue          where a hyperparameter is a cell
    (a, b)       Several            what a call with several results gives
    [x, h]       Listing            what stands in square brackets
    orthogonal   Initialiser        how a parameter begins
    what is wrong                   Unknown: silences everything that depends on it

A body fills in bit by bit

    h' = …                          a StateEntry, and its next value
    y[k] = …                        a Stack, and one of its slices
    param W: [H, H] = orthogonal    a Target, and what to begin it with

A scope is a dict of Bindings; an Environment has several, the innermost last.  Usage is what was
seen, which all ways over a cell share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Span
from celldsl.ir.size import Shape, Size
from celldsl.semantics.constraints import Constraints
from celldsl.structs import entity, field, record
from celldsl.syntax import ast

Kind = Literal[
    "dim", "hyper", "input", "state", "param", "const", "value", "index", "sub", "argument"
]


@entity
class Binding:
    """What a name stands for; `depth` counts the loops around its first definition.

    `holds` says that its equation has parameters, which are named after it.
    """

    kind: Kind
    value: Value
    span: Span
    depth: int = 0
    rebound: object = None
    holds: bool = False


def a_kind(kind: str) -> str:
    """A kind of name with its article."""
    words = {
        "hyper": "a hyperparameter",
        "sub": "an inner cell",
        "index": "a loop's index",
        "param": "a parameter",
    }
    article = "an" if kind[0] in "aeiou" else "a"
    return words.get(kind, f"{article} {kind}")


Fits = Callable[[Binding], bool]


def anything(binding: Binding) -> bool:
    return True


@record
class Tensor:
    """`name` is a value of the program; `why` says for each axis where its size was written.

    `hyper` is set where the value is a hyperparameter itself, which can still become structure;
    `limit` where it is an integer, which is below that.
    """

    name: str
    shape: Shape
    why: tuple[Span | None, ...] = ()
    boolean: bool = False
    hyper: str | None = None
    limit: Size | None = None


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
class CellValue:
    """A cell of a file, with that file: what a hyperparameter may stand for."""

    name: str
    cell: ast.Cell
    home: object


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


Value = (
    Tensor
    | Static
    | Real
    | Truth
    | FunctionValue
    | CellValue
    | Several
    | Listing
    | Initialiser
    | Unknown
)
Number = Tensor | Static | Real


def describe(value: Value) -> str:
    """What a value is, in words that fit after "is"."""
    match value:
        case Tensor(boolean=True):
            return "a comparison"
        case Tensor(limit=Size()):
            return "an integer that picks"
        case Tensor() | Real():
            return "a value"
        case Static():
            return "a number"
        case Truth():
            return "true or false"
        case FunctionValue():
            return "a function"
        case CellValue():
            return "a cell"
        case Several(items):
            return f"{len(items)} values"
        case Listing():
            return "a list"
        case Initialiser():
            return "an initialiser"
        case Unknown():
            return "unknown"


@entity
class StateEntry:
    """A state of the program: `name` is its public name, `next` the value that goes out."""

    name: str
    shape: Shape
    span: Span
    start: str | None = None
    next: str | None = None
    complex: bool = False


@entity
class Stack:
    """`y[k] = …`: the slices so far, by index, of what the loop over `variable` fills.

    `span` is that of the target, `equation` that of all of it.
    """

    variable: str
    span: Span
    equation: Span
    primed: bool
    slices: dict[int, Tensor | None] = field(default_factory=dict)


@entity
class Target:
    """What an initial value is for: initialisers take its shape, fans and random stream.

    `param` is empty for the start of a state, which is computed in the program itself.
    `complex` numbers are kept as pairs, and `shape` is without the axis of these.
    """

    shape: Shape
    param: str = ""
    fan_in: Size | None = None
    fan_out: Size | None = None
    draws: int = 0
    complex: bool = False


@entity
class Sharing:
    """Weights that several bodies share: `made` are the names that this body has used.

    A name that another body has made is the same parameter; one that this body made is a mistake.
    """

    what: str
    made: set[str] = field(default_factory=set)


@record
class Sight:
    """What may stand at a place: names of the body, each with whether it would fit there.

    `nexts` are states whose next value is known there.
    """

    names: dict[str, tuple[Binding, bool]]
    nexts: frozenset[str]


@entity
class Usage:
    """What the walks over a cell have seen, for the warnings and the rules across branches.

    For editors: `seen` has the values of names, calls and targets by their places, where it is
    there; `sight` is what could stand where the name `asked` is read.  `varied` are the places of
    values that something is differentiated with respect to.
    """

    declared: dict[Span, tuple[Kind, str]] = field(default_factory=dict)
    used: set[Span] = field(default_factory=set)
    branch_shapes: dict[tuple[Span, str], tuple[Shape, Span, Constraints, bool]] = field(
        default_factory=dict
    )
    old_reads: dict[str, set[Span]] = field(default_factory=dict)
    new_reads: dict[str, set[Span]] = field(default_factory=dict)
    nexts: dict[str, Span] = field(default_factory=dict)
    visited: set[tuple[Span, bool]] = field(default_factory=set)
    compared: int = 0
    seen: dict[Span, Value] | None = None
    asked: str = ""
    sight: Sight | None = None
    varied: set[Span] = field(default_factory=set)


Item: TypeAlias = "ast.Cell | ast.Def"


@entity
class Found:
    """What a walk over a cell or function found; `called` are where functions have their names."""

    report: Report
    called: set[Span] = field(default_factory=set)
    spent: int = 0
    seen: dict[Span, Value] = field(default_factory=dict)
