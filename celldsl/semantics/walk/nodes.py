"""Nodes that a walk makes.  In: operations, leaves, draws.  Out: builders full of nodes.

op("add", "%3", "h")        a node of the step, or of an initial value inside `initial_values`
leaf("param", "W", …)       a value from outside
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celldsl.diagnostics.span import Span
from celldsl.ir.builder import Builder
from celldsl.ir.program import Leaf, Node, Origin, Rows, Type
from celldsl.ir.size import Shape
from celldsl.record import entity, field


@entity
class Nodes:
    """`builder` makes the step, `initial` the initial values of parameters.

    `from_state` are the values that a state has gone into.
    """

    # By keyword alone: what a Walk is given comes first.
    builder: Builder = field(default_factory=Builder, kw_only=True)
    initial: Builder = field(default_factory=lambda: Builder(prefix="$"), kw_only=True)
    computing_initial: bool = field(default=False, kw_only=True)
    leaves: dict[str, Leaf] = field(default_factory=dict, kw_only=True)
    from_state: set[str] = field(default_factory=set, kw_only=True)
    draws: int = field(default=0, kw_only=True)

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

    def origin(self, span: Span) -> None:
        line, _ = span.source.line_column(span.start)
        self.builder.origin = Origin(" ".join(span.text.split()), line)
