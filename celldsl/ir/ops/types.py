"""Types of values.  In: types of arguments, attributes.  Out: the type of the value.

    infer_real([step [H], once [H]], {})  ->  step [H]

The value exists for as many rows as the argument with the most.
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.ir.attributes import AXIS, Attributes
from celldsl.ir.ops.op import TypeMismatch
from celldsl.ir.program import Rows, Type
from celldsl.ir.size import Shape, Size, shape_text


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
