"""Writing stages down.  In: a Planner that has scheduled and placed.  Out: the plan's stages.

Every argument of a node becomes an operand: a number, a register of the same nest, or an element
of memory with strides along the axes of the nest.
"""

from __future__ import annotations

from celldsl.ir.attributes import AXIS, KERNEL, NONE, REVERSE, SIZE, SOURCE, SPEC, VALUE
from celldsl.ir.ops.contractions import label_sizes
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Leaf, Node
from celldsl.ir.size import Size, contiguous
from celldsl.plan.fusion import Group
from celldsl.plan.graph import Region
from celldsl.plan.operations import Contract, Fold, Loop, Nest, Scan, Statement
from celldsl.plan.places import Extent, Hyper, Memory, Number, Operand, Place, Register, Store
from celldsl.plan.plan import RowLoops, Stage
from celldsl.plan.planner import Planner, located
from celldsl.plan.products import Products

ZERO = Size.of(0)


def write_stages(planner: Planner, products: Products, region: Region) -> list[Stage]:
    """The stages of a region in order."""
    written: list[Stage] = []
    for s, stage in enumerate(planner.stages[region]):
        first = stage[0]
        if planner.is_gemm(first):
            written.append(products.product(first))
            continue
        nests = []
        for group in planner.groups[region, s]:
            if (sums := products.convolve_sums(group.nodes[0])) is not None:
                written.append(sums)
            elif group.nodes[0].op == "einsum_rows" and products.is_outer_sum(group.nodes[0]):
                written.append(products.gemm_rows(group.nodes[0]))
            elif group.nodes[0].op == "scatter_rows":
                written.append(products.scatter_rows(group.nodes[0]))
            else:
                nests.append(_nest(planner, products, group))
        if nests:
            written.append(RowLoops(tuple(nests)))
    return written


def _nest(planner: Planner, products: Products, group: Group) -> Nest:
    node = group.nodes[0]
    match node.op:
        case "einsum" | "einsum_rows":
            return _contract(planner, products, node)
        case "fold":
            return _fold(planner, node)
        case "reshape":
            return _in_order(planner, node)
        case op if op in OPS and OPS[op].kind == "scan":
            return _scan(planner, node)
    return Loop(group.domain, tuple(_statement(planner, products, n) for n in group.nodes))


def _statement(planner: Planner, products: Products, node: Node) -> Statement:
    attributes = node.attributes
    if node.op in OPS and OPS[node.op].reads_memory:
        others = (_operand(planner, node, arg) for arg in node.args[1:])
        operands: tuple[Operand, ...] = (_memory(planner, node.args[0]), *others)
        attributes = attributes.having(SOURCE, planner.graph.shape(node.args[0]))
    else:
        operands = tuple(_operand(planner, node, arg) for arg in node.args)
    return Statement(
        node.name,
        node.op,
        operands,
        _stores(planner, products, node),
        attributes,
        node.type.boolean,
        node.origin,
    )


def _operand(planner: Planner, reader: Node, value: str) -> Operand:
    graph = planner.graph
    match graph.constant(value):
        case Node(op="number") as number:
            return Number(number[VALUE])
        case Node() as extent:
            return Extent(extent[SIZE])
        case Leaf() as leaf:
            return Hyper(leaf.name)
    root = graph.root(value)
    if root in planner.position:
        here, there = planner.position[root], planner.position[reader.name]
        if here[:2] == there[:2] and root in planner.scalars and not graph.shape(root):
            return Register(root)
        if here == there and root == value:
            return Register(root)
    place = located(planner, value)
    return Memory(place, place.strides, boolean=graph.types[root].boolean)


def _stores(planner: Planner, products: Products, node: Node) -> tuple[Store, ...]:
    if node.op == "rowsum":
        place = products.accumulator(node)
        return (Store(place, place.strides, accumulate=True),)
    places = list(planner.targets.stores.get(node.name, []))
    own = planner.places.get(node.name)
    if own is not None and own not in places:
        places.append(own)
    return tuple(Store(place, _over_domain(node, place)) for place in places)


def _over_domain(node: Node, place: Place) -> tuple[Size, ...]:
    """Strides along the axes of the nest: 0 along the axis that a reduction drops."""
    if node.op in OPS and OPS[node.op].kind == "reduce":
        axis = node[AXIS]
        return (*place.strides[:axis], ZERO, *place.strides[axis:])
    return place.strides


def _contract(planner: Planner, products: Products, node: Node) -> Contract:
    assert node.name not in planner.rounding, "a loop over a product's factors rounds none of them"
    spec = node[SPEC]
    left, right = (_memory(planner, arg) for arg in node.args)
    sizes = label_sizes(spec, *(planner.graph.shape(arg) for arg in node.args))
    if node.op == "einsum_rows":
        place = products.accumulator(node)
        stores: tuple[Store, ...] = (Store(place, place.strides, accumulate=True),)
    else:
        stores = _stores(planner, products, node)
    return Contract(spec, tuple(sizes.items()), left, right, stores, node.origin)


def _in_order(planner: Planner, node: Node) -> Loop:
    """A reshape of what does not lie in one piece: it is copied in order."""
    source = node.args[0]
    shape = planner.graph.shape(source)
    store = Store(planner.places[node.name], contiguous(shape))
    operand = _operand(planner, node, source)
    return Loop(
        shape, (Statement(node.name, "copy", (operand,), (store,), NONE, False, node.origin),)
    )


def _memory(planner: Planner, value: str) -> Memory:
    place = located(planner, value)
    return Memory(place, place.strides)


def _scan(planner: Planner, node: Node) -> Scan:
    axis = node[AXIS]
    reverse = node.op == "cumsum" and node[REVERSE]
    place = planner.places[node.name]
    source = _memory(planner, node.args[0])
    store = Store(place, place.strides)
    return Scan(node.op, node.type.shape, axis, reverse, source, store, node.origin)


def _fold(planner: Planner, node: Node) -> Fold:
    kernel = node[KERNEL]
    place = planner.places[node.name]
    source = _memory(planner, node.args[0])
    return Fold(node.type.shape, kernel, source, Store(place, place.strides), node.origin)
