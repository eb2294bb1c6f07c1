"""Gradients through windows as convolutions.  In: a Program.  Out: no fold of a product.

    fold(einsum(d: [J, Y, X], K, "jyx,jikm->ikmyx"))
    ->  einsum(window(d), flip(K), "jkmyx,jikm->iyx")

Each pixel of the one adds up what the kernels sent back to it, which is what the kernels, turned
around, see at the same pixel of the cotangent: a convolution again, and what every tap sends back
is never in memory.
"""

from __future__ import annotations

from celldsl.ir.attributes import KERNEL, SPEC
from celldsl.ir.builder import Builder
from celldsl.ir.ops.contractions import spec_parts
from celldsl.ir.program import Node, Program, Rows
from celldsl.transforms.rewrite import count_uses, rewrite, until_stable


def transpose_convolutions(p: Program) -> Program:
    return until_stable(p, _once)


def _once(p: Program) -> Program:
    uses = count_uses(p)

    def rule(b: Builder, node: Node) -> str | None:
        return _rule(b, node) if node.op == "fold" and uses[node.args[0]] == 1 else None

    return rewrite(p, rule)


def _rule(b: Builder, node: Node) -> str | None:
    source, kernel = b.defined.get(node.args[0]), node[KERNEL]
    if source is None:
        return None
    if source.op == "add":
        parts = (b.op("fold", arg, kernel=kernel) for arg in source.args)
        return b.op("add", *parts)
    rows = [b.types[arg].rows for arg in source.args]
    if source.op != "einsum" or sorted(rows)[0] != Rows.ONCE != sorted(rows)[1]:
        return None
    return _transposed(b, source, kernel, rows.index(Rows.ONCE))


def _transposed(b: Builder, product: Node, kernel: tuple[int, ...], weight: int) -> str | None:
    """The product of what the turned kernels see, where it is one of kernels and a cotangent."""
    n = len(kernel)
    labels = spec_parts(product[SPEC])
    kernels, sent, out = labels[weight], labels[1 - weight], labels[2]
    lead, taps, pixels = out[: -2 * n], out[-2 * n : -n], out[-n:]
    fits = (
        sent[-n:] == pixels
        and set(taps) <= set(kernels)
        and not set(taps) & set(sent)
        and not set(pixels) & set(kernels)
        and set(lead) <= set(kernels)
    )
    if not fits:
        return None
    turned = product.args[weight]
    for tap in taps:
        turned = b.op("flip", turned, axis=kernels.index(tap))
    seen = b.op("window", product.args[1 - weight], kernel=kernel)
    spec = f"{sent[:-n]}{taps}{pixels},{kernels}->{lead}{pixels}"
    return b.op("einsum", seen, turned, spec=spec)
