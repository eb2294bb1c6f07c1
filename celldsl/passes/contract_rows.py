"""Sum over rows inside a product.  In: a Program.  Out: einsum_rows for rowsums of einsums.

    rowsum(einsum(x, d, "i,j->ij"))      einsum_rows(x, d, "i,j->ij")
    rowsum(einsum(d, W, "j,ij->i"))      einsum(rowsum(d), W, "j,ij->i")    W exists once
    rowsum(a + b)                        rowsum(a) + rowsum(b)              where that leads there

A gradient of a weight is then one product over all rows, and never exists for each row.
"""

from __future__ import annotations

from collections import Counter

from celldsl.ir.builder import Builder
from celldsl.ir.program import Node, Program, Rows
from celldsl.passes.rewrite import count_uses, rewrite, until_stable

LINEAR = ("add", "sub", "neg", "reshape", "transpose", "pad", "slice")


def contract_rows(p: Program) -> Program:
    return until_stable(p, _once)


def _once(p: Program) -> Program:
    uses = count_uses(p)
    defined = {node.name: node for node in p.nodes()}
    return rewrite(p, lambda b, node: _rule(b, node, uses, defined))


def _rule(b: Builder, node: Node, uses: Counter[str], defined: dict[str, Node]) -> str | None:
    if node.op != "rowsum" or not _leads_to_einsum(b, node.args[0], uses, defined):
        return None
    inner = defined[node.args[0]]
    attributes = dict(inner.attributes)
    if inner.op != "einsum":
        return b.op(inner.op, *(_summed(b, arg) for arg in inner.args), **attributes)
    once = [b.types[arg].rows == Rows.ONCE for arg in inner.args]
    if not any(once):
        return b.op("einsum_rows", *inner.args, **attributes)
    return b.op("einsum", *(_summed(b, arg) for arg in inner.args), **attributes)


def _summed(b: Builder, value: str) -> str:
    return value if b.types[value].rows == Rows.ONCE else b.op("rowsum", value)


def _leads_to_einsum(b: Builder, value: str, uses: Counter[str], defined: dict[str, Node]) -> bool:
    """Whether a value that is read once is an einsum, or a linear function of one.

    A sum with something that exists once is not: that would count once and not for every row.
    """
    node = defined.get(value)
    if node is None or uses[value] != 1:
        return False
    if node.op == "einsum":
        return True
    if node.op not in LINEAR or any(b.types[a].rows != node.type.rows for a in node.args):
        return False
    return any(_leads_to_einsum(b, arg, uses, defined) for arg in node.args)
