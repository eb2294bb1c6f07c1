"""What an operation is.  In: nothing.  Out: the record that every entry of the table fills in.

    Op("tanh", "elementwise", 1, doc="hyperbolic tangent",
       infer=infer_real, value="np.tanh({0})",
       gradient=formula(lambda x, y, d: [d * (1.0 - y * y)]),
       code="tanh({0})", cost=8)

Everything that is known of an operation stands in its entry; passes and back ends ask the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

from celldsl.ir.program import Node, Type
from celldsl.ir.size import Shape
from celldsl.structs import record

Slope = Literal["smooth", "bent", "told"]
Kind = Literal["source", "elementwise", "shape", "reduce", "scan", "contract", "rows"]
Attributes = Mapping[str, Any]


class NodeBuilder(Protocol):
    """What derivatives append nodes to: `ir.builder.Builder`, which stands above this table."""

    def op(self, name: str, *args: str | float, **attributes: Any) -> str: ...
    def number(self, value: float) -> str: ...
    def broadcast(self, value: str, shape: Shape) -> str: ...
    def shape(self, value: str) -> Shape: ...


class TypeMismatch(ValueError):
    """Arguments that an operation cannot take: a defect of whoever built the node."""


@record
class Op:
    """One operation.

    kind      source: no arguments; elementwise: all arguments have one shape (`broadcast` is an
              op of its own); shape: moves elements; reduce, scan: along one axis; contract:
              einsum of two; rows: from many rows to one
    arity     how many arguments, None for any number
    infer     types of the arguments and attributes -> type; raises TypeMismatch
    value     a NumPy expression over `{0}`, `{1}` … (`{args}` for any number), attributes by name
              (sizes are ints by then) and `{rank}`, the first argument's.  Rows lead and the
              value's own axes are last, so `{axis}` counts from the end; `render` fills it in.
              Works in float64 and complex128.  Names it may use: `np` and `numerics`
              (`celldsl.runtime.numerics`).  Generated modules use it for initial values
    gradient  (builder, node, cotangent) -> cotangent per argument, None where there is none
    code      what a loop body says, over `{0}`, `{1}` …; elementwise ops only
    cost      0 moves, 1 arithmetic, 4 division and roots, 8 transcendental
    domain    an interval to draw test arguments from
    slope     whether differences of values find the gradient: where values are `smooth`; not at a
              `bent` one's kinks; nowhere where it is `told` apart from the value
    """

    name: str
    kind: Kind
    arity: int | None
    doc: str
    infer: Callable[[Sequence[Type], Attributes], Type]
    value: str
    gradient: Callable[[NodeBuilder, Node, str], list[str | None]] | None
    code: str = ""
    cost: int = 1
    domain: tuple[float, float] = (-3.0, 3.0)
    slope: Slope = "smooth"
