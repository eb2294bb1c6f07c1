"""Building programs.  In: names of operations and values.  Out: typed nodes in order.

    b = Builder(leaves)
    s = b.op("add", "x", b.op("einsum", "h", "U", spec="i,ij->j"))
    b.nodes[-1].type                      # the table of ops has inferred it

Elementwise operations take arguments of one shape; a number or a `[]` value beside a larger one
is broadcast here, so that passes and back ends never meet implicit broadcasting.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from celldsl.ir.attributes import Attributes
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Leaf, Node, Origin, Type
from celldsl.ir.size import Shape, Size
from celldsl.structs import replace


class Builder:
    """Appends nodes; equal nodes are built once.

    `prefix` keeps two builders' names apart; `taken` are names of nodes that are still to come.
    """

    def __init__(
        self, known: Iterable[Leaf | Node] = (), prefix: str = "%", taken: Iterable[str] = ()
    ) -> None:
        self.types: dict[str, Type] = {value.name: value.type for value in known}
        self.nodes: list[Node] = []
        self.defined: dict[str, Node] = {}
        self.origin: Origin | None = None
        self._prefix = prefix
        self._built: dict[tuple[object, ...], str] = {}
        self._taken = frozenset(taken)
        self._next = 0

    def op(self, name: str, *args: str | float, **attributes: Any) -> str:
        """Append `name(args…)` and return the name of its value.  Raises TypeMismatch."""
        entry = OPS[name]
        values = [a if isinstance(a, str) else self.number(a) for a in args]
        if entry.kind == "elementwise":
            values = self._same_shape(values)
        told = Attributes.of(attributes)
        key = (name, tuple(values), told.exact)
        if key not in self._built:
            inferred = entry.type_of([self.types[v] for v in values], told)
            self._built[key] = self._append(name, tuple(values), inferred, told)
        return self._built[key]

    def label(self, value: str, label: str) -> None:
        """The user's name for a value that was built; the first one stays."""
        node = self.defined.get(value)
        if node is None or node.label:
            return
        # It is among the last.
        place = next(i for i in range(len(self.nodes) - 1, -1, -1) if self.nodes[i] is node)
        self.nodes[place] = self.defined[value] = replace(node, label=label)

    def keep(self, node: Node) -> None:
        """Append a node as it is, under its own name."""
        self._built.setdefault((node.op, node.args, node.attributes.exact), node.name)
        self._add(node)

    def copy(self, value: str) -> str:
        """The same value as a node of its own, which nothing else is."""
        kind = self.types[value]
        return self._append("reshape", (value,), kind, Attributes.of({"shape": kind.shape}))

    def discard(self, begin: int, wanted: Iterable[str]) -> None:
        """Take back the nodes from place `begin` on that nobody needs for `wanted` values."""
        needed, late = set(wanted), self.nodes[begin:]
        for node in reversed(late):
            if node.name in needed:
                needed.update(node.args)
        dropped = {node.name for node in late} - needed
        self.nodes[begin:] = [node for node in late if node.name in needed]
        self._built = {key: name for key, name in self._built.items() if name not in dropped}
        for name in dropped:
            del self.types[name], self.defined[name]

    def number(self, value: float) -> str:
        """A scalar constant."""
        return self.op("number", value=float(value))

    def broadcast(self, value: str, shape: Shape) -> str:
        """`value` stretched to `shape`: from `[]`, or along axes of size 1."""
        if self.types[value].shape == shape:
            return value
        return self.op("broadcast", value, shape=shape)

    def shape(self, value: str) -> Shape:
        return self.types[value].shape

    def _same_shape(self, values: list[str]) -> list[str]:
        shapes = [self.types[v].shape for v in values]
        if all(shape == shapes[0] for shape in shapes):
            return values
        rank = max(map(len, shapes), default=0)
        full = [shape for shape in shapes if len(shape) == rank]
        one = Size.of(1)
        axes = zip(*full, strict=True)
        target = tuple(next((s for s in sizes if s != one), one) for sizes in axes)
        return [self.broadcast(v, target) for v in values]

    def _append(self, op: str, args: tuple[str, ...], kind: Type, told: Attributes) -> str:
        name = f"{self._prefix}{self._next}"
        while name in self.types or name in self._taken:
            self._next += 1
            name = f"{self._prefix}{self._next}"
        self._next += 1
        self._add(Node(name, op, args, kind, told, self.origin))
        return name

    def _add(self, node: Node) -> None:
        self.nodes.append(node)
        self.defined[node.name] = node
        self.types[node.name] = node.type
