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
from celldsl.transforms.rewrite import count_uses, rename, rewrite, with_args

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
    """Repeat until no two products meet any more; pairs that share no product join at once."""
    while joinable := _joinable(p):
        p = _joined(p, joinable)
    return p


def _joinable(p: Program) -> list[list[Meeting]]:
    """Groups of meetings of two products each, that can be joined; no product is in two."""
    order = {node.name: i for i, node in enumerate(p.nodes())}
    nodes = {node.name: node for node in p.nodes()}
    uses = count_uses(p)
    products = _products(p)
    meetings: dict[tuple[str, str], list[Meeting]] = defaultdict(list)
    saved, wanted = frozenset(p.saved), frozenset(p.wanted())
    for node in p.step:
        if node.name in saved:
            continue
        for found in _meetings(node, nodes, uses, order, products):
            meetings[found.base, found.product].append(found)
    readers = _readers(p)
    found_groups: list[list[Meeting]] = []
    taken: set[str] = set()
    for (base, product), group in meetings.items():
        if taken & {base, product} or base in wanted or not _whole(group, nodes[product]):
            continue
        if _apart(group, nodes[base], readers[base], products):
            found_groups.append(group)
            taken |= {base, product}
    return found_groups


def _readers(p: Program) -> dict[str, list[Node]]:
    readers: dict[str, list[Node]] = defaultdict(list)
    for node in p.nodes():
        for arg in dict.fromkeys(node.args):
            readers[arg].append(node)
    return readers


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
    group: list[Meeting], base: Node, readers: list[Node], products: Mapping[str, int]
) -> bool:
    """Whether everything else that reads the base reads other columns of it."""
    if base.type.rows != Rows.STEP or (base.op == "einsum" and base.name not in products):
        return False
    axis = group[0].axis
    low = min((m.at for m in group), key=_order)
    high = max((m.at + m.size for m in group), key=_order)
    pieces = {m.at for m in group}
    for node in readers:
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


def _joined(p: Program, groups: list[list[Meeting]]) -> Program:
    """Build each sum right after its product; later readers of its base read it instead."""
    b = Builder(p.leaves, taken=[node.name for node in p.nodes()])
    joins = _Joins(b, [_Join(group) for group in groups])
    regions: list[tuple[Node, ...]] = []
    for region in (p.before, p.step, p.after):
        begin = len(b.nodes)
        for node in region:
            joins.visit(node)
        regions.append(tuple(b.nodes[begin:]))
    return rename(p, (regions[0], regions[1], regions[2]), joins.replaced)


class _Join:
    """Two products that become a sum; slices of the base wait for the sum if they can."""

    def __init__(self, group: list[Meeting]) -> None:
        self.base, self.product = group[0].base, group[0].product
        self.group = {found.add: found for found in group}
        self.shift = group[0].at - group[0].start
        self.axis = group[0].axis
        self.waiting: dict[str, Node] = {}
        self.sum = ""


class _Joins:
    """Rebuilds a program node by node."""

    def __init__(self, b: Builder, joins: list[_Join]) -> None:
        self.b = b
        self.by_base = {join.base: join for join in joins}
        self.by_product = {join.product: join for join in joins}
        self.by_add = {add: join for join in joins for add in join.group}
        self.waits: dict[str, _Join] = {}
        self.replaced: dict[str, str] = {}

    def visit(self, node: Node) -> None:
        self.b.origin = node.origin
        here = with_args(node, self.replaced)
        if node.name in self.by_add:
            self.replaced[node.name] = self._piece(self.by_add[node.name], node)
        elif here.op == "slice" and here.args[0] in self.by_base:
            self._slice(self.by_base[here.args[0]], here)
        else:
            for arg in here.args:
                if arg in self.waits:
                    self.b.keep(self.waits.pop(arg).waiting.pop(arg))
            self.b.keep(here)
            if node.name in self.by_product:
                self._add(self.by_product[node.name])

    def _slice(self, join: _Join, node: Node) -> None:
        if join.sum:
            self.b.keep(replace(node, args=(join.sum,)))
        else:
            join.waiting[node.name] = node
            self.waits[node.name] = join

    def _add(self, join: _Join) -> None:
        join.sum = self.b.op("add_at", join.base, join.product, axis=join.axis, start=join.shift)
        for name, node in join.waiting.items():
            self.b.keep(replace(node, args=(join.sum,)))
            del self.waits[name]
        join.waiting.clear()

    def _piece(self, join: _Join, node: Node) -> str:
        found = join.group[node.name]
        if self.b.shape(join.sum)[join.axis] == found.size:
            return join.sum
        stop = found.at + found.size
        return self.b.op("slice", join.sum, axis=join.axis, start=found.at, stop=stop)


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
