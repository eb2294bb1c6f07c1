"""Operands of products rounded to bfloat16.  In: a Program.  Out: the same, which says so.

    einsum(x, W, "i,ij->j")       einsum(bfloat16(x), bfloat16(W), "i,ij->j")
    einsum(window(x), K, …)       einsum(window(bfloat16(x)), bfloat16(K), …)

It is what `products="bfloat16"` asks for, and no optimisation: it decides what is computed.  Every
product is rounded, gradients' as well, whatever it is planned as later; so all targets and the
reference compute the same.  What windows show is rounded before it is shown, once for each element;
what exists before the loop and once for the call is rounded there.
"""

from __future__ import annotations

from celldsl.ir.builder import Builder
from celldsl.ir.program import Node, Program, Rows
from celldsl.structs import replace

PRODUCTS = ("einsum", "einsum_rows")


def round_products(p: Program) -> Program:
    """Nodes keep their names: a tape knows them by these."""
    b = Builder(p.leaves, taken=[node.name for node in p.nodes()])
    for node in p.before:
        _keep_rounded(b, node)
    known = {*b.types}
    for node in (*p.step, *p.after):
        if node.op in PRODUCTS:
            b.origin = node.origin
            for arg in node.args:
                if arg in known and b.types[arg].rows == Rows.ONCE:
                    _rounded(b, arg)
    begins = [len(b.nodes)]
    for region in (p.step, p.after):
        for node in region:
            _keep_rounded(b, node)
        begins.append(len(b.nodes))
    before, step = begins[0], begins[1]
    return p.with_regions(
        tuple(b.nodes[:before]), tuple(b.nodes[before:step]), tuple(b.nodes[step:])
    )


def _keep_rounded(b: Builder, node: Node) -> None:
    b.origin = node.origin
    if node.op in PRODUCTS:
        node = replace(node, args=tuple(_rounded(b, arg) for arg in node.args))
    b.keep(node)


def _rounded(b: Builder, value: str) -> str:
    source: Node | None = b.defined.get(value)
    if source is not None and source.op == "bfloat16":
        return value
    if source is not None and source.op == "window":
        shown = _rounded(b, source.args[0])
        return b.op("window", shown, **dict(source.attributes))
    return b.op("bfloat16", value)
