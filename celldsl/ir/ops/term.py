"""Gradient rules as formulas.  In: a builder and names of values.  Out: nodes, by operators.

    formula(lambda x, y, d: [d * (1.0 - y * y)])      the gradient of tanh

`formula` turns a rule over terms (the arguments, the value, its cotangent) into what an `Op` holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from celldsl.ir.ops.op import NodeBuilder
from celldsl.ir.program import Node
from celldsl.ir.size import Shape
from celldsl.structs import record

Gradient = Callable[[NodeBuilder, Node, str], list[str | None]]


@record
class Term:
    """The value `name` of `builder`; arithmetic appends nodes."""

    builder: NodeBuilder
    name: str

    def op(self, name: str, *others: Term | float, **attributes: Any) -> Term:
        """`name(self, others…)`."""
        values = [o.name if isinstance(o, Term) else o for o in others]
        return Term(self.builder, self.builder.op(name, self.name, *values, **attributes))

    def source(self, name: str, **attributes: Any) -> Term:
        """A value without arguments, in the same builder."""
        return Term(self.builder, self.builder.op(name, **attributes))

    def number(self, value: float) -> Term:
        return Term(self.builder, self.builder.number(value))

    def where(self, yes: Term | float, no: Term | float) -> Term:
        """`yes` where this condition holds, else `no`."""
        return self.op("where", yes, no)

    def stretch(self, shape: Shape) -> Term:
        return Term(self.builder, self.builder.broadcast(self.name, shape))

    @property
    def shape(self) -> Shape:
        return self.builder.shape(self.name)

    def __add__(self, other: Term | float) -> Term:
        return self.op("add", other)

    def __sub__(self, other: Term | float) -> Term:
        return self.op("sub", other)

    def __mul__(self, other: Term | float) -> Term:
        return self.op("mul", other)

    def __truediv__(self, other: Term | float) -> Term:
        return self.op("div", other)

    def __neg__(self) -> Term:
        return self.op("neg")

    def __rsub__(self, other: float) -> Term:
        return self.number(other).op("sub", self)

    __radd__ = __add__
    __rmul__ = __mul__


def formula(rule: Callable[..., Sequence[Term | None]]) -> Gradient:
    """A gradient from a rule over (arguments…, the value, its cotangent)."""

    def gradient(b: NodeBuilder, node: Node, d: str) -> list[str | None]:
        terms = [Term(b, name) for name in (*node.args, node.name, d)]
        return [None if term is None else term.name for term in rule(*terms)]

    return gradient


def formula_with(rule: Callable[..., Sequence[Term | None]]) -> Gradient:
    """As `formula`, for a rule that takes the node first: it reads the attributes."""

    def gradient(b: NodeBuilder, node: Node, d: str) -> list[str | None]:
        terms = [Term(b, name) for name in (*node.args, node.name, d)]
        return [None if term is None else term.name for term in rule(node, *terms)]

    return gradient


def no_gradient(b: NodeBuilder, node: Node, d: str) -> list[str | None]:
    """Nothing passes: the operation is constant almost everywhere, or says so."""
    return [None] * len(node.args)
