"""Where an analysis stands.  In: nothing.  Out: Context over a cell, Environment for a body.

A `Context` goes once over a cell for one choice of structure and builds its nodes.  An
`Environment` is the body it is in: the cell, an inner cell, or a function, with the names that are
seen there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from celldsl.diagnostics.diagnostic import Label, Report
from celldsl.diagnostics.span import Span
from celldsl.ir.notes import Frame, Origin
from celldsl.ir.size import Size
from celldsl.ir.spec import ArraySpec, Condition, ParamSpec
from celldsl.semantics.constraints import Constraints
from celldsl.semantics.environment import (
    Binding,
    Fits,
    Initialiser,
    Sharing,
    Stack,
    StateEntry,
    Target,
    Tensor,
    Unknown,
    Usage,
    Value,
    anything,
)
from celldsl.semantics.modules import Module
from celldsl.semantics.nodes import Nodes
from celldsl.semantics.structure import Choices, Setting
from celldsl.structs import entity, field, record, replace
from celldsl.syntax import ast

MAX_EQUATIONS = 10_000
# Of calls in functions, and of cells in cells.
MAX_DEPTH = 64
UNKNOWN = Unknown()


class TooManyEquations(Exception):
    """The limit on equations after unrolling was reached; it has been reported."""


@entity
class Inner:
    """A `sub`: its cell, what its dims and hyperparameters are, and its states.

    `declared` is the whole statement, `given` where each dim was written.  `env` is its body as it
    was declared, which every step has a copy of; `masks` are the sites of those that last a
    sequence.  `came` are the states that came into the step of the body around, and `gone` those
    that went out of the latest step of this one, in iterations `during`.  `read` are states that
    are read as `g.h`, `started` those that every step was told.  The dims
    that are `open` are written `_`: the first step says them, and nothing is declared before it.
    """

    name: str
    cell: ast.Cell
    home: Module
    env: Environment
    span: Span
    declared: Span
    given: dict[str, Span]
    stepped: Span | None = None
    during: list[object] = field(default_factory=list)
    came: dict[str, Tensor | None] = field(default_factory=dict)
    gone: dict[str, Tensor | None] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    started: set[str] | None = None
    masks: list[int] = field(default_factory=list)
    open: tuple[str, ...] = ()

    @property
    def latest(self) -> dict[str, Tensor | None]:
        """The states as its latest step has left them."""
        return self.came if self.stepped is None else self.gone


@entity
class WeightCall:
    """A call of a plain `def` that made weights: what it was given and what it gave."""

    span: Span
    name_span: Span
    name: str
    looped: bool
    given: tuple[str, ...]
    gave: tuple[str, ...]


@record
class Callbacks:
    """What calls itself through many modules: expressions hold calls, and calls whole bodies."""

    elaborate: Callable[[Environment, ast.Expr], Value]
    drawn: Callable[[Environment, Initialiser, Span], Tensor | None]
    declarations: Callable[[Environment, ast.Cell], None]
    equations: Callable[[Environment, ast.Cell], list[Tensor | None]]


@record
class Noted:
    """What an equation defines, in the body where it stands."""

    environment: Environment
    value: Value
    span: Span


@entity
class Context(Nodes):
    """Everything that one pass over a cell, with its inner cells, builds and finds."""

    callbacks: Callbacks
    report: Report
    choices: Choices
    constraints: Constraints
    usage: Usage
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
    weight_calls: dict[Span, list[WeightCall]] = field(default_factory=dict)
    noted: dict[str, Noted] = field(default_factory=dict)
    times_noted: dict[str, int] = field(default_factory=dict)
    inners: dict[str, Inner] = field(default_factory=dict)
    lasting: list[int] | None = None
    met: int = 0
    # Whether the equation that is elaborated will be refused, for another one has its name.
    name_taken: bool = False
    refused: int = 0  # parameters of such equations

    def mask_site(self, per: str) -> int:
        """A site of masks; one that lasts a sequence is that of all steps of an inner cell."""
        lasting = None if per == "step" else self.lasting
        if lasting is not None and self.met < len(lasting):
            self.met += 1
            return lasting[self.met - 1]
        self.sites += 1
        if lasting is not None:
            lasting.append(self.sites - 1)
            self.met += 1
        return self.sites - 1

    @contextmanager
    def masks_of(self, sites: list[int]) -> Iterator[None]:
        """Inside, masks that last a sequence are those of an inner cell."""
        outer, self.lasting, self.met = (self.lasting, self.met), sites, 0
        try:
            yield
        finally:
            self.lasting, self.met = outer

    def refresh_types(self) -> None:
        """Write the sizes that have become equal in one way, after a new fact."""
        for builder in (self.builder, self.initial):
            for name, old in builder.types.items():
                shape = tuple(map(self.constraints.reduce, old.shape))
                builder.types[name] = replace(old, shape=shape)

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
class Environment:
    """One body.  `scopes` are the names seen, innermost last; `prefix` is of inner cells.

    `cell_base` is what those of the cell around begin with, and `sharing` is there where parameters
    may be those of another body.  `base` is what names of parameters begin with (`g.`, `f.gate.`)
    and `place` what those of the
    present equation are named after (`f`, `g.f.0`); it is empty outside equations.  `made` says
    which kinds of block the equation has already.  `later` are names that a later equation
    defines, `silenced` those whose equation went wrong; `fits` says which names could stand where
    one is read that is not there.  `around` has the loops that an inner cell or a call stands in,
    `frames` what readers see around it, `nested` the loops and solvers of the body itself.
    `unseen` bodies are those of functions of the language; one that runs `again` is a further step
    of an inner cell.
    """

    context: Context
    home: Module
    scopes: list[dict[str, Binding]]
    prefix: str = ""
    base: str = ""
    cell_base: str = ""
    sharing: Sharing | None = None
    place: str = ""
    iterations: tuple[int, ...] = ()
    around: tuple[tuple[str, int], ...] = ()
    frames: tuple[Frame, ...] = ()
    nested: tuple[Frame, ...] = ()
    in_function: bool = False
    made: dict[str, Span] = field(default_factory=dict)
    stacks: dict[str, Stack] = field(default_factory=dict)
    called: Span | None = None
    # Whether the present equation has made parameters.
    holds: bool = False
    hidden: dict[str, tuple[Span, str]] = field(default_factory=dict)
    later: dict[str, Span] = field(default_factory=dict)
    silenced: set[str] = field(default_factory=set)
    nexts: dict[str, Tensor | None] = field(default_factory=dict)
    next_spans: dict[str, Span] = field(default_factory=dict)
    iteration: object = None
    firsts: tuple[bool, ...] = ()
    only_initial: str = ""
    target: Target | None = None
    inner: dict[str, Inner] = field(default_factory=dict)
    all_inner: list[Inner] = field(default_factory=list)
    fits: Fits = field(default_factory=lambda: anything)
    unseen: bool = False
    again: bool = False

    def note(self, name: str, value: Value, span: Span) -> None:
        """An equation has defined a value, which `trace` may be asked for."""
        if self.unseen:
            return
        own = self.base + ".".join([name, *map(str, self.iterations)])
        found, times = own, self.context.times_noted
        while found in self.context.noted:  # a name that is bound again
            times[own] = times.get(own, 1) + 1
            found = f"{own}_{times[own]}"
        self.context.noted[found] = Noted(self, value, span)

    def saw(self, span: Span, value: Value) -> Value:
        """Keep what stands at a place of the cell itself, where an editor asks for it."""
        seen = self.context.usage.seen
        if seen is not None and not self.prefix and isinstance(seen.get(span, UNKNOWN), Unknown):
            seen[span] = value
        return value

    def named(self, value: Value, span: Span) -> Value:
        """What a name stands for from its `span` on: a node of its own, where `grad` varies it."""
        if span in self.context.usage.varied and isinstance(value, Tensor):
            return replace(value, name=self.context.own(value.name), hyper=None)
        return value

    def elaborate(self, expression: ast.Expr) -> Value:
        """What an expression means here."""
        return self.context.callbacks.elaborate(self, expression)

    def where(self) -> Origin:
        """Where nodes of the present equation stand."""
        loops: tuple[tuple[str, int], ...] = ()
        if self.iterations:
            bound = [n for scope in self.scopes for n, b in scope.items() if b.kind == "index"]
            loops = tuple(zip(bound, self.iterations, strict=False))
        call = self.base.rstrip(".") if self.in_function else ""
        frames = (*self.frames, *self.nested)
        return Origin(self.prefix.rstrip("."), (*self.around, *loops), call, frames)

    def frame(self, name: str) -> Frame:
        """One that begins here."""
        return Frame(name, self.context.equations)

    @contextmanager
    def framed(self, *names: str) -> Iterator[None]:
        """Inside, nodes stand in frames of these names."""
        nested, origin = self.nested, self.context.notes.origin
        self.nested = (*nested, *map(self.frame, names))
        self.context.notes.origin = self.where()
        try:
            yield
        finally:
            self.nested, self.context.notes.origin = nested, origin

    def find(self, name: str) -> Binding | None:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

    def error(self, code: str, message: str, span: Span, label: str = "", **more: Any) -> None:
        if self.called is not None:
            called = Label(self.called, "in this call")
            more["secondary"] = (*more.get("secondary", ()), called)
        self.context.report.add(code, message, span, label, **more)
