"""Sums that a GEMM makes.  In: a Program.  Out: `add_at` where a product is added to a buffer.

    p = einsum(x, W): [3*H];  q = einsum(h, U): [2*H]
    slice(p, 0, H) + slice(q, 0, H), slice(p, H, 2*H) + slice(q, H, 2*H)
    ->  s = add_at(p, q, axis=0, start=0);  slice(s, 0, H), slice(s, H, 2*H)

`join_products` does so for two products that meet piece by piece, `add_products` for a product
that is added to any value that nothing else reads.  Products with a weight meet along their last
axis, convolutions along their channels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from celldsl.ir.attributes import AXIS, SPEC, START, STOP
from celldsl.ir.builder import Builder
from celldsl.ir.convolutions import channel_axis
from celldsl.ir.ops.contractions import matrix_labels
from celldsl.ir.program import Node, Program, Rows
from celldsl.ir.size import Size
from celldsl.structs import record, replace
from celldsl.transforms.rewrite import count_uses, rename, rewrite

ZERO = Size.of(0)
Piece = tuple[str, Size, int]


@record
class Meeting:
    """A piece of `base` and a piece of `product` that are added, and nothing else reads.

    They lie along `axis`.
    """

    add: str
    base: str
    at: Size
    product: str
    start: Size
    size: Size
    axis: int


def join_products(p: Program) -> Program:
    """Repeat until no two products meet any more."""
    while (better := _join_one(p)) is not None:
        p = better
    return p


def _join_one(p: Program) -> Program | None:
    order = {node.name: i for i, node in enumerate(p.nodes())}
    nodes = {node.name: node for node in p.nodes()}
    uses = count_uses(p)
    products = _products(p)
    meetings: dict[tuple[str, str], list[Meeting]] = defaultdict(list)
    for node in p.step:
        if node.name in p.saved:
            continue
        for found in _meetings(node, nodes, uses, order, products):
            meetings[found.base, found.product].append(found)
    for (base, product), group in meetings.items():
        if _whole(group, nodes[product]) and _apart(group, base, nodes, p, products):
            return _joined(p, base, product, group)
    return None


def _meetings(
    node: Node, nodes: dict[str, Node], uses: dict[str, int], order: dict[str, int],
    products: Mapping[str, int],
) -> list[Meeting]:  # fmt: skip
    """The meeting at a sum of two pieces, the earlier product as the base."""
    if node.op != "add" or any(uses[arg] != 1 for arg in node.args):
        return []
    pieces = [piece for arg in node.args if (piece := _piece(arg, nodes, products)) is not None]
    if len(pieces) != 2:
        return []
    (one, one_at, axis), (two, two_at, other) = sorted(pieces, key=lambda piece: order[piece[0]])
    if one == two or two not in products or axis != other:
        return []
    return [Meeting(node.name, one, one_at, two, two_at, node.type.shape[axis], axis)]


def _piece(value: str, nodes: dict[str, Node], products: Mapping[str, int]) -> Piece | None:
    """The product that a value is a piece of, where the piece begins, and along which axis."""
    node = nodes.get(value)
    if node is None:
        return None
    if node.op in ("einsum", "add_at"):
        return value, ZERO, _own_axis(node, products)
    source = nodes.get(node.args[0]) if node.op == "slice" else None
    if source is None or source.op not in ("einsum", "add_at"):
        return None
    start, axis = node[START], _own_axis(source, products)
    return (source.name, start, axis) if node[AXIS] == axis else None


def _own_axis(node: Node, products: Mapping[str, int]) -> int:
    """The axis along which pieces of a product, or of a sum of some, lie side by side."""
    if node.op == "add_at":
        return node[AXIS]
    return products.get(node.name, len(node.type.shape) - 1)


def _products(p: Program) -> dict[str, int]:
    """The einsums of a value that has rows and a weight that exists once, which GEMMs make, and
    the axis that the weight gives."""
    types = p.types()
    defined = {node.name: node for node in p.nodes()}
    found: dict[str, int] = {}
    for node in p.nodes():
        rows = [types[arg].rows for arg in node.args] if node.op == "einsum" else []
        if set(rows) == {Rows.ONCE, Rows.STEP}:
            spec, weight = node[SPEC], rows.index(Rows.ONCE)
            axis = channel_axis(defined, types, node)
            if axis is not None:
                found[node.name] = axis
            elif matrix_labels(spec, weight):
                found[node.name] = len(node.type.shape) - 1
    return found


def _whole(group: list[Meeting], product: Node) -> bool:
    """Whether the pieces make up the product, all at the same distance from the base's."""
    shifts = {found.at - found.start for found in group}
    total = sum((found.size for found in group), ZERO)
    return len(shifts) == 1 and total == product.type.shape[group[0].axis]


def _apart(
    group: list[Meeting],
    base: str,
    nodes: dict[str, Node],
    p: Program,
    products: Mapping[str, int],
) -> bool:
    """Whether everything else that reads the base reads other columns of it."""
    if base in p.wanted() or nodes[base].type.rows != Rows.STEP:
        return False
    if nodes[base].op == "einsum" and base not in products:
        return False
    axis = group[0].axis
    low = min((m.at for m in group), key=_order)
    high = max((m.at + m.size for m in group), key=_order)
    pieces = {m.at for m in group}
    for node in p.nodes():
        if base not in node.args:
            continue
        if node.op != "slice" or node[AXIS] != axis:
            if not any(m.add == node.name for m in group):
                return False
            continue
        start, stop = node[START], node[STOP]
        outside = not _below(low, stop) or not _below(start, high)
        if start not in pieces and not outside:
            return False
    return True


def _order(size: Size) -> tuple[float, str]:
    return sum(float(c) for _, c in size.terms), str(size)


def _below(a: Size, b: Size) -> bool:
    """Whether a < b for some dims, as far as their form shows."""
    return any(c > 0 for _, c in (b - a).terms)


def _joined(p: Program, base: str, product: str, group: list[Meeting]) -> Program:
    """Build the sum right after the product; later readers of the base read it instead."""
    b = Builder(p.leaves, taken=[node.name for node in p.nodes()])
    join = _Join(b, base, product, group)
    regions: list[tuple[Node, ...]] = []
    for region in (p.before, p.step, p.after):
        begin = len(b.nodes)
        for node in region:
            join.visit(node)
        regions.append(tuple(b.nodes[begin:]))
    return rename(p, (regions[0], regions[1], regions[2]), join.replaced)


class _Join:
    """Rebuilds a program node by node; slices of the base wait for the sum if they can."""

    def __init__(self, b: Builder, base: str, product: str, group: list[Meeting]) -> None:
        self.b, self.base, self.product = b, base, product
        self.group = {found.add: found for found in group}
        self.shift = group[0].at - group[0].start
        self.axis = group[0].axis
        self.replaced: dict[str, str] = {}
        self.waiting: dict[str, Node] = {}
        self.sum = ""

    def visit(self, node: Node) -> None:
        self.b.origin = node.origin
        here = replace(node, args=tuple(self.replaced.get(arg, arg) for arg in node.args))
        if node.name in self.group:
            self.replaced[node.name] = self._piece(self.group[node.name], node)
        elif here.op == "slice" and here.args == (self.base,):
            self._slice(here)
        else:
            for arg in here.args:
                if arg in self.waiting:
                    self.b.keep(self.waiting.pop(arg))
            self.b.keep(here)
            if node.name == self.product:
                self._add()

    def _slice(self, node: Node) -> None:
        if self.sum:
            self.b.keep(replace(node, args=(self.sum,)))
        else:
            self.waiting[node.name] = node

    def _add(self) -> None:
        self.sum = self.b.op("add_at", self.base, self.product, axis=self.axis, start=self.shift)
        for node in self.waiting.values():
            self.b.keep(replace(node, args=(self.sum,)))
        self.waiting.clear()

    def _piece(self, found: Meeting, node: Node) -> str:
        if self.b.shape(self.sum)[self.axis] == found.size:
            return self.sum
        stop = found.at + found.size
        return self.b.op("slice", self.sum, axis=self.axis, start=found.at, stop=stop)


def add_products(p: Program) -> Program:
    """value + product -> add_at(value, product), where nothing else reads either."""
    uses = count_uses(p)
    nodes = {node.name: node for node in p.nodes()}
    placed = {node.name for node in p.step}
    products = _products(p)

    def rule(b: Builder, node: Node) -> str | None:
        if node.op != "add" or node.type.rows != Rows.STEP or node.name not in placed:
            return None
        for base, product in (node.args, node.args[::-1]):
            found, below = nodes.get(product), nodes.get(base)
            if found is None or below is None or uses[product] != 1 or uses[base] != 1:
                continue
            if product not in products or product not in placed:
                continue
            if below.op in ("slice", "reshape", "transpose", "broadcast", "concat"):
                continue
            if below.type.rows == Rows.STEP and base in placed:
                return b.op("add_at", base, product, axis=products[product], start=ZERO)
        return None

    return rewrite(p, rule)
