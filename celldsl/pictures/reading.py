"""A Program as a reader follows it.  In: a Program and its notes.  Out: what reads what.

A composite (`softmax`) reads its arguments, not what it is made of; a value that is only stretched
to the shape of another is read as it was before.  Complex values, which a Program has as pairs of
real ones, are put together again as they were written (`as_written`):

    %4 = mul(lam_re, z_re), %5 = mul(lam_im, z_im), %6 = sub(%4, %5), …       the Program
    ~1 = mul(~0, z)                                                          what is shown

Leaves of complex numbers have the shape that was declared.  A real value that is a part of a
complex one is `real` or `imag` of it.  Nothing runs what is shown: operations such as `conj` are in
no table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from celldsl.ir.notes import Composite, Notes
from celldsl.ir.program import Leaf, Node, Program, Result, Rows, State, Type
from celldsl.ir.size import Shape, Size
from celldsl.pictures.notation import kind_of
from celldsl.structs import replace

ONE = Size.of(1)


class Reading:
    """`order` has the nodes that are read, each after what it reads."""

    def __init__(self, program: Program, notes: Notes) -> None:
        self.program, self.notes = program, notes = as_written(program, notes)
        self.nodes = {node.name: node for node in program.nodes()}
        self.types = program.types()
        self.named = {d.value for d in notes.definitions}
        reached = set(self._reached(self._wanted()))
        self.order = [name for name in self.nodes if name in reached]

    def _wanted(self) -> Iterator[str]:
        yield from (d.value for d in self.notes.definitions)
        yield from self.program.wanted()

    def _reached(self, values: Iterator[str] | Collection[str]) -> set[str]:
        seen: set[str] = set()
        pending = [v for v in values if v in self.nodes]
        while pending:
            name = pending.pop()
            if name not in seen:
                seen.add(name)
                pending += [a for a in self.inputs(name) if a in self.nodes]
        return seen

    def has(self, value: str) -> bool:
        return value in self.types

    def rows(self, value: str) -> Rows:
        return self.types[value].rows

    def under(self, value: str) -> Node | None:
        """The node below what only stretches it."""
        node = self.nodes.get(value)
        while node is not None and node.op == "broadcast":
            node = self.nodes.get(node.args[0])
        return node

    def inputs(self, name: str) -> tuple[str, ...]:
        """What a node reads, as it is shown."""
        made = self.notes.composites.get(name)
        if made is not None and all(self.has(arg) for arg in made.args):
            return made.args
        node = self.nodes[name]
        return tuple(self.broadcast_args(node))

    def varied(self) -> set[str]:
        """The values that something is differentiated with respect to."""
        made = self.notes.composites.values()
        return {each.args[1] for each in made if each.function == "grad"}

    def same(self, node: Node) -> bool:
        """Whether it gives a value one more name."""
        return node.op == "reshape" and self.types[node.args[0]].shape == node.type.shape

    def uses(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for name in self.order:
            for arg in self.inputs(name):
                found[arg] = found.get(arg, 0) + 1
        return found

    def below(self, value: str, known: Mapping[str, object]) -> list[str]:
        """The nodes that a value is made of down to those that are known, in their order."""
        seen: set[str] = set()
        pending = [value]
        while pending:
            name = pending.pop()
            if name in seen or name in known or name not in self.nodes:
                continue
            seen.add(name)
            pending += self.inputs(name)
        places = {name: k for k, name in enumerate(self.nodes)}
        return sorted(seen, key=places.__getitem__)

    def broadcast_args(self, node: Node) -> list[str]:
        """The arguments, unstretched where that of all of them together gives the same shape."""
        if not self._elementwise(node):
            return list(node.args)
        plain = [self._unstretched(arg) for arg in node.args]
        if _together([self.types[a].shape for a in plain]) == node.type.shape:
            return plain
        return [*plain[:-1], node.args[-1]]

    def _elementwise(self, node: Node) -> bool:
        return kind_of(node.op) == "elementwise"

    def _unstretched(self, value: str) -> str:
        while value not in self.named and value in self.nodes:
            node = self.nodes[value]
            if node.op != "broadcast" and not self._leads(node):
                break
            value = node.args[0]
        return value

    def _leads(self, node: Node) -> bool:
        """Whether a reshape adds axes of size 1 in front."""
        if node.op != "reshape":
            return False
        old, new = self.types[node.args[0]].shape, node.type.shape
        extra = len(new) - len(old)
        return extra > 0 and new[extra:] == old and all(s == ONE for s in new[:extra])

    def inserted(self, node: Node) -> int | None:
        """The place of the one axis of size 1 that a reshape adds."""
        old, new = self.types[node.args[0]].shape, node.type.shape
        places = [k for k in range(len(new)) if (*new[:k], *new[k + 1 :]) == old and new[k] == ONE]
        return places[0] if places else None

    def stacked(self, value: str, known: Mapping[str, object]) -> str | None:
        """What a reshape adds an axis in front of, where it has no name itself."""
        node = self.nodes.get(value)
        if node is None or value in known or node.op != "reshape" or self.inserted(node) != 0:
            return None
        return node.args[0]


def _together(shapes: list[Shape]) -> Shape | None:
    """NumPy's broadcasting."""
    rank = max(map(len, shapes), default=0)
    found = []
    for axis in range(1, rank + 1):
        sizes = {shape[-axis] for shape in shapes if len(shape) >= axis} - {ONE}
        if len(sizes) > 1:
            return None
        found.append(sizes.pop() if sizes else ONE)
    return tuple(reversed(found))


def as_written(program: Program, notes: Notes) -> tuple[Program, Notes]:
    found = notes.complex
    if not found.values and not found.leaves:
        return program, notes

    def named(value: str) -> str:
        """A complex leaf has the name of the array that keeps it."""
        whole = found.arrays.get(value, value)
        return found.leaves.get(whole, whole)

    composites = {
        value: Composite(made.function, tuple(map(named, made.args)), made.attributes)
        for value, made in notes.composites.items()
    }
    definitions = [replace(d, value=named(d.value)) for d in notes.definitions]
    states = tuple(
        State(s.name, None if s.start is None else named(s.start), named(s.next))
        for s in program.states
    )
    results = tuple(Result(r.kind, r.name, named(r.value)) for r in program.results)
    nodes = _nodes(program, notes, named)
    for value, made in composites.items():
        if value in nodes:  # what it is made of is not shown
            nodes[value] = replace(nodes[value], args=made.args)
    wanted = [d.value for d in definitions]
    wanted += [v for s in states for v in (s.start, s.next) if v is not None]
    wanted += [r.value for r in results]
    order = _ordered(nodes, composites, wanted)
    shown = replace(
        program,
        leaves=tuple(_leaf(leaf, found.leaves.values()) for leaf in program.leaves),
        before=tuple(node for node in order if node.type.rows < Rows.STEP),
        step=tuple(node for node in order if node.type.rows == Rows.STEP),
        states=states,
        results=results,
    )
    return shown, replace(notes, composites=composites, definitions=definitions)


def _leaf(leaf: Leaf, arrays: Iterable[str]) -> Leaf:
    if leaf.name not in arrays:
        return leaf
    return replace(leaf, type=Type(leaf.type.shape[:-1], leaf.type.rows))


def _nodes(program: Program, notes: Notes, named: Callable[[str], str]) -> dict[str, Node]:
    """All nodes by name: those of complex values, and those whose parts are read."""
    found = dict(notes.complex.unread)
    found.update((node.name, node) for node in program.nodes())
    for name, made in notes.complex.values.items():
        found[name] = replace(made.node, args=tuple(map(named, made.node.args)))
    for name, (side, value) in notes.complex.parts.items():
        if name in found:
            found[name] = replace(found[name], op=side, args=(named(value),), attributes=())
    return found


def _ordered(
    nodes: dict[str, Node], composites: dict[str, Composite], wanted: list[str]
) -> list[Node]:
    """The nodes that are shown, each after what it reads."""
    done: dict[str, Node] = {}
    pending = [(value, False) for value in reversed(wanted)]
    while pending:
        name, ready = pending.pop()
        if name in done or name not in nodes:
            continue
        if ready:
            done[name] = nodes[name]
            continue
        made = composites.get(name)
        args = nodes[name].args if made is None else made.args
        pending += [(name, True), *((arg, False) for arg in reversed(args))]
    return list(done.values())
