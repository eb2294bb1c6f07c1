"""Where elaboration stands.  In: nothing.  Out: Walk (one pass over a cell) and Frame (one body).

A `Walk` goes once over a cell for one choice of structure and builds its nodes.  A `Frame` is the
body it is in: the cell, an inner cell, or a function, with the names that are seen there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from celldsl.diagnostics.diagnostic import Label, Report
from celldsl.diagnostics.span import Span
from celldsl.ir.builder import Builder
from celldsl.ir.program import Leaf, Node, Origin, Rows, Type
from celldsl.ir.size import Shape, Size
from celldsl.ir.spec import ArraySpec, Condition, ParamSpec
from celldsl.record import entity, field, record
from celldsl.semantics.choices import Choices, Setting
from celldsl.semantics.facts import Facts
from celldsl.semantics.modules import Module
from celldsl.semantics.values import Initialiser, Tensor, Value
from celldsl.syntax import ast

Kind = Literal[
    "dim", "hyper", "input", "state", "param", "const", "value", "index", "sub", "argument"
]
MAX_EQUATIONS = 10_000
# Of calls in functions, and of cells in cells.
MAX_DEPTH = 64
# Names that are compared with one that is not there: enough for a file that a person wrote.
MAX_COMPARED = 5_000


class TooManyEquations(Exception):
    """The limit on equations after unrolling was reached; it has been reported."""


@entity
class Binding:
    """What a name stands for; `depth` counts the loops around its first definition."""

    kind: Kind
    value: Value
    span: Span
    depth: int = 0
    rebound: object = None


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


@entity
class Inner:
    """A `sub`: its cell, what its dims and hyperparameters are, and its states.

    `declared` is the whole statement, `given` where each dim was written.
    """

    name: str
    cell: ast.Cell
    home: Module
    frame: Frame
    span: Span
    declared: Span
    given: dict[str, Span]
    stepped: Span | None = None


@entity
class StateEntry:
    """A state of the program: `name` is its public name, `next` the value that goes out."""

    name: str
    shape: Shape
    span: Span
    start: str | None = None
    next: str | None = None


@entity
class Notes:
    """What the walks over a cell have seen, for the warnings and the rules across branches."""

    declared: dict[Span, tuple[Kind, str]] = field(default_factory=dict)
    used: set[Span] = field(default_factory=set)
    branch_shapes: dict[tuple[Span, str], tuple[Shape, Span, Facts]] = field(default_factory=dict)
    old_reads: dict[str, set[Span]] = field(default_factory=dict)
    new_reads: dict[str, set[Span]] = field(default_factory=dict)
    nexts: dict[str, Span] = field(default_factory=dict)
    visited: set[tuple[Span, bool]] = field(default_factory=set)
    compared: int = 0


@record
class Knots:
    """What calls itself through many modules: expressions hold calls, and calls whole bodies."""

    elaborate: Callable[[Frame, ast.Expr], Value]
    drawn: Callable[[Frame, Initialiser, Span], Tensor | None]
    declarations: Callable[[Frame, ast.Cell], None]
    equations: Callable[[Frame, ast.Cell], list[Tensor | None]]


@entity
class Walk:
    """Everything that one pass over a cell, with its inner cells, builds and finds."""

    knots: Knots
    report: Report
    choices: Choices
    facts: Facts
    notes: Notes
    builder: Builder = field(default_factory=Builder)
    initial: Builder = field(default_factory=lambda: Builder(prefix="$"))
    computing_initial: bool = False
    leaves: dict[str, Leaf] = field(default_factory=dict)
    params: dict[str, ParamSpec] = field(default_factory=dict)
    consts: dict[str, ParamSpec] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)
    inputs: list[ArraySpec] = field(default_factory=list)
    outputs: list[tuple[ArraySpec, str]] = field(default_factory=list)
    states: dict[str, StateEntry] = field(default_factory=dict)
    conditions: list[Condition] = field(default_factory=list)
    from_state: set[str] = field(default_factory=set)
    sites: int = 0
    equations: int = 0
    draws: int = 0
    calls: list[str] = field(default_factory=list)
    twins: dict[str, str] = field(default_factory=dict)
    amounts: dict[str, Size] = field(default_factory=dict)
    hypers: dict[str, ast.Hyper] = field(default_factory=dict)
    steps: dict[str, Span] = field(default_factory=dict)
    cells: list[ast.Cell] = field(default_factory=list)
    dim_defaults: dict[str, Size | None] = field(default_factory=dict)
    settings: dict[str, Setting] = field(default_factory=dict)
    below: dict[str, list[str]] = field(default_factory=dict)

    def op(self, name: str, *args: str | float, **attributes: Any) -> str:
        """Append a node to what is being built and return the name of its value."""
        builder = self.initial if self.computing_initial else self.builder
        value = builder.op(name, *args, **attributes)
        if any(a in self.from_state for a in args if isinstance(a, str)):
            self.from_state.add(value)
        return value

    def type(self, value: str) -> Type:
        builder = self.initial if self.computing_initial else self.builder
        return builder.types[value]

    def shape(self, value: str) -> Shape:
        return self.type(value).shape

    def leaf(self, kind: str, name: str, shape: Shape, rows: Rows) -> str:
        """A value from outside; the same name in what is computed and in initial values."""
        leaf = Leaf(kind, name, Type(shape, rows))
        self.leaves[name] = leaf
        self.builder.types[name] = leaf.type
        if kind in ("param", "const", "hyper"):
            self.initial.types[name] = leaf.type
        if kind == "state":
            self.from_state.add(name)
        return name

    def refresh_types(self) -> None:
        """Write the sizes that have become equal in one way, after a new fact."""
        for builder in (self.builder, self.initial):
            for name, old in builder.types.items():
                shape = tuple(map(self.facts.reduce, old.shape))
                builder.types[name] = Type(shape, old.rows, old.boolean)

    def draw(self, initialiser: str, args: tuple[str, ...], **attributes: object) -> str:
        """A node of an initialiser among the initial values."""
        shape = attributes["shape"]
        assert isinstance(shape, tuple)
        name = f"$d{self.draws}"
        self.draws += 1
        attributes["initialiser"] = initialiser
        kind = Type(shape, Rows.ONCE)
        node = Node(name, "draw", args, kind, tuple(sorted(attributes.items())))
        self.initial.nodes.append(node)
        self.initial.types[name] = kind
        return name

    @contextmanager
    def initial_values(self) -> Iterator[None]:
        """Inside, nodes go to the initial values of parameters."""
        before, self.computing_initial = self.computing_initial, True
        try:
            yield
        finally:
            self.computing_initial = before

    def count_equation(self, span: Span) -> None:
        self.equations += 1
        self.choices.spent += 1
        if self.equations > MAX_EQUATIONS or self.choices.spent > 3 * MAX_EQUATIONS:
            self.report.add(
                "E0303",
                f"more than {MAX_EQUATIONS:,} equations after unrolling",
                span,
                "the limit is reached here",
                help="make the loops shorter or the inner cells fewer",
            )
            raise TooManyEquations

    def origin(self, span: Span) -> None:
        line, _ = span.source.line_column(span.start)
        self.builder.origin = Origin(" ".join(span.text.split()), line)


@entity
class Stack:
    """`y[k] = …`: the slices so far, by index, of what the loop over `variable` fills."""

    variable: str
    count: int
    span: Span
    primed: bool
    slices: dict[int, Tensor | None] = field(default_factory=dict)


@entity
class Target:
    """What an initial value is for: initialisers take its shape, fans and random stream.

    `param` is empty for the start of a state, which is computed in the program itself.
    """

    shape: Shape
    param: str = ""
    fan_in: Size | None = None
    fan_out: Size | None = None
    draws: int = 0


@entity
class Frame:
    """One body.  `scopes` are the names seen, innermost last; `prefix` is of inner cells.

    `base` is what names of parameters begin with (`g.`, `f.gate.`) and `place` what those of the
    present equation are named after (`f`, `g.f.0`); it is empty outside equations.  `made` says
    which kinds of block the equation has already.  `later` are names that a later equation
    defines, `silenced` those whose equation went wrong; `fits` says which names could stand where
    one is read that is not there.
    """

    walk: Walk
    home: Module
    scopes: list[dict[str, Binding]]
    prefix: str = ""
    base: str = ""
    place: str = ""
    iterations: tuple[int, ...] = ()
    in_function: bool = False
    made: dict[str, Span] = field(default_factory=dict)
    stacks: dict[str, Stack] = field(default_factory=dict)
    called: Span | None = None
    hidden: dict[str, tuple[Span, str]] = field(default_factory=dict)
    later: dict[str, Span] = field(default_factory=dict)
    silenced: set[str] = field(default_factory=set)
    nexts: dict[str, Tensor | None] = field(default_factory=dict)
    next_spans: dict[str, Span] = field(default_factory=dict)
    iteration: object = None
    only_initial: str = ""
    target: Target | None = None
    inner: dict[str, Inner] = field(default_factory=dict)
    all_inner: list[Inner] = field(default_factory=list)
    returned: Value | None = None
    fits: Fits = field(default_factory=lambda: anything)

    def elaborate(self, expression: ast.Expr) -> Value:
        """What an expression means here."""
        return self.walk.knots.elaborate(self, expression)

    def find(self, name: str) -> Binding | None:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

    def names(self) -> list[str]:
        return [name for scope in self.scopes for name in scope]

    def error(self, code: str, message: str, span: Span, label: str = "", **more: Any) -> None:
        if self.called is not None:
            called = Label(self.called, "in this call")
            more["secondary"] = (*more.get("secondary", ()), called)
        self.walk.report.add(code, message, span, label, **more)
