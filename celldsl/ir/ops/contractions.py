"""Products of two values, and sums over rows and in place.  In: nothing.  Out: their entries.

    einsum(x: [I], W: [I, H]) spec="i,ij->j" : [H]
    add_at(pre: [3*H], product: [2*H]) axis=0 start=0 : [3*H]

Rows lead implicitly: every row has its own product.  Operations over rows are for backward
programs alone and have no gradient, since nothing differentiates those.  Passes make an `add_at`
where a product can be added by the GEMM itself, into the buffer of its base.
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.ir.attributes import AXIS, SPEC, START, Attributes
from celldsl.ir.ops.op import (
    Op,
    Term,
    TypeMismatch,
    axis_of,
    formula_with,
    rows_of,
    want_boolean,
    with_axis,
)
from celldsl.ir.program import Node, Rows, Type
from celldsl.ir.size import Shape, Size


def spec_parts(spec: str) -> tuple[str, str, str]:
    """Labels of both operands and of the result: `"i,ij->j"` is `("i", "ij", "j")`."""
    operands, _, result = spec.partition("->")
    left, _, right = operands.partition(",")
    return left, right, result


def sums_nothing(spec: str) -> bool:
    """Whether it is an outer product, of which every element is one product of two."""
    left, right, result = spec_parts(spec)
    return set(left + right) <= set(result)


def label_sizes(spec: str, left: Shape, right: Shape) -> dict[str, Size]:
    """The size of every label.  Raises TypeMismatch where the shapes do not fit the spec."""
    sizes: dict[str, Size] = {}
    for labels, shape in zip(spec_parts(spec), (left, right), strict=False):
        if len(labels) != len(shape) or len(set(labels)) != len(labels):
            raise TypeMismatch(f"the labels {labels!r} of {spec} do not name {len(shape)} axes")
        for label, size in zip(labels, shape, strict=True):
            if sizes.setdefault(label, size) != size:
                raise TypeMismatch(f"{label} in {spec} is {sizes[label]} and {size}")
    return sizes


def matrix_labels(spec: str, weight: int) -> tuple[str, str] | None:
    """(k, n) where `rows @ weight` sums over the one label k and makes the last label n.

    `weight` is the place of the operand that has no rows.
    """
    operands, out = spec_parts(spec)[:2], spec_parts(spec)[2]
    matrix, rows = operands[weight], operands[1 - weight]
    k = [label for label in matrix if label in rows and label not in out]
    n = [label for label in matrix if label in out and label not in rows]
    joined = matrix + rows + out
    alone = [label for label in joined if joined.count(label) == 1]
    if len(k) != 1 or len(n) != 1 or n[0] != out[-1] or alone:
        return None
    return k[0], n[0]


def infer_einsum(types: Sequence[Type], attributes: Attributes) -> Type:
    want_boolean(types, False)
    spec = attributes[SPEC]
    sizes = label_sizes(spec, types[0].shape, types[1].shape)
    result = spec_parts(spec)[2]
    if len(set(result)) != len(result) or not set(result) <= set(sizes):
        raise TypeMismatch(f"{spec} does not say what {result!r} is")
    return Type(tuple(sizes[label] for label in result), rows_of(types))


def _operand(d: Term, other: Term, labels: tuple[str, str, str], shape: Shape) -> Term:
    """The cotangent of an operand; a label that stands in it alone was summed: stretch over it."""
    wanted, given, result = labels
    kept = "".join(label for label in wanted if label in given + result)
    found = d.op("einsum", other, spec=f"{result},{given}->{kept}")
    if kept == wanted:
        return found
    sizes = zip(wanted, shape, strict=True)
    return found.op(
        "reshape", shape=tuple(s if label in kept else Size.of(1) for label, s in sizes)
    ).stretch(shape)


def _einsum_gradient(node: Node, a: Term, b: Term, y: Term, d: Term) -> list[Term | None]:
    left, right, result = spec_parts(node[SPEC])
    return [
        _operand(d, b, (left, right, result), a.shape),
        _operand(d, a, (right, left, result), b.shape),
    ]


_PRODUCTS = (
    Op("einsum", "contract", 2, "the sum of products that `spec` says, for each row",
       infer_einsum, "numerics.einsum({spec}, {0}, {1})", formula_with(_einsum_gradient),
       loop="own", again=lambda node: sums_nothing(node[SPEC]), attributes=(SPEC,)),
)  # fmt: skip


# ---------------------------------------------------------------- over rows


def _rowsum(types: Sequence[Type], _: Attributes) -> Type:
    want_boolean(types, False)
    if types[0].rows == Rows.ONCE:
        raise TypeMismatch("a value that exists once has no rows to sum")
    return Type(types[0].shape, Rows.ONCE)


def _einsum_rows(types: Sequence[Type], attributes: Attributes) -> Type:
    return _rowsum([infer_einsum(types, attributes)], attributes)


def _final(types: Sequence[Type], _: Attributes) -> Type:
    return Type(types[0].shape, Rows.BATCH)


_OVER_ROWS = (
    Op("rowsum", "rows", 1, "the sum over all rows", _rowsum, "numerics.rowsum({0}, {rank})",
       None),
    Op("einsum_rows", "rows", 2, "rowsum(einsum(a, b)), in one product", _einsum_rows,
       "numerics.einsum_rows({spec}, {0}, {1})", None, loop="own", attributes=(SPEC,)),
    Op("total", "rows", 1, "a state after the loop, whatever it started from: a sum over the steps "
       "of each sequence", _final, "{0}", None, cost=0, loop="none"),
    Op("final", "rows", 1, "a state after the loop; zero where the caller gave its start", _final,
       "{0}", None, cost=0, loop="none"),
)  # fmt: skip


# ---------------------------------------------------------------- in place


def _infer_add_at(types: Sequence[Type], attributes: Attributes) -> Type:
    want_boolean(types, False)
    base, added = (t.shape for t in types)
    axis = axis_of(base, attributes)
    if len(base) != len(added) or with_axis(base, axis) != with_axis(added, axis):
        raise TypeMismatch("add_at takes two values that differ in one axis alone")
    return Type(base, rows_of(types))


def _add_at_gradient(node: Node, base: Term, added: Term, y: Term, d: Term) -> list[Term | None]:
    axis, start = node[AXIS], node[START]
    if added.shape == base.shape:
        return [d, d]
    return [d, d.op("slice", axis=axis, start=start, stop=start + added.shape[axis])]


_IN_PLACE = (
    Op("add_at", "contract", 2, "base, with the second value added to an axis from `start`",
       _infer_add_at, "numerics.add_at({0}, {1}, {axis}, {start})",
       formula_with(_add_at_gradient), loop="own", attributes=(AXIS, START)),
)  # fmt: skip

ENTRIES = (*_PRODUCTS, *_OVER_ROWS, *_IN_PLACE)
