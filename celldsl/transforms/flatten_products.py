"""Products over several axes as products of matrices.  In: a Program.  Out: one axis for each part.

    einsum(y: [N, V], W: [N, V, H]) "nv,nvh->h"     einsum(y: [N*V], W: [N*V, H]) "n,nh->h"
    einsum(x: [I], W: [N, I, K]) "i,nik->nk"        einsum(x: [I], W: [I, N*K]) "i,in->n", reshaped

A weight is put in order once for a call; what it makes is then one GEMM.
"""

from __future__ import annotations

from celldsl.ir.attributes import SPEC
from celldsl.ir.builder import Builder
from celldsl.ir.convolutions import convolution
from celldsl.ir.ops.contractions import label_sizes, matrix_labels, spec_parts
from celldsl.ir.program import Node, Program, Rows
from celldsl.ir.size import Size, product
from celldsl.transforms.rewrite import rewrite


def flatten_products(p: Program) -> Program:
    return rewrite(p, lambda b, node: _rule(b, node) if node.op == "einsum" else None)


def _rule(b: Builder, node: Node) -> str | None:
    rows = [b.types[arg].rows for arg in node.args]
    spec = node[SPEC]
    if sorted(rows) != [Rows.ONCE, Rows.STEP]:
        return None
    weight = rows.index(Rows.ONCE)
    if matrix_labels(spec, weight) is not None or convolution(b.defined, b.types, node):
        return None
    first, second, out = spec_parts(spec)
    matrix, other = (first, second) if weight == 0 else (second, first)
    summed = "".join(x for x in other if x in matrix and x not in out)
    made = "".join(x for x in out if x in matrix and x not in other)
    kept = "".join(x for x in out if x in other)
    alone = [x for x in matrix + other if (matrix + other + out).count(x) == 1]
    if not summed or not made or alone:
        return None
    sizes = label_sizes(spec, b.shape(node.args[0]), b.shape(node.args[1]))
    shared = "".join(x for x in kept if x in matrix)
    own = "".join(x for x in other if x in kept)
    left = _laid(b, node.args[1 - weight], other, (*own, summed), sizes)
    right = _laid(b, node.args[weight], matrix, (*shared, summed, made), sizes)
    k, n = summed[0], made[0]
    short = b.op("einsum", left, right, spec=f"{own}{k},{shared}{k}{n}->{kept}{n}")
    whole = tuple(sizes[x] for x in kept + made)
    found = short if b.shape(short) == whole else b.op("reshape", short, shape=whole)
    return _ordered(b, found, kept + made, out)


def _laid(
    b: Builder, value: str, labels: str, wanted: tuple[str, ...], sizes: dict[str, Size]
) -> str:
    """The value with the axes that are wanted, each of one label or of several joined ones."""
    value = _ordered(b, value, labels, "".join(wanted))
    shape = tuple(product(tuple(sizes[x] for x in part)) for part in wanted)
    return value if b.shape(value) == shape else b.op("reshape", value, shape=shape)


def _ordered(b: Builder, value: str, labels: str, wanted: str) -> str:
    perm = tuple(labels.index(x) for x in wanted)
    return value if labels == wanted else b.op("transpose", value, perm=perm)
