"""A Program as a graph, and the region in which each node runs.

    graph.root("%7")           the value whose memory a slice, transpose or stretch looks at
    graph.view("%7", place)    where the slice lies when the root lies at `place`

The regions of a pass, in the order in which they run:

    once_before    parameters alone: derived weights
    batch_before   once for each sequence, ahead of the loop
    row_before     for all rows at once, ahead of the loop: hoisted projections
    step           in the loop
    batch_after    once for each sequence, after the loop: gradients of the cell's own start states
    batch_last     likewise, whatever the cell started from: what inputs of each sequence lead to
    row_after      for all rows at once, after the loop: gradients of inputs and weights
    once_after     what follows from gradients of derived weights
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Literal, get_args

from celldsl.ir.convolutions import (
    Convolution,
    convolution,
    convolution_sum,
    gathered_windows,
)
from celldsl.ir.ops.op import View
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import REGIONS as PROGRAM_REGIONS
from celldsl.ir.program import Leaf, Node, Program, Rows, Type
from celldsl.ir.size import Shape, Size, contiguous
from celldsl.plan.places import Place
from celldsl.structs import replace


class Graph:
    """`strided` names the parameters that do not lie in one piece, `titles` are for readers."""

    def __init__(
        self,
        program: Program,
        strided: frozenset[str] = frozenset(),
        titles: Mapping[str, str] | None = None,
    ) -> None:
        self.program = program
        self.titles = titles or {}
        self.strided = strided
        self.types: dict[str, Type] = program.types()
        self.nodes: dict[str, Node] = {node.name: node for node in program.nodes()}
        self.region: dict[str, str] = {
            node.name: region for region in PROGRAM_REGIONS for node in getattr(program, region)
        }
        self.leaves: dict[str, Leaf] = {leaf.name: leaf for leaf in program.leaves}
        self.users: dict[str, list[Node]] = defaultdict(list)
        for node in program.nodes():
            for arg in dict.fromkeys(node.args):
                self.users[arg].append(node)
        self.gathered = gathered_windows(self.nodes, self.types, program.wanted())
        # What was found out of views, which is asked for again and again.
        self._views: dict[str, bool] = {}
        self._strides_of: dict[str, Shape] = {}

    def add(self, node: Node) -> None:
        """A node that planning needs beside those of the program."""
        self._forget()
        self.nodes[node.name] = node
        self.types[node.name] = node.type
        for arg in dict.fromkeys(node.args):
            self.users[arg].append(node)

    def _forget(self) -> None:
        self._views.clear()
        self._strides_of.clear()

    def reread(self, reader: Node, old: str, new: str) -> Node:
        """`reader` with another argument of the same type."""
        self._forget()
        changed = replace(reader, args=tuple(new if arg == old else arg for arg in reader.args))
        self.nodes[reader.name] = changed
        for arg in dict.fromkeys(reader.args):
            users = self.users[arg]
            users[:] = [changed if user.name == reader.name else user for user in users]
        self.users[old] = [user for user in self.users[old] if user.name != reader.name]
        self.users[new].append(changed)
        return changed

    def title(self, value: str) -> str:
        """What readers call a value; a copy, as what it is of."""
        base, _, copy = value.partition("@")
        title = self.titles.get(base, base.lstrip("%"))
        return f"{title} {copy.rstrip('0123456789')}" if copy else title

    def shape(self, value: str) -> Shape:
        return self.types[value].shape

    def is_view(self, value: str) -> bool:
        """Whether nothing is run for it: whoever reads it looks at its argument's memory."""
        found = self._views.get(value)
        if found is None:
            node = self.nodes.get(value)
            found = value in self.gathered or (
                node is not None and self._looked_at(node) is not None
            )
            self._views[value] = found
        return found

    def convolution(self, node: Node) -> Convolution | None:
        """The form of a convolution, or of a sum of such over rows, whose window is gathered."""
        found = convolution(self.nodes, self.types, node) or convolution_sum(self.nodes, node)
        return found if found is not None and found.window in self.gathered else None

    def in_lines(self, value: str, axes: int) -> bool:
        """Whether so many last axes of a value lie in one piece, as images are read."""
        strides, shape = self._strides(value), self.shape(value)
        return strides[-axes:] == contiguous(shape[-axes:])

    def _looked_at(self, node: Node) -> tuple[Shape, Size] | None:
        """The strides and the beginning of a view in its argument, None for what is none."""
        view = _view_of(node)
        if view is None:
            return None
        source = node.args[0]
        return view(node, self.shape(source), self._strides(source))

    def _strides(self, value: str) -> Shape:
        """Those of the value's axes when what it looks at lies in one piece."""
        if value not in self._strides_of:
            self._strides_of[value] = self._found_strides(value)
        return self._strides_of[value]

    def _found_strides(self, value: str) -> Shape:
        node = self.nodes.get(value)
        seen = None if node is None else self._looked_at(node)
        if seen is not None:
            return seen[0]
        if node is None and value in self.strided:
            return tuple(Size.dim(f"@{axis}") for axis in range(len(self.shape(value))))
        return contiguous(self.shape(value))

    def root(self, value: str) -> str:
        while self.is_view(value):
            value = self.nodes[value].args[0]
        return value

    def constant(self, value: str) -> Node | Leaf | None:
        """The number, size or hyperparameter that a value is throughout, if it is one."""
        while value in self.nodes and _view_of(self.nodes[value]) is not None:
            value = self.nodes[value].args[0]
        if value in self.nodes:
            return self.nodes[value] if _is_number(self.nodes[value]) else None
        leaf = self.leaves[value]
        return leaf if leaf.kind == "hyper" else None

    def view(self, value: str, place: Place) -> Place:
        """The place of `value` when its root is at `place`."""
        found = self.seen_at(value, place)
        assert found is not None, f"{value} needs its root in one piece"
        return found

    def seen_at(self, value: str, place: Place) -> Place | None:
        """As `view`; None where strides as those of `place` do not allow it."""
        if not self.is_view(value):
            return place
        node = self.nodes[value]
        view, below = _view_of(node), self.seen_at(node.args[0], place)
        if view is None or below is None:
            return None
        seen = view(node, self.shape(node.args[0]), below.strides)
        if seen is None:
            return None
        return replace(below, strides=seen[0], offset=below.offset + seen[1])


def _view_of(node: Node) -> View | None:
    return OPS[node.op].view if node.op in OPS else None


def _is_number(node: Node) -> bool:
    """Whether it is one number throughout, which every reader writes itself."""
    entry = OPS.get(node.op)
    return entry is not None and entry.kind == "source" and entry.loop == "none"


Region = Literal[
    "once_before", "batch_before", "row_before", "step", "batch_after", "batch_last", "row_after",
    "once_after",
]  # fmt: skip
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
    return not graph.is_view(name) and (node.op not in OPS or OPS[node.op].loop != "none")


def _after(graph: Graph, node: Node, found: dict[str, Region]) -> Region:
    """A rowsum runs beside the value that it sums, so that nothing is kept for it."""
    if node.op in ("einsum_rows", "scatter_rows"):
        return "row_after"
    if node.type.rows == Rows.BATCH:
        return of_each_sequence(graph, node.args, found)
    if node.op != "rowsum":
        return AFTER[node.type.rows]
    source = graph.root(node.args[0])
    if source in graph.nodes:
        if graph.nodes[source].op in ("final", "total"):
            return of_each_sequence(graph, node.args, found)
        return found.get(source, AFTER[node.type.rows])
    return "row_after"


def of_each_sequence(graph: Graph, args: tuple[str, ...], found: dict[str, Region]) -> Region:
    """After the loop, and where it is of the cell's own start alone, not where one was given."""
    roots = {graph.root(arg) for arg in args}
    made = {graph.nodes[root].op for root in roots if root in graph.nodes}
    own = "final" in made or any(found.get(root) == "batch_after" for root in roots)
    return "batch_after" if own else "batch_last"
