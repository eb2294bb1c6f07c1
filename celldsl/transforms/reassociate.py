"""Sums in the order that suits GEMMs.  In: a Program.  Out: the same sums, taken in another order.

    (x @ W + b) + (h @ U + d)      ((x @ W + h @ U) + (b + d)     ahead of differentiation
    h @ U + u * d                  u * d + h @ U                  after it

Products that meet first can be added by the GEMM itself; terms that exist once are added once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from celldsl.ir.builder import Builder
from celldsl.ir.program import Node, Program, Rows
from celldsl.transforms.rewrite import count_uses, rewrite


def products_first(p: Program) -> Program:
    """Products, those of inputs ahead of those of states; other terms; what exists once."""
    return _ordered(p, partial(_rank_first, p=p, stateful=_stateful(p)))


def products_last(p: Program) -> Program:
    """What exists once, other terms, and products at the end."""
    return _ordered(p, _rank_last)


def _rank_first(b: Builder, value: str, p: Program, stateful: set[str]) -> int:
    if b.types[value].rows == Rows.ONCE:
        return 3
    if _is_product(b, value):
        return 1 if value in stateful else 0
    return 2


def _rank_last(b: Builder, value: str) -> int:
    if b.types[value].rows == Rows.ONCE:
        return 0
    return 2 if _is_product(b, value) else 1


def _is_product(b: Builder, value: str) -> bool:
    """A product of rows and a weight, or a piece of one."""
    node = b.defined.get(value)
    while node is not None and node.op == "slice":
        node = b.defined.get(node.args[0])
    if node is None or node.op not in ("einsum", "add_at"):
        return False
    rows = {b.types[arg].rows for arg in node.args}
    return node.op == "add_at" or (Rows.ONCE in rows and len(rows) > 1)


def _stateful(p: Program) -> set[str]:
    found = {leaf.name for leaf in p.leaves if leaf.kind == "state"}
    for node in p.nodes():
        if not found.isdisjoint(node.args):
            found.add(node.name)
    return found


def _ordered(p: Program, rank: Callable[[Builder, str], int]) -> Program:
    uses = count_uses(p)
    inner = _inner_sums(p, uses)
    return rewrite(p, lambda b, node: _rule(b, node, uses, inner, rank))


def _inner_sums(p: Program, uses: Counter[str]) -> set[str]:
    """Sums that are a term of one other sum, and nothing else: they are taken apart there."""
    adds = [node for node in p.nodes() if node.op == "add"]
    terms = {arg for node in adds for arg in node.args}
    return {node.name for node in adds if uses[node.name] == 1 and node.name in terms}


def _rule(
    b: Builder,
    node: Node,
    uses: Counter[str],
    inner: set[str],
    rank: Callable[[Builder, str], int],
) -> str | None:
    if node.op != "add" or node.name in inner:
        return None
    terms = _terms(b, node, uses)
    ordered = sorted(terms, key=lambda value: rank(b, value))
    if len(terms) < 2 or (ordered == terms and len(terms) == 2):
        return None
    once = [value for value in ordered if b.types[value].rows == Rows.ONCE]
    rest = [value for value in ordered if b.types[value].rows != Rows.ONCE]
    sums = [_sum(b, group) for group in (rest, once) if group]
    if ordered and b.types[ordered[0]].rows == Rows.ONCE:
        sums.reverse()
    return _sum(b, sums)


def _terms(b: Builder, node: Node, uses: Counter[str]) -> list[str]:
    """What a tree of sums adds up, in order; a loop, since trees can be a thousand deep."""
    found: list[str] = []
    pending = [*reversed(node.args)]
    while pending:
        value = pending.pop()
        below = b.defined.get(value)
        if below is not None and below.op == "add" and uses[value] <= 1:
            pending += reversed(below.args)
        else:
            found.append(value)
    return found


def _sum(b: Builder, values: list[str]) -> str:
    total, *others = values
    for value in others:
        total = b.op("add", total, value)
    return total
