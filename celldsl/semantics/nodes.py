"""Nodes that a walk makes.  In: operations, leaves, draws.  Out: builders full of nodes.

op("add", "%3", "h")        a node of the step, or of an initial value inside `initial_values`
leaf("param", "W", …)       a value from outside
complex_leaf("state", …)    a complex one, which `pairs.py` takes apart
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from celldsl.diagnostics.span import Span
from celldsl.ir.attributes import SHAPE, Attributes
from celldsl.ir.builder import Builder
from celldsl.ir.gradients import gradients
from celldsl.ir.notes import Complex, Composite, Notes
from celldsl.ir.program import Leaf, Node, Origin, Rows, Type
from celldsl.ir.size import Shape
from celldsl.semantics.pair_functions import lowered
from celldsl.semantics.pairs import Pair, filled, joined, parts_of, stored
from celldsl.structs import entity, field
from celldsl.syntax.ast import InputKind

# Parts that are no more than numbers stand for themselves, since others read them too.
CONSTANTS = frozenset({"number", "size", "broadcast"})


@entity
class Nodes:
    """`builder` makes the step, `initial` the initial values of parameters.

    `from_state` are the values that a state has gone into.  `pairs` has the parts of complex
    values, `arrays` the leaves that keep those of a complex one, each by the name that stands for
    the value.
    """

    # By keyword alone: what a Context is given comes first.
    builder: Builder = field(default_factory=Builder, kw_only=True)
    initial: Builder = field(default_factory=lambda: Builder(prefix="$"), kw_only=True)
    computing_initial: bool = field(default=False, kw_only=True)
    leaves: dict[str, Leaf] = field(default_factory=dict, kw_only=True)
    from_state: set[str] = field(default_factory=set, kw_only=True)
    draws: int = field(default=0, kw_only=True)
    notes: Notes = field(default_factory=Notes, kw_only=True)
    pairs: dict[str, Pair] = field(default_factory=dict, kw_only=True)
    arrays: dict[str, str] = field(default_factory=dict, kw_only=True)
    made: dict[tuple[object, ...], str] = field(default_factory=dict, kw_only=True)

    @property
    def present(self) -> Builder:
        """What is being built."""
        return self.initial if self.computing_initial else self.builder

    def op(self, name: str, *args: str | float, **attributes: Any) -> str:
        """Append what an operation takes, and return the name of its value.

        Of complex values it is several nodes.  Raises NotComplex for one of real numbers alone.
        """
        if not any(self.is_complex(a) for a in args if isinstance(a, str)):
            return self.plain(name, *args, **attributes)
        operands = [a if isinstance(a, str) else self.plain("number", value=a) for a in args]
        pairs = [self.pair(a) for a in operands]
        known = len(self.builder.nodes)
        found = lowered(self, name, pairs, attributes)
        if isinstance(found, str):
            return self.composed(found, name, *operands, **attributes)
        value = self.complex(found, name, *operands, **attributes)
        made = self.builder.nodes[known:]
        self._note_parts(value, {node.name for node in made if node.op not in CONSTANTS})
        return value

    def plain(self, name: str, *args: str | float, **attributes: Any) -> str:
        """Append a node of real values to what is being built and return its name."""
        value = self.present.op(name, *args, **attributes)
        self._placed(value, [a for a in args if isinstance(a, str)])
        return value

    def _placed(self, value: str, args: Iterable[str]) -> None:
        if not self.from_state.isdisjoint(args):
            self.from_state.add(value)
        if not self.computing_initial:
            self.notes.origins.setdefault(value, self.notes.origin)

    def own(self, value: str) -> str:
        """The value as a node of its own: others that are equal are then other values."""
        if self.is_complex(value):
            return self._own_complex(value)
        copy = self.builder.copy(value)
        self._placed(copy, [value])
        return copy

    def _own_complex(self, value: str) -> str:
        """Both parts are there then, also one that is 0."""
        shape, pair = self.shape(value), self.pair(value)
        parts = [self.own(filled(self, part, shape)) for part in (pair.real, pair.imag)]
        made = self.notes.complex.values.get(value)
        if made is None:
            return self.complex(Pair(*parts), "reshape", value, shape=shape)
        node = made.node
        return self.complex(Pair(*parts), node.op, *node.args, **dict(node.attributes))

    def gradients(self, loss: str, wrt: Sequence[str]) -> list[str | None]:
        """As those of `celldsl.ir.gradients`: each is a node of its own, called `grad`.

        That of a complex value has the gradients of its two parts.
        """
        begin = len(self.builder.nodes)
        real = [name for value in wrt for name in self.varied(value)]
        found = dict(zip(real, gradients(self.builder, loss, real), strict=True))
        for node in self.builder.nodes[begin:]:
            self._placed(node.name, node.args)
        return [
            self._gradient(loss, value, [found[n] for n in self.varied(value)]) for value in wrt
        ]

    def varied(self, value: str) -> tuple[str, ...]:
        """The nodes that change where a value does: its own, its array's, or those of its parts."""
        return (self.arrays[value],) if value in self.arrays else self.parts(value)

    def _gradient(self, loss: str, value: str, found: Sequence[str | None]) -> str | None:
        if not any(found):
            return None
        kept = [None if part is None else self.own(part) for part in found]
        if value in self.arrays:
            assert kept[0] is not None
            pair = parts_of(self, kept[0])
            gradient = self.complex(pair, "grad", loss, value)
            self._note_parts(gradient, set(pair.parts))
            return gradient
        if value in self.pairs:
            return self.complex(Pair(*kept), "grad", loss, value)
        assert kept[0] is not None
        self.notes.composites[kept[0]] = Composite("grad", (loss, value))
        return kept[0]

    def composed(self, value: str, function: str, *args: str, **attributes: object) -> str:
        """Note that a value is what a function of the language gives, and return it."""
        if not self.computing_initial:
            made = Composite(function, args, tuple(attributes.items()))
            self.notes.composites.setdefault(value, made)
        return value

    def type(self, value: str) -> Type:
        return self.present.types[value]

    def shape(self, value: str) -> Shape:
        return self.type(value).shape

    def leaf(
        self, kind: str, name: str, shape: Shape, rows: Rows, holds: InputKind = "real"
    ) -> str:
        """A value from outside; the same name in what is computed and in initial values."""
        leaf = Leaf(kind, name, Type(shape, rows, holds == "bool", holds == "int"))
        self.leaves[name] = leaf
        self.builder.types[name] = leaf.type
        if kind in ("param", "const", "hyper"):
            self.initial.types[name] = leaf.type
        if kind == "state":
            self.from_state.add(name)
        return name

    def draw(self, initialiser: str, args: tuple[str, ...], **attributes: object) -> str:
        """A node of an initialiser among the initial values."""
        told = Attributes.of({**attributes, "initialiser": initialiser})
        name = f"$d{self.draws}"
        self.draws += 1
        kind = Type(told[SHAPE], Rows.ONCE)
        node = Node(name, "draw", args, kind, told)
        self.initial.nodes.append(node)
        self.initial.types[name] = kind
        return name

    # ------------------------------------------------------------ complex values

    def is_complex(self, value: str) -> bool:
        return value in self.pairs or value in self.arrays

    def pair(self, value: str) -> Pair:
        """The parts of a value."""
        if value in self.arrays:
            pair = parts_of(self, self.arrays[value])
            self._note_parts(value, set(pair.parts))
            return pair
        return self.pairs.get(value) or Pair(value)

    def parts(self, value: str) -> tuple[str, ...]:
        """The real values that a value is made of: itself, or its parts."""
        return self.pair(value).parts

    def complex(self, pair: Pair, op: str, *args: str, **attributes: object) -> str:
        """The name of a complex value; `op` and what follows say how it was made, for notes."""
        key = (self.computing_initial, pair, op, args, Attributes.of(attributes))
        known = self.made.get(key)
        if known is not None:
            return known
        name = self.made[key] = f"~{len(self.made)}"
        self.pairs[name] = pair
        types = [self.type(part) for part in self.parts(name)]
        rows = max((self.type(a).rows for a in args), default=Rows.ONCE)
        kind = self.present.types[name] = Type(types[0].shape, rows)
        if any(a in self.from_state for a in args):
            self.from_state.add(name)
        if not self.computing_initial:
            node = Node(name, op, args, kind, Attributes.of(attributes))
            self.notes.complex.values[name] = Complex(node, pair.real, pair.imag)
            self.notes.origins.setdefault(name, self.notes.origin)
        return name

    def complex_leaf(self, kind: str, name: str, shape: Shape, rows: Rows) -> str:
        """A complex value from outside, where it is an array with its parts along the last axis."""
        array = self.leaf(kind, name, stored(shape), rows)
        value = f"{array}~"
        self.arrays[value] = array
        for builder in (self.builder, self.initial):
            if array in builder.types:
                builder.types[value] = Type(shape, rows)
        if array in self.from_state:
            self.from_state.add(value)
        self.notes.complex.leaves[value] = array
        return value

    def value_of(self, leaf: str) -> str:
        """The value that stands for a leaf: itself, or the complex one whose parts it keeps."""
        value = f"{leaf}~"
        return value if value in self.arrays else leaf

    def array(self, value: str) -> str:
        """The array that keeps a value outside: its own, or that of its two parts."""
        if value in self.arrays:
            return self.arrays[value]
        if value not in self.pairs:
            return value
        found = joined(self, self.pairs[value])
        if not self.computing_initial:
            self.notes.complex.arrays.setdefault(found, value)
        return found

    def _note_parts(self, value: str, made: set[str]) -> None:
        """Note what is a part of a value: one that was there before it stands for itself."""
        pair = self.pairs.get(value) or parts_of(self, self.arrays[value])
        for side, part in (("real", pair.real), ("imag", pair.imag)):
            if part in made and part is not None and not self.computing_initial:
                self.notes.complex.parts.setdefault(part, (side, value))

    @contextmanager
    def initial_values(self) -> Iterator[None]:
        """Inside, nodes go to the initial values of parameters."""
        before, self.computing_initial = self.computing_initial, True
        try:
            yield
        finally:
            self.computing_initial = before

    def origin(self, span: Span) -> None:
        line, _ = span.source.line_column(span.start)
        self.builder.origin = Origin(" ".join(span.text.split()), line)
