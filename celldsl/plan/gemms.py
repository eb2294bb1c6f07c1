"""Which products are GEMMs.  In: einsum nodes.  Out: their parts in a GEMM's terms, or None.

einsum(x: step [I], W: once [I, H]) "i,ij->j"     k = i, n = j: rows times a weight
einsum_rows(x: [I], d: [H]) "i,j->ij"             m = i, n = j: a weight's gradient
"""

from __future__ import annotations

from celldsl.ir.attributes import SPEC
from celldsl.ir.ops.contractions import label_sizes, matrix_labels, spec_parts
from celldsl.ir.program import Node, Rows
from celldsl.ir.size import Size
from celldsl.plan.graph import Graph
from celldsl.plan.operations import Repeat
from celldsl.plan.places import Place
from celldsl.structs import record

ZERO = Size.of(0)


@record
class RowsTimesWeight:
    """`loops` are labels that are run through one by one: groups and leading axes."""

    left: str
    weight: str
    left_labels: str
    weight_labels: str
    out_labels: str
    k: str
    n: str
    loops: str
    sizes: dict[str, Size]


@record
class SumOfOuters:
    """`loops` are labels of the result, `sums` are labels that are summed beside the rows.

    `right` has the last label of the result: along it the result is contiguous.
    """

    left: str
    right: str
    left_labels: str
    right_labels: str
    out_labels: str
    m: str
    n: str
    loops: str
    sums: str
    sizes: dict[str, Size]


def rows_times_weight(graph: Graph, node: Node) -> RowsTimesWeight | None:
    """The form of `rows @ weight`, where one operand is a weight and the other has rows."""
    if node.op != "einsum":
        return None
    spec = node[SPEC]
    first, second, out = spec_parts(spec)
    left, weight = node.args
    rows = [graph.types[arg].rows for arg in node.args]
    if rows[0] == Rows.ONCE:
        first, second, left, weight = second, first, weight, left
        rows.reverse()
    if rows[0] == Rows.ONCE or rows[1] != Rows.ONCE:
        return None
    labels = matrix_labels(spec, node.args.index(weight))
    if labels is None:
        return None
    k, n = labels
    loops = "".join(label for label in out if label != n)
    sizes = label_sizes(spec, *(graph.shape(arg) for arg in node.args))
    return RowsTimesWeight(left, weight, first, second, out, k, n, loops, sizes)


def sum_of_outers(graph: Graph, node: Node) -> SumOfOuters | None:
    """The form of a weight's gradient: over all rows, left transposed times right."""
    spec = node[SPEC]
    left, right, out = spec_parts(spec)
    first, second = node.args
    if out and out[-1] not in right:
        left, right, first, second = right, left, second, first
    m = [label for label in out if label in left and label not in right]
    n = [label for label in out if label in right and label not in left]
    if len(m) != 1 or len(n) != 1 or n[0] != out[-1]:
        return None
    loops = "".join(label for label in out if label not in (m[0], n[0]))
    sums = "".join(label for label in left if label in right and label not in out)
    if any(label not in loops + sums + m[0] + n[0] for label in left + right):
        return None
    sizes = label_sizes(spec, *(graph.shape(arg) for arg in node.args))
    return SumOfOuters(first, second, left, right, out, m[0], n[0], loops, sums, sizes)


def stride(place: Place, labels: str, label: str) -> Size:
    return place.strides[labels.index(label)] if label in labels else ZERO


def repeats(
    labels: str, sizes: dict[str, Size], *operands: tuple[Place, str]
) -> tuple[Repeat, ...]:
    """How three operands (left, right, out) advance along each of the labels."""
    return tuple(
        Repeat(sizes[label], *(stride(place, axes, label) for place, axes in operands))
        for label in labels
    )
