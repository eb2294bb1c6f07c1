"""One product for all gates.  In: a Program.  Out: products of a value with several weights as one.

    einsum(x, W_i), einsum(x, W_f)      p = einsum(x, concat(W_i, W_f));  slice(p), slice(p)

Parameters that are joined so are then stored side by side, so joining them costs nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from celldsl.ir.attributes import SPEC
from celldsl.ir.builder import Builder
from celldsl.ir.convolutions import convolution
from celldsl.ir.ops.contractions import spec_parts
from celldsl.ir.program import Node, Program, Rows, Type
from celldsl.ir.size import Size
from celldsl.structs import record
from celldsl.transforms.rewrite import rename, with_args


@record
class Product:
    """An einsum of a value that has rows and a weight; `n` is the label of the weight's columns."""

    node: Node
    value: str
    weight: str
    weight_first: bool
    weight_axis: int
    out_axis: int
    key: tuple[object, ...]


def merge_products(p: Program) -> Program:
    """Join every group of products that read the same value in the same way."""
    groups: dict[tuple[object, ...], list[Product]] = defaultdict(list)
    early = {leaf.name for leaf in p.leaves} | {node.name for node in p.before}
    types, defined = p.types(), {node.name: node for node in p.nodes()}
    saved = frozenset(p.saved)
    for node in p.step:
        seen = convolution(defined, types, node)
        if seen is not None and seen.group:
            continue  # each group is a product by itself, and pieces of all of them lie apart
        found = _product(types, node)
        if found is not None and found.weight in early and node.name not in saved:
            groups[found.key].append(found)
    merged = {g[0].node.name: g for g in groups.values() if len({m.weight for m in g}) > 1}
    return _rebuild(p, merged) if merged else p


def _product(types: Mapping[str, Type], node: Node) -> Product | None:
    if node.op != "einsum":
        return None
    rows = [types[arg].rows for arg in node.args]
    if sorted(rows)[0] != Rows.ONCE or max(rows) == Rows.ONCE:
        return None
    first = rows[0] == Rows.ONCE
    left, right, out = spec_parts(node[SPEC])
    labels, other = (left, right) if first else (right, left)
    weight, value = node.args if first else node.args[::-1]
    columns = [label for label in labels if label in out and label not in other]
    if len(columns) != 1:
        return None
    axis = labels.index(columns[0])
    shape = types[weight].shape
    rest = (*shape[:axis], *shape[axis + 1 :])
    key = (value, node[SPEC], rest)
    return Product(node, value, weight, first, axis, out.index(columns[0]), key)


def _rebuild(p: Program, merged: dict[str, list[Product]]) -> Program:
    """The joined weight in `before`, the product where its first member stood, slices after it."""
    b = Builder(p.leaves, taken=[node.name for node in p.nodes()])
    renamed: dict[str, str] = {}
    for node in p.before:
        b.keep(node)
    weights = {}
    for first, group in merged.items():
        unique = list(dict.fromkeys(member.weight for member in group))
        b.origin = None
        weights[first] = b.op("concat", *unique, axis=group[0].weight_axis), unique
    begin = len(b.nodes)
    for node in p.step:
        if node.name in merged:
            _join(b, merged[node.name], *weights[node.name], renamed)
        elif node.name not in renamed:
            b.keep(with_args(node, renamed))
    before, step = b.nodes[:begin], b.nodes[begin:]
    after = tuple(with_args(node, renamed) for node in p.after)
    return rename(p, (tuple(before), tuple(step), after), renamed)


def _join(
    b: Builder, group: list[Product], weight: str, unique: list[str], renamed: dict[str, str]
) -> None:
    head = group[0]
    b.origin = head.node.origin
    value = renamed.get(head.value, head.value)
    args = (weight, value) if head.weight_first else (value, weight)
    whole = b.op("einsum", *args, spec=head.node[SPEC])
    start = Size.of(0)
    starts = {}
    for name in unique:
        stop = start + b.shape(name)[head.weight_axis]
        starts[name] = (start, stop)
        start = stop
    for member in group:
        begin, end = starts[member.weight]
        b.origin = member.node.origin
        renamed[member.node.name] = b.op("slice", whole, axis=head.out_axis, start=begin, stop=end)
