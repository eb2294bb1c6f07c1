"""What must be kept, and where.  In: a Graph and the places of results.  Out: stores by value.

A value that somebody outside reads (a result, a saved value, the next state, a piece of a concat)
is stored there by the nest that computes it.  Where no nest of ours computes the very value (a
leaf, a view, the result of a GEMM that already lies elsewhere) a `copy` node is added that does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from celldsl.ir.attributes import AXIS
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node, Rows
from celldsl.ir.size import Size
from celldsl.plan.graph import Graph
from celldsl.plan.places import Place, RowKind
from celldsl.structs import entity, field, replace

LOOPED = ("elementwise", "reduce", "source")
PRODUCTS = ("einsum", "rowsum")  # written to one place, where a nest writes to many
IN_LOOP: tuple[RowKind, ...] = ("saved", "state", "next")  # rows that the time loop alone knows
# For which rows a value must be made to be stored in a place of few rows; others have all.
ROWS_OF = {"once": Rows.ONCE, "part": Rows.ONCE, "batch": Rows.BATCH}


@entity
class Targets:
    """`stores` of each value; `homes` are places that values have already.

    Copies are nodes to be run, in a region each.
    """

    graph: Graph
    homes: Mapping[str, Place] = field(default_factory=dict)
    stores: dict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))
    wholes: dict[str, Place] = field(default_factory=dict)
    pieces: dict[str, list[str]] = field(default_factory=dict)
    slots: dict[str, tuple[str, int]] = field(default_factory=dict)
    copied: Counter[str] = field(default_factory=Counter)

    def want(self, value: str, place: Place) -> Node | None:
        """Keep `value` at `place`; a copy node where nothing stores the value itself."""
        in_time = self._in_time(value, place)
        if in_time and self._stored_by_its_nest(value) and value not in self.slots:
            self.stores[value].append(place)
            return None
        node = self.graph.nodes.get(value) if in_time else None
        if node is not None and node.op == "concat" and self._made_in_pieces(node):
            if value not in self.wholes:
                self.wholes[value] = place
                return None
        elif node is not None and node.op in ("einsum", "add_at") and self._written_once(value):
            self.stores[self._base(value)].append(place)
            return None
        copy = self.copy(value)
        self.stores[copy.name].append(place)
        return copy

    def _in_time(self, value: str, place: Place) -> bool:
        """Whether the value is made when the rows of the place are run.

        What is made for fewer rows is there before; what is made for every step, but not in it,
        would find room for one step alone.
        """
        rows = self.graph.types[value].rows
        if place.rows == "batch" and rows == Rows.STEP:
            return self._in_step(value)
        return rows >= ROWS_OF.get(place.rows, Rows.STEP)

    def _made_in_pieces(self, node: Node) -> bool:
        """Whether a concat is made of what we compute, not of parameters as they lie."""
        return node.type.rows == Rows.STEP or self.graph.region.get(node.name) == "after"

    def _base(self, value: str) -> str:
        """What a sum that GEMMs make begins with: it lies where the sum will be."""
        node = self.graph.nodes[value]
        while node.op == "add_at":
            node = self.graph.nodes[self.graph.root(node.args[0])]
        return node.name

    def _written_once(self, value: str) -> bool:
        """Whether a GEMM can write the value to the first place where it is wanted."""
        base = self._base(value)
        step = {node.name for node in self.graph.program.step}
        steps = value in step and base in step
        nested = self.graph.nodes[base].op == "einsum" or self._stored_by_its_nest(base)
        late = {node.name for node in self.graph.program.after}
        others = [u for u in self.graph.users[value] if u.op == "add_at" or u.name in late]
        return (steps or base == value) and nested and not self.stores.get(base) and not others

    def copy(self, value: str) -> Node:
        name = f"{value}@copy{self.copied[value]}"
        self.copied[value] += 1
        origin = self.graph.nodes[value].origin if value in self.graph.nodes else None
        node = Node(name, "copy", (value,), self.graph.types[value], origin=origin)
        self.graph.add(node)
        return node

    def _stored_by_its_nest(self, value: str) -> bool:
        node = self.graph.nodes.get(value)
        if node is None or self.graph.is_view(value) or self.graph.constant(value) is not None:
            return False
        return node.op == "copy" or OPS[node.op].kind in LOOPED

    def place_concat(self, node: Node, can_move: bool) -> list[Node]:
        """Give every argument its slot of the concat; copies for those that have another home."""
        copies = []
        names = []
        for index, arg in enumerate(node.args):
            free = can_move and arg not in self.slots and self._can_be_piece(arg, node)
            if not free or arg in names:
                copy = self.copy(arg)
                copies.append(copy)
                arg = copy.name
            self.slots[arg] = (node.name, index)
            names.append(arg)
        self.pieces[node.name] = names
        return copies

    def _can_be_piece(self, value: str, concat: Node) -> bool:
        """Whether the nest or GEMM that makes the value can write it straight into the concat."""
        node = self.graph.nodes.get(value)
        if node is None or self.graph.is_view(value) or self.graph.constant(value) is not None:
            return False
        if self.graph.types[value].rows != concat.type.rows or self._lies_elsewhere(value, concat):
            return False
        makes = node.op in PRODUCTS or OPS[node.op].kind in (*LOOPED, "scan")
        reshaped = any(user.op == "reshape" for user in self.graph.users[value])
        summed = any(user.op == "add_at" for user in self.graph.users[value])
        return makes and not reshaped and not summed and not self._cuts_lines(value, concat)

    def _cuts_lines(self, value: str, concat: Node) -> bool:
        """Whether a convolution makes or reads the value, and its lines would lie apart."""
        near = [self.graph.nodes[value], *self.graph.users[value]]
        near += [
            user for node in near if node.op == "window" for user in self.graph.users[node.name]
        ]
        forms = [form for node in near if (form := self.graph.convolution(node)) is not None]
        axis = concat[AXIS]
        return any(axis >= len(concat.type.shape) - len(form.pixels) for form in forms)

    def _lies_elsewhere(self, value: str, concat: Node) -> bool:
        """Whether the value has a place of its own, which it cannot have beside one in the concat.

        What is made outside the loop knows no rows of the tape.
        """
        product = self.graph.nodes[value].op in PRODUCTS
        if value in self.homes or (product and self.stores.get(value)):
            return True
        whole = self.wholes.get(concat.name)
        return whole is not None and whole.rows in IN_LOOP and not self._in_step(value)

    def _in_step(self, value: str) -> bool:
        return self.graph.region.get(value) == "step"


def slot_place(graph: Graph, concat: Node, pieces: list[str], index: int, whole: Place) -> Place:
    """Where the `index`-th piece lies in the place of its concat."""
    axis = concat[AXIS]
    start = Size.of(0)
    for name in pieces[:index]:
        start = start + graph.shape(name)[axis]
    return replace(whole, offset=whole.offset + start * whole.strides[axis], slot=index)


def widest(stores: list[Place]) -> Place:
    """The store that every region can read: one for all rows, if there is one."""
    return next((store for store in stores if store.rows == "row"), stores[0])
