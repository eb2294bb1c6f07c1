"""What is not complete yet.  In: nothing.  Out: records that a body fills in bit by bit.

h' = …                          a StateEntry, and its next value
y[k] = …                        a Stack, and one of its slices
param W: [H, H] = orthogonal    a Target, and what to begin it with
"""

from __future__ import annotations

from celldsl.diagnostics.span import Span
from celldsl.ir.size import Shape, Size
from celldsl.record import entity, field
from celldsl.semantics.walk.values import Tensor


@entity
class StateEntry:
    """A state of the program: `name` is its public name, `next` the value that goes out."""

    name: str
    shape: Shape
    span: Span
    start: str | None = None
    next: str | None = None


@entity
class Stack:
    """`y[k] = …`: the slices so far, by index, of what the loop over `variable` fills."""

    variable: str
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
