"""Where elaboration stands.  In: nothing.  Out: Walk (one pass over a cell) and Frame (one body).

A `Walk` goes once over a cell for one choice of structure and builds its nodes.  A `Frame` is the
body it is in: the cell, an inner cell, or a function, with the names that are seen there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celldsl.diagnostics.diagnostic import Label, Report
from celldsl.diagnostics.span import Span
from celldsl.ir.program import Type
from celldsl.ir.size import Size
from celldsl.ir.spec import ArraySpec, Condition, ParamSpec
from celldsl.record import entity, field, record
from celldsl.semantics.modules import Module
from celldsl.semantics.walk.choices import Choices, Setting
from celldsl.semantics.walk.facts import Facts
from celldsl.semantics.walk.nodes import Nodes
from celldsl.semantics.walk.notes import Notes
from celldsl.semantics.walk.pending import Stack, StateEntry, Target
from celldsl.semantics.walk.scope import Binding, Fits, anything
from celldsl.semantics.walk.values import Initialiser, Tensor, Value
from celldsl.syntax import ast

MAX_EQUATIONS = 10_000
# Of calls in functions, and of cells in cells.
MAX_DEPTH = 64


class TooManyEquations(Exception):
    """The limit on equations after unrolling was reached; it has been reported."""


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


@record
class Knots:
    """What calls itself through many modules: expressions hold calls, and calls whole bodies."""

    elaborate: Callable[[Frame, ast.Expr], Value]
    drawn: Callable[[Frame, Initialiser, Span], Tensor | None]
    declarations: Callable[[Frame, ast.Cell], None]
    equations: Callable[[Frame, ast.Cell], list[Tensor | None]]


@entity
class Walk(Nodes):
    """Everything that one pass over a cell, with its inner cells, builds and finds."""

    knots: Knots
    report: Report
    choices: Choices
    facts: Facts
    notes: Notes
    params: dict[str, ParamSpec] = field(default_factory=dict)
    consts: dict[str, ParamSpec] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)
    inputs: list[ArraySpec] = field(default_factory=list)
    outputs: list[tuple[ArraySpec, str]] = field(default_factory=list)
    states: dict[str, StateEntry] = field(default_factory=dict)
    conditions: list[Condition] = field(default_factory=list)
    sites: int = 0
    equations: int = 0
    calls: list[str] = field(default_factory=list)
    twins: dict[str, str] = field(default_factory=dict)
    amounts: dict[str, Size] = field(default_factory=dict)
    hypers: dict[str, ast.Hyper] = field(default_factory=dict)
    steps: dict[str, Span] = field(default_factory=dict)
    cells: list[ast.Cell] = field(default_factory=list)
    dim_defaults: dict[str, Size | None] = field(default_factory=dict)
    settings: dict[str, Setting] = field(default_factory=dict)
    below: dict[str, list[str]] = field(default_factory=dict)

    def refresh_types(self) -> None:
        """Write the sizes that have become equal in one way, after a new fact."""
        for builder in (self.builder, self.initial):
            for name, old in builder.types.items():
                shape = tuple(map(self.facts.reduce, old.shape))
                builder.types[name] = Type(shape, old.rows, old.boolean)

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
    fits: Fits = field(default_factory=lambda: anything)

    def elaborate(self, expression: ast.Expr) -> Value:
        """What an expression means here."""
        return self.walk.knots.elaborate(self, expression)

    def find(self, name: str) -> Binding | None:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

    def error(self, code: str, message: str, span: Span, label: str = "", **more: Any) -> None:
        if self.called is not None:
            called = Label(self.called, "in this call")
            more["secondary"] = (*more.get("secondary", ()), called)
        self.walk.report.add(code, message, span, label, **more)
