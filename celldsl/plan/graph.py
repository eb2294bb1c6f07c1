"""A Program as a graph, and the region in which each node runs.

A Program as a graph.  In: a Program.  Out: who makes and who reads each value, and its views.

graph.root("%7")           the value whose memory a slice, transpose or stretch looks at
graph.view("%7", place)    where the slice lies when the root lies at `place`

Where each node runs.  In: a Graph.  Out: for each part of a direction, the nodes to execute.

once_before    parameters alone: derived weights
batch_before   once for each sequence, ahead of the loop
row_before     for all rows at once, ahead of the loop: hoisted projections
step           in the loop
batch_after    once for each sequence, after the loop: gradients of start states
row_after      for all rows at once, after the loop: gradients of inputs and weights
once_after     what follows from gradients of derived weights
"""

from __future__ import annotations

from collections import defaultdict
from typing import Literal, get_args

from celldsl.ir.program import Leaf, Node, Program, Rows, Type
from celldsl.ir.size import Shape, Size
from celldsl.plan.layout import contiguous
from celldsl.plan.places import Place
from celldsl.structs import replace

CONSTANTS = ("number", "size")
VIEWS = ("slice", "transpose", "broadcast", "reshape")
ONE, ZERO = Size.of(1), Size.of(0)


class Graph:
    """`strided` names the parameters that do not lie in one piece."""

    def __init__(self, program: Program, strided: frozenset[str] = frozenset()) -> None:
        self.program = program
        self.strided = strided
        self.types: dict[str, Type] = program.types()
        self.nodes: dict[str, Node] = {node.name: node for node in program.nodes()}
        self.leaves: dict[str, Leaf] = {leaf.name: leaf for leaf in program.leaves}
        self.users: dict[str, list[Node]] = defaultdict(list)
        for node in program.nodes():
            for arg in dict.fromkeys(node.args):
                self.users[arg].append(node)

    def add(self, node: Node) -> None:
        """A node that planning needs beside those of the program."""
        self.nodes[node.name] = node
        self.types[node.name] = node.type
        for arg in dict.fromkeys(node.args):
            self.users[arg].append(node)

    def reread(self, reader: Node, old: str, new: str) -> Node:
        """`reader` with another argument of the same type."""
        changed = replace(reader, args=tuple(new if arg == old else arg for arg in reader.args))
        self.nodes[reader.name] = changed
        for users in self.users.values():
            users[:] = [changed if user.name == reader.name else user for user in users]
        self.users[old] = [user for user in self.users[old] if user.name != reader.name]
        self.users[new].append(changed)
        return changed

    def shape(self, value: str) -> Shape:
        return self.types[value].shape

    def is_view(self, value: str) -> bool:
        node = self.nodes.get(value)
        if node is None or node.op not in VIEWS:
            return False
        if node.op != "reshape":
            return True
        source = node.args[0]
        return _squeezed(self.shape(source)) == _squeezed(node.type.shape) or self._whole(source)

    def _whole(self, value: str) -> bool:
        """Whether a value lies in one piece, in order."""
        node = self.nodes.get(value)
        if node is None:
            return value not in self.strided
        if not self.is_view(value):
            return True
        source = node.args[0]
        match node.op:
            case "reshape":
                return self._whole(source)
            case "slice":
                leading = self.shape(source)[: int(node["axis"])]  # type: ignore[call-overload]
                return all(size == ONE for size in leading) and self._whole(source)
        return self.shape(source) == node.type.shape and node.op == "broadcast"

    def root(self, value: str) -> str:
        while self.is_view(value):
            value = self.nodes[value].args[0]
        return value

    def constant(self, value: str) -> Node | Leaf | None:
        """The number, size or hyperparameter that a value is throughout, if it is one."""
        while value in self.nodes and self.nodes[value].op in VIEWS:
            value = self.nodes[value].args[0]
        if value in self.nodes:
            return self.nodes[value] if self.nodes[value].op in CONSTANTS else None
        leaf = self.leaves[value]
        return leaf if leaf.kind == "hyper" else None

    def view(self, value: str, place: Place) -> Place:
        """The place of `value` when its root is at `place`."""
        if not self.is_view(value):
            return place
        node = self.nodes[value]
        source = node.args[0]
        below = self.view(source, place)
        match node.op:
            case "slice":
                start, axis = node["start"], node["axis"]
                assert isinstance(start, Size) and isinstance(axis, int)
                return replace(below, offset=below.offset + start * below.strides[axis])
            case "transpose":
                perm = node["perm"]
                assert isinstance(perm, tuple)
                return replace(below, strides=tuple(below.strides[axis] for axis in perm))
            case "broadcast":
                return replace(below, strides=_stretch(self.shape(source), below, node.type.shape))
        return replace(below, strides=_reshape(self.shape(source), below, node.type.shape))


def _squeezed(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != ONE)


def _stretch(shape: Shape, place: Place, target: Shape) -> Shape:
    if not shape:
        return (ZERO,) * len(target)
    return tuple(
        step if size == wide else ZERO
        for size, step, wide in zip(shape, place.strides, target, strict=True)
    )


def _reshape(shape: Shape, place: Place, target: Shape) -> Shape:
    """Axes of size 1 come and go anywhere; anything else needs a value in one piece."""
    if _squeezed(shape) != _squeezed(target):
        return contiguous(target)
    steps = [step for size, step in zip(shape, place.strides, strict=True) if size != ONE]
    return tuple(ZERO if size == ONE else steps.pop(0) for size in target)


Region = Literal[
    "once_before", "batch_before", "row_before", "step", "batch_after", "row_after", "once_after"
]
REGIONS: tuple[Region, ...] = get_args(Region)
BEFORE: dict[Rows, Region] = {
    Rows.ONCE: "once_before",
    Rows.BATCH: "batch_before",
    Rows.STEP: "row_before",
}
AFTER: dict[Rows, Region] = {
    Rows.ONCE: "once_after",
    Rows.BATCH: "batch_after",
    Rows.STEP: "row_after",
}


def assign_regions(graph: Graph) -> dict[str, Region]:
    """The region of every node that is executed; views, constants and `final` are not."""
    program = graph.program
    found: dict[str, Region] = {}
    for node in program.before:
        found[node.name] = BEFORE[node.type.rows]
    for node in program.step:
        found[node.name] = "step" if node.type.rows != Rows.ONCE else "once_before"
    for node in program.after:
        found[node.name] = _after(graph, node, found)
    return {name: region for name, region in found.items() if executed(graph, name)}


def executed(graph: Graph, name: str) -> bool:
    node = graph.nodes[name]
    return not graph.is_view(name) and node.op not in (*CONSTANTS, "final", "concat")


def _after(graph: Graph, node: Node, found: dict[str, Region]) -> Region:
    """A rowsum runs beside the value that it sums, so that nothing is kept for it."""
    if node.op == "einsum_rows":
        return "row_after"
    if node.op != "rowsum":
        return AFTER[node.type.rows]
    source = graph.root(node.args[0])
    if source in graph.nodes:
        if graph.nodes[source].op == "final":
            return "batch_after"
        return found.get(source, AFTER[node.type.rows])
    return "row_after"
