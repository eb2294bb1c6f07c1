"""Planning one direction.  In: a Graph, places of leaves and results.  Out: its stages by region.

The order of work: say what must be kept (`targets`), split each region into stages and nests,
see from who reads whom which values need memory, give them places, and write the stages down.
"""

from __future__ import annotations

from collections.abc import Collection

from celldsl.ir.program import Node, Rows
from celldsl.ir.size import Size
from celldsl.plan.copies import lay_out_factors, lay_out_images, lay_out_numbers
from celldsl.plan.fusion import Group, fuse_nests, reads_memory
from celldsl.plan.gemms import rows_times_weight
from celldsl.plan.graph import (
    AFTER,
    BEFORE,
    REGIONS,
    Graph,
    Region,
    assign_regions,
    of_each_sequence,
)
from celldsl.plan.layout import Arrays, joined
from celldsl.plan.places import Place, RowKind
from celldsl.plan.schedule import Units, postpone, split_stages
from celldsl.plan.stores import Targets, slot_place, widest
from celldsl.structs import entity, field

ONE = Size.of(1)
ORDER: dict[RowKind, int] = {"once": 0, "part": 1, "batch": 2, "row": 3}
# Sums over all rows that are stages of their own.
ROW_SUMS = ("einsum_rows", "scatter_rows")
KIND: dict[Region, RowKind] = {
    "once_before": "once",
    "batch_before": "batch",
    "row_before": "row",
    "step": "batch",
    "batch_after": "batch",
    "batch_last": "batch",
    "row_after": "row",
    "once_after": "once",
}


@entity
class Planner:
    """The state of planning one direction; `places` grows to hold every value in memory.

    `fixed` and `work` are its arrays: for what parameters alone give, and for all else.  `rounding`
    are the products that round their factors as they pack them.
    """

    graph: Graph
    arrays: Arrays
    targets: Targets
    places: dict[str, Place]
    fixed: str
    work: str
    without: Collection[str] = ()
    rounding: Collection[str] = ()
    regions: dict[str, Region] = field(default_factory=dict)
    stages: dict[Region, list[list[Node]]] = field(default_factory=dict)
    groups: dict[tuple[Region, int], list[Group]] = field(default_factory=dict)
    position: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    scalars: set[str] = field(default_factory=set)

    def is_gemm(self, node: Node) -> bool:
        """A product of rows and a weight, alone or added in place."""
        if node.op == "add_at":
            return True
        if node.op != "einsum":
            return False
        forms = rows_times_weight(self.graph, node), self.graph.convolution(node)
        return any(form is not None for form in forms)

    def merged(self, name: str) -> bool:
        """Whether an einsum is run by the `add_at` that reads it."""
        users = self.graph.users[name]
        node = self.graph.nodes.get(name)
        return (
            node is not None
            and node.op == "einsum"
            and len(users) == 1
            and users[0].op == "add_at"
            and users[0].args[1] == name
        )

    def schedule(self, copies: dict[str, Region]) -> None:
        """Stages and nests of every region; `copies` are nodes that targets asked for."""
        self.regions = assign_regions(self.graph)
        lay_out_numbers(self.graph, self.targets, copies)
        lay_out_images(self.graph, self.targets, self.regions, copies)
        self._place_concats(copies)
        lay_out_factors(self.graph, self.targets, self.places, copies)
        self.regions.update(copies)
        for region in REGIONS:
            nodes = [
                node
                for name, node in self.graph.nodes.items()
                if self.regions.get(name) == region and not self.merged(name)
            ]
            units = self._units(nodes)
            stages = split_stages(units)
            late = "postpone" not in self.without
            self.stages[region] = postpone(units, stages) if late else stages
        for r, region in enumerate(REGIONS):
            for s, stage in enumerate(self.stages[region]):
                groups = [Group((), stage)] if self.is_gemm(stage[0]) else self._nests(stage)
                self.groups[region, s] = groups
                for n, group in enumerate(groups):
                    self.position.update({node.name: (r, s, n) for node in group.nodes})

    def _nests(self, stage: list[Node]) -> list[Group]:
        kept = frozenset(self.targets.stores)
        groups = fuse_nests(self.graph, stage, self.sources, kept, self.without)
        loops = [group for group in groups if not group.alone]
        self.scalars.update(n.name for g in loops for n in g.nodes if not n.type.shape)
        return groups

    def _place_concats(self, copies: dict[str, Region]) -> None:
        """Concats are not run: their pieces are written where they belong."""
        for node in list(self.graph.nodes.values()):
            if node.op != "concat" or self._joined(node) is not None:
                continue
            region = self._region_of(node)
            for copy in self.targets.place_concat(node, can_move=True):
                copies[copy.name] = region

    def _region_of(self, node: Node) -> Region:
        """The region of a node that is not run itself."""
        rows, region = node.type.rows, self.graph.region.get(node.name)
        if region == "step":
            return "step" if rows != Rows.ONCE else "once_before"
        if region == "before":
            return BEFORE[rows]
        if rows == Rows.BATCH:
            return of_each_sequence(self.graph, node.args, self.regions)
        return AFTER[rows]

    def _joined(self, node: Node) -> Place | None:
        """The place of a concat of parameters that lie side by side."""
        if node.type.rows != Rows.ONCE or any(arg not in self.places for arg in node.args):
            return None
        shapes = [self.graph.shape(arg) for arg in node.args]
        place = joined(node, [self.places[arg] for arg in node.args], shapes)
        if place is not None:
            self.places[node.name] = place
        return place

    def sources(self, value: str) -> set[str]:
        """The executed nodes whose results a value is made of, through views and concats."""
        root = self.graph.root(value)
        if root in self.targets.pieces:
            return {s for piece in self.targets.pieces[root] for s in self.sources(piece)}
        if root in self.regions:
            return {root}
        return set()

    def needs(self, node: Node) -> set[str]:
        """The executed nodes that a node waits for."""
        args = list(node.args)
        if node.op == "add_at" and self.merged(args[1]):
            args = [args[0], *self.graph.nodes[args[1]].args]
        return {source for arg in args for source in self.sources(arg)}

    def _units(self, nodes: list[Node]) -> Units:
        inside = {node.name for node in nodes}
        needs = {node.name: frozenset(self.needs(node) & inside) for node in nodes}
        read_outside = {
            source
            for node in self.graph.nodes.values()
            if node.name in self.regions and node.name not in inside
            for source in self.needs(node)
        }
        sums = {node.name for node in nodes if node.op == "rowsum"}
        gemms = frozenset(node.name for node in nodes if self.is_gemm(node))
        pinned = inside & (read_outside | self.targets.stores.keys() | sums)
        return Units(nodes, needs, gemms, frozenset(pinned))

    def place_values(self) -> None:
        """Give every value that needs memory its place, pieces of concats after the concat."""
        wanted: dict[str, RowKind] = {}
        for node in self.graph.nodes.values():
            if node.name in self.position:
                self._demand(node, wanted)
        self._lift_sums(wanted)
        for concat in self.targets.pieces:
            self._lift_concat(concat, wanted)
        for name in self.position:
            self._place(name, wanted)
        for concat, pieces in self.targets.pieces.items():
            self._place_concat(concat, pieces, wanted)
        for node in self.graph.nodes.values():
            if node.op == "add_at":
                self.places[node.name] = self.places[self.graph.root(node.args[0])]

    def _demand(self, reader: Node, wanted: dict[str, RowKind]) -> None:
        """What memory the arguments of a node need, seen from it."""
        args = list(reader.args)
        gemm = self.is_gemm(reader) or reader.op in ROW_SUMS
        if reader.op == "add_at" and self.merged(args[1]):
            args = [args[0], *self.graph.nodes[args[1]].args]
        for arg in args:
            for source in self.sources(arg):
                kind = self._kind(source, arg, reader, gemm)
                if kind is not None:
                    _raise(wanted, source, kind)

    def _kind(self, source: str, arg: str, reader: Node, gemm: bool) -> RowKind | None:
        """The weakest memory that lets `reader` read `source`."""
        here, there = self.position[source], self.position[reader.name]
        home = REGIONS[here[0]]
        if here[0] != there[0]:
            return "once" if self.graph.types[source].rows == Rows.ONCE else self._across(home)
        if here[1] != there[1] or gemm:
            return KIND[home]
        register = source in self.scalars and self.graph.root(arg) == source
        if register and not reads_memory(reader):
            return None
        if here[2] == there[2] and arg == source:
            return None
        return "once" if home in ("once_before", "once_after") else "part"

    def _across(self, home: Region) -> RowKind:
        return "batch" if home.startswith("batch") else "row"

    def _lift_sums(self, wanted: dict[str, RowKind]) -> None:
        """What a sum begins with lies where the sum does, so its need is at least as strong."""
        for node in reversed(list(self.graph.nodes.values())):
            if node.op == "add_at" and node.name in wanted:
                for source in self.sources(node.args[0]):
                    _raise(wanted, source, wanted[node.name])

    def _lift_concat(self, concat: str, wanted: dict[str, RowKind]) -> None:
        """A concat and its pieces share a buffer: the strongest need of any is that of all."""
        pieces = self.targets.pieces[concat]
        kinds = [wanted[p] for p in pieces if p in wanted]
        strongest: RowKind = max([*kinds, "part"], key=lambda kind: ORDER[kind])
        for piece in pieces:
            if piece in self.position:
                wanted[piece] = strongest

    def _place(self, name: str, wanted: dict[str, RowKind]) -> None:
        """A value's own buffer, unless it is stored for others or is a piece of a concat."""
        node = self.graph.nodes[name]
        if name in self.places or node.op in ("add_at", "rowsum", *ROW_SUMS):
            return
        stores = self.targets.stores.get(name, [])
        if stores and wanted.get(name) == "row" and all(s.rows != "row" for s in stores):
            stores.insert(0, self.own_buffer(node, "row"))
        if stores:
            self.places[name] = widest(stores)
        elif name in self.targets.slots or name not in wanted:
            return
        else:
            self.places[name] = self.own_buffer(node, wanted[name])

    def own_buffer(self, node: Node, kind: RowKind) -> Place:
        array = self.fixed if REGIONS[self.position[node.name][0]] == "once_before" else self.work
        return self.arrays.buffer(array, kind, node.type.shape, self.graph.title(node.name))

    def _place_concat(self, concat: str, pieces: list[str], wanted: dict[str, RowKind]) -> None:
        node = self.graph.nodes[concat]
        if concat in self.targets.wholes:
            self.places[concat] = self.targets.wholes[concat]
        elif concat not in self.places:
            first = next(p for p in pieces if p in self.position)
            kind = "once" if node.type.rows == Rows.ONCE else wanted.get(first, "part")
            array = self.fixed if REGIONS[self.position[first][0]] == "once_before" else self.work
            self.places[concat] = self.arrays.buffer(
                array, kind, node.type.shape, self.graph.title(node.name)
            )
        whole = self.places[concat]
        for index, name in enumerate(pieces):
            place = slot_place(self.graph, node, pieces, index, whole)
            self.targets.stores[name].insert(0, place)
            self.places[name] = place


def _raise(wanted: dict[str, RowKind], value: str, kind: RowKind) -> None:
    held = wanted.get(value)
    if held is None or ORDER[kind] > ORDER[held]:
        wanted[value] = kind


def located(planner: Planner, value: str) -> Place:
    """Where a value lies, through its views.  The root must be in memory."""
    root = planner.graph.root(value)
    return planner.graph.view(value, planner.places[root])
