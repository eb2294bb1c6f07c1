"""What an operation is, and the words that its entry is written in.  In: nothing.  Out: `Op`.

    Op("tanh", "elementwise", 1, doc="hyperbolic tangent",
       infer=infer_real, value="np.tanh({0})",
       gradient=formula(lambda x, y, d: [d * (1.0 - y * y)]), cost=8, function="tanh")

    infer_real([step [H], once [H]], {})  ->  step [H]

Everything that is known of an operation stands in its entry; passes, plans and targets ask the
table.  A value exists for as many rows as the argument with the most.  `formula` turns a rule over
terms (the arguments, the value, its cotangent) into what an `Op` holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from celldsl.ir.attributes import AXIS, Attribute, Attributes
from celldsl.ir.ops.element import Gather, Reduction, Rule, Value
from celldsl.ir.program import Node, Rows, Type
from celldsl.ir.size import Shape, Size, shape_text
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
        if not told and not self.attributes:
            return self.infer(args, told)
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


# ---------------------------------------------------------------- types of values


def rows_of(types: Sequence[Type]) -> Rows:
    return max((t.rows for t in types), default=Rows.ONCE)


def common_shape(types: Sequence[Type]) -> Shape:
    """The one shape of all arguments."""
    shape = types[0].shape
    for t in types[1:]:
        if t.shape != shape:
            raise TypeMismatch(f"shapes differ: {shape_text(shape)} and {shape_text(t.shape)}")
    return shape


def want_boolean(types: Sequence[Type], boolean: bool) -> None:
    if any(t.boolean != boolean for t in types):
        raise TypeMismatch("needs booleans" if boolean else "needs numbers, not booleans")
    if any(t.integer for t in types):
        raise TypeMismatch("needs numbers, not integers that pick")


def want_index(kind: Type) -> None:
    """A single integer."""
    if not kind.integer or kind.shape:
        raise TypeMismatch(f"an index is one integer, not {kind}")


def infer_real(types: Sequence[Type], _: Attributes) -> Type:
    """Numbers of one shape to numbers."""
    want_boolean(types, False)
    return Type(common_shape(types), rows_of(types))


def infer_comparison(types: Sequence[Type], _: Attributes) -> Type:
    """Integers are compared too."""
    want_boolean([t for t in types if not t.integer], False)
    return Type(common_shape(types), rows_of(types), boolean=True)


def infer_logic(types: Sequence[Type], _: Attributes) -> Type:
    want_boolean(types, True)
    return Type(common_shape(types), rows_of(types), boolean=True)


def infer_where(types: Sequence[Type], _: Attributes) -> Type:
    want_boolean(types[:1], True)
    want_boolean(types[1:], False)
    return Type(common_shape(types), rows_of(types))


def axis_of(shape: Shape, attributes: Attributes) -> int:
    """The axis attribute, checked."""
    axis = attributes[AXIS]
    if not 0 <= axis < len(shape):
        raise TypeMismatch(f"{shape_text(shape)} has no axis {axis}")
    return axis


def with_axis(shape: Shape, axis: int, *sizes: Size) -> Shape:
    """`shape` with the sizes in the place of one axis (none: the axis is dropped)."""
    return (*shape[:axis], *sizes, *shape[axis + 1 :])


# ---------------------------------------------------------------- gradients as formulas

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
