"""What an operation is.  In: nothing.  Out: the record that every entry of the table fills in.

    Op("tanh", "elementwise", 1, doc="hyperbolic tangent",
       infer=infer_real, value="np.tanh({0})",
       gradient=formula(lambda x, y, d: [d * (1.0 - y * y)]), cost=8, function="tanh")

Everything that is known of an operation stands in its entry; passes, plans and targets ask the
table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from celldsl.ir.attributes import Attribute, Attributes
from celldsl.ir.ops.element import Gather, Reduction, Rule, Value
from celldsl.ir.program import Node, Type
from celldsl.ir.size import Shape, Size
from celldsl.structs import record

Slope = Literal["smooth", "kinked", "custom"]
Kind = Literal["source", "elementwise", "shape", "reduce", "scan", "contract", "rows"]


class NodeBuilder(Protocol):
    """What derivatives append nodes to: `ir.builder.Builder`, which stands above this table."""

    def op(self, name: str, *args: str | float, **attributes: Any) -> str: ...
    def number(self, value: float) -> str: ...
    def broadcast(self, value: str, shape: Shape) -> str: ...
    def shape(self, value: str) -> Shape: ...


class TypeMismatch(ValueError):
    """Arguments that an operation cannot take: a defect of whoever built the node."""


View = Callable[[Node, Shape, Shape], "tuple[Shape, Size] | None"]


@record
class Op:
    """One operation.

    kind      source: no arguments; elementwise: all arguments have one shape (`broadcast` is an
              op of its own); shape: moves elements; reduce, scan: along one axis; contract:
              products; rows: from many rows to one
    arity     how many arguments, None for any number
    infer     types of the arguments and attributes -> type; raises TypeMismatch
    value     a NumPy expression over `{0}`, `{1}` … (`{args}` for any number), attributes by name
              (sizes are ints by then) and `{rank}`, the first argument's.  Rows lead and the
              value's own axes are last, so `{axis}` counts from the end; `render` fills it in.
              Works in float64 and complex128.  Names it may use: `np` and `numerics`
              (`celldsl.runtime.numerics`).  Generated modules use it for initial values
    gradient  (builder, node, cotangent) -> cotangent per argument, None where there is none
    element   of elementwise ops: one element of the value from one of each argument; None where it
              is a primitive, which targets print
    cost      0 moves, 1 arithmetic, 4 division and roots, 8 transcendental
    domain    an interval to draw test arguments from
    slope     whether differences of values find the gradient: where values are `smooth`; not at the
              kinks of a `kinked` one; nowhere where it is `custom`, said apart from the value
    flat      constant almost everywhere, so that its gradient is nothing
    reduction of reduce and scan: how a loop along the axis starts and goes on
    gather    of ops that read an argument at other indices: one element, by reading that argument;
              also of sources, which read nothing
    view      of ops that look at an argument's memory: (node, the argument's shape, its strides)
              -> the value's strides, and where it begins; None where that takes a copy
    loop      shared: it joins others of its index space in one loop nest; own: it has a nest of its
              own kind; none: nothing is run, since others write or read what it stands for
    again     whether the backward pass may compute it again, where its cost alone does not say
    function  what the language calls it, where it is a function of one value (and an axis)
    attributes  what a node of it is told beside its arguments
    """

    name: str
    kind: Kind
    arity: int | None
    doc: str
    infer: Callable[[Sequence[Type], Attributes], Type]
    value: str
    gradient: Callable[[NodeBuilder, Node, str], list[str | None]] | None
    element: Rule | None = None
    cost: int = 1
    domain: tuple[float, float] = (-3.0, 3.0)
    slope: Slope = "smooth"
    flat: bool = False
    reduction: Reduction | None = None
    gather: Callable[[Gather], Value] | None = None
    view: View | None = None
    loop: Literal["shared", "own", "none"] = "shared"
    again: Callable[[Node], bool] | None = None
    function: str = ""
    attributes: tuple[Attribute[Any], ...] = ()

    def type_of(self, args: Sequence[Type], told: Attributes) -> Type:
        """The type of the value.  Raises TypeMismatch, for what it is told as well."""
        known = {key.name: key for key in self.attributes}
        if {name for name, _ in told} != known.keys():
            raise TypeMismatch(f"{self.name} is told {sorted(known)}, not {[n for n, _ in told]}")
        for name, value in told:
            if not known[name].takes(value):
                raise TypeMismatch(f"{name} of {self.name} cannot be {value!r}")
        return self.infer(args, told)

    @property
    def primitive(self) -> bool:
        """Whether targets print it as it is."""
        return self.kind == "elementwise" and self.element is None

    @property
    def reads_memory(self) -> bool:
        """Whether it reads arguments at other indices than its own, not a register."""
        return self.loop == "own" and self.view is None


def never(node: Node) -> bool:
    """Of `again`: what it gives is dear, or random."""
    return False
