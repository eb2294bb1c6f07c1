"""Elementwise work of one row.  In: nothing.  Out: the records of its nests.

r = sigmoid(pre[0:H] + b_r) …           a Loop over [H] with all statements that share it
"""

from __future__ import annotations

from celldsl.ir.program import Origin
from celldsl.ir.size import Shape, Size
from celldsl.plan.places import Memory, Operand, Store
from celldsl.record import record


@record
class Statement:
    """`value = op(operands…)` for every index of the nest, and where it is kept."""

    value: str
    op: str
    operands: tuple[Operand, ...]
    stores: tuple[Store, ...]
    attributes: tuple[tuple[str, object], ...] = ()
    boolean: bool = False
    origin: Origin | None = None


@record
class Loop:
    """Statements over every index of `domain`; reductions among them are complete after it."""

    domain: Shape
    statements: tuple[Statement, ...]


@record
class Contract:
    """An einsum of two values of the row: out = or += left * right over all labels."""

    spec: str
    sizes: tuple[tuple[str, Size], ...]
    left: Memory
    right: Memory
    stores: tuple[Store, ...]
    origin: Origin | None = None


@record
class Scan:
    """A running sum or product along `axis`."""

    op: str
    domain: Shape
    axis: int
    reverse: bool
    source: Memory
    store: Store
    origin: Origin | None = None


@record
class Fold:
    """The adjoint of `window`: adds every element to where it was seen."""

    domain: Shape
    kernel: tuple[int, ...]
    source: Memory
    store: Store
    origin: Origin | None = None


Nest = Loop | Contract | Scan | Fold
