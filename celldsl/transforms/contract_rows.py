"""Sum over rows inside a product.  In: a Program.  Out: einsum_rows for rowsums of einsums.

    rowsum(einsum(x, d, "i,j->ij"))      einsum_rows(x, d, "i,j->ij")
    rowsum(einsum(d, W, "j,ij->i"))      einsum(rowsum(d), W, "j,ij->i")    W exists once
    rowsum(place(d, k))                  scatter_rows(d, k)
    rowsum(a + b)                        rowsum(a) + rowsum(b)              where that leads there

A gradient of a weight is then one product over all rows, and never exists for each row.
"""

from __future__ import annotations

from collections.abc import Mapping

from celldsl.ir.builder import Builder
from celldsl.ir.program import Node, Program, Rows, Type
from celldsl.transforms.rewrite import count_uses, rewrite, until_stable

LINEAR = ("add", "sub", "neg", "reshape", "transpose", "pad", "slice")


def contract_rows(p: Program) -> Program:
    return until_stable(p, _once)


def _once(p: Program) -> Program:
    leads = _leads_to_einsum(p)
    defined = {node.name: node for node in p.nodes()}

    def rule(b: Builder, node: Node) -> str | None:
        if node.op != "rowsum" or node.args[0] not in leads:
            return None
        return _summed_inside(b, defined[node.args[0]])

    return rewrite(p, rule)


def _summed_inside(b: Builder, inner: Node) -> str:
    attributes = dict(inner.attributes)
    if inner.op == "place":
        return b.op("scatter_rows", *inner.args, **attributes)
    if inner.op == "einsum" and all(b.types[arg].rows != Rows.ONCE for arg in inner.args):
        return b.op("einsum_rows", *inner.args, **attributes)
    return b.op(inner.op, *(_summed(b, arg) for arg in inner.args), **attributes)


def _summed(b: Builder, value: str) -> str:
    return value if b.types[value].rows == Rows.ONCE else b.op("rowsum", value)


def _leads_to_einsum(p: Program) -> set[str]:
    """Values that are read once and are an einsum, or a linear function of such a value.

    A sum with something that has fewer rows is not: that would count once and not for every row.
    """
    uses, types = count_uses(p), p.types()
    found: set[str] = set()
    for node in p.nodes():
        same_rows = all(types[arg].rows == node.type.rows for arg in node.args)
        linear = node.op in LINEAR and same_rows and not found.isdisjoint(node.args)
        if uses[node.name] == 1 and (_summed_at_once(types, node) or linear):
            found.add(node.name)
    return found


def _summed_at_once(types: Mapping[str, Type], node: Node) -> bool:
    """Whether there is a product or a scatter over all rows.

    Not of values of each sequence beside those of each step: among all rows none knows its
    sequence.
    """
    rows = [types[arg].rows for arg in node.args]
    if node.op == "place":
        return rows[0] == rows[1]
    return node.op == "einsum" and Rows.BATCH not in rows
