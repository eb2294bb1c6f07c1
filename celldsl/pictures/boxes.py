"""A Program as boxes.  In: a Program and its notes.  Out: a Graph of boxes, and which reads which.

    graph = graph_of(program, notes)
    graph.boxes[0]      Box("σ", "gate", reads=("x", "h"), gives=("%5",), …)

A box is what a reader would draw as one: an operation; a `linear` with all its products, sums and
its bias; an activation with the `linear` under it; a `split` with all its parts; a composite.
What depends on parameters alone stands in the boxes that read it, since nobody draws weights.
`covers` has the nodes that a box stands for, so that tests can compare a picture and its Program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from celldsl.ir.attributes import KIND, SIZE, SPEC, START, STOP, VALUE
from celldsl.ir.notes import Frame, Notes, Origin
from celldsl.ir.program import Node, Program, cotangent
from celldsl.ir.size import Size, shape_text
from celldsl.pictures.graph import Box, End, Graph
from celldsl.pictures.notation import Notation, kind_of, notation_of, product_notation
from celldsl.pictures.reading import Reading

CONSTANT = ("param", "const", "hyper")
BLOCKS = ("linear", "conv")
LONGEST = 16
# Where an argument goes in a glyph, as in `x²`; it stands between lines in some.
PLACE, CLOSED = re.compile("(?<![A-Za-z])x(?![A-Za-z])"), frozenset({"|x|", "‖x‖"})
OF_OUTPUT = cotangent("")
INFIX = ("add", "sub", "mul", "div", "mod", "lt", "le", "eq", "ne", "and", "or")
CHOICE = ("if", "then", "else")


def graph_of(program: Program, notes: Notes, names: Mapping[str, str] | None = None) -> Graph:
    """`names` are those of values, where notes say none, as of a backward Program."""
    return _Reader(program, notes, names or {}).graph()


class _Reader:
    def __init__(self, program: Program, notes: Notes, names: Mapping[str, str]) -> None:
        self.reading = Reading(program, notes)
        self.program, self.notes = program, notes = self.reading.program, self.reading.notes
        self.names = dict(names)
        for d in notes.definitions:
            if d.value in self.reading.nodes:
                self.names.setdefault(d.value, d.name + "′" * d.primed)
                self._name_source(d.value)
        self.leaves = {leaf.name: leaf.kind for leaf in program.leaves}
        self.constant = {n for n, kind in self.leaves.items() if kind in CONSTANT}
        self.uses = self.reading.uses()
        for value in program.wanted():
            self.uses[value] = self.uses.get(value, 0) + 1
        self.boxes: list[Box] = []
        self.maker: dict[str, Box] = {}
        # What is only given axes of size 1, or loses them, is drawn as it was.
        self.same: dict[str, str] = {}
        self.splits: dict[tuple[str, tuple[Frame, ...]], Box] = {}

    def _name_source(self, value: str) -> None:
        """What gets one more name is called by that, where it has none."""
        node = self.reading.nodes[value]
        if self.reading.same(node) and value not in self.notes.composites:
            source = node.args[0]
            if source in self.reading.nodes and source not in self.reading.named:
                self.names.setdefault(source, self.names[value])

    def graph(self) -> Graph:
        wanted = {s.next for s in self.program.states} | {r.value for r in self.program.results}
        for name in self.reading.order:
            args = tuple(self.same.get(a, a) for a in self.reading.inputs(name))
            node = self.reading.nodes[name]
            if node.op != "mask" and all(a in self.constant for a in args):
                self.constant.add(name)
                if name in wanted:
                    self._keep(Box(self._text(name), "source", (), (name,), self._frame(name)))
            elif name not in wanted and self._drawn_as_before(node):
                self.same[name] = args[0]
            else:
                self._box(node, args)
        of_pairs = {*self.notes.complex.values, *self.notes.complex.leaves.values()}
        shapes = {
            v: "complex " * (v in of_pairs) + shape_text(t.shape)
            for v, t in self.reading.types.items()
        }
        names = {v: n for v, n in self.names.items() if v not in self.leaves}
        for name, (start, stop) in self._cuts().items():
            one = stop - start == Size.of(1)
            names.setdefault(name, f"[{start}]" if one else f"[{start}:{stop}]")
        states = tuple((s.name, s.next) for s in self.program.states)
        comes, goes = tuple(self._comes(wanted)), self._goes()
        return Graph(self.program.name, tuple(self.boxes), comes, goes, states, names, shapes)

    def _comes(self, wanted: set[str]) -> Iterator[End]:
        read = {v for box in self.boxes for v in box.reads} | wanted
        for leaf in self.program.leaves:
            label = self.names.get(leaf.name, leaf.name).removesuffix("@in")
            if self.program.reverse and leaf.kind == "state":
                label = f"d {label}"
            elif label.startswith(OF_OUTPUT):
                label = f"d {label.removeprefix(OF_OUTPUT)} (output)"
            if leaf.kind in CONSTANT:
                if leaf.name in wanted:
                    yield End(leaf.name, label, "source")
            elif leaf.name in read or leaf.kind == "state":
                yield End(leaf.name, label, leaf.kind)

    def _goes(self) -> tuple[End, ...]:
        carried = {s.next: s.name for s in self.program.states}
        told = "d {}" if self.program.reverse else "{}′"
        states = [End(s.next, told.format(s.name), "state") for s in self.program.states]
        told = "d {}" if self.program.reverse else "{}"
        results = [
            End(r.value, told.format(r.name), r.kind)
            for r in self.program.results
            if not (r.kind == "output" and carried.get(r.value) == r.name)
        ]
        shown = {r.name for r in self.program.results if r.kind == "output"}
        marked = [
            End(e.value, e.label, "both") if e.label[:-1] in shown and e.label[:-1] not in
            {r.label for r in results} else e
            for e in states
        ]  # fmt: skip
        return (*marked, *results)

    def _drawn_as_before(self, node: Node) -> bool:
        """Whether a reshape adds or drops axes of size 1, or only gives one more name."""
        if node.op != "reshape" or node.name in self.notes.composites:
            return False
        if node.name in self.names:
            return self.reading.same(node)
        one = Size.of(1)
        old, new = self.reading.types[node.args[0]].shape, node.type.shape
        return [s for s in old if s != one] == [s for s in new if s != one]

    # ------------------------------------------------------------ boxes

    def _keep(self, box: Box) -> None:
        box.reads = tuple(dict.fromkeys(box.reads))
        box.covers |= set(box.gives)
        self.boxes.append(box)
        for value in box.gives:
            self.maker[value] = box

    def _frame(self, name: str) -> tuple[Frame, ...]:
        return self.notes.origins.get(name, Origin()).frames

    def _box(self, node: Node, args: tuple[str, ...]) -> None:
        moving = tuple(a for a in args if a not in self.constant)
        if node.op == "slice" and node.name not in self.notes.composites:
            self._slice(node, moving)
        elif self._linear(node, args, moving) or self._gate(node, moving):
            return
        else:
            self._operation(node, args, moving)

    def _operation(self, node: Node, args: tuple[str, ...], moving: tuple[str, ...]) -> None:
        """A box of its own."""
        label, notation = self._label(node, args)
        words: tuple[str, ...] = ()
        if node.op == "where" and node.name not in self.notes.composites:
            label, words = self._choice(args)
        box = Box(label, notation.kind, moving, (node.name,), self._frame(node.name))
        box.ordered, box.words = not notation.symmetric, words
        self._keep(box)

    def _cuts(self) -> dict[str, tuple[Size, Size]]:
        """Where slices without names begin and end."""
        found: dict[str, tuple[Size, Size]] = {}
        for box in self.splits.values():
            for value in box.gives:
                node = self.reading.nodes[value]
                found[value] = node[START], node[STOP]
        return found

    def _slice(self, node: Node, moving: tuple[str, ...]) -> None:
        key = (moving[0], self._frame(node.name))
        box = self.splits.get(key)
        if box is None:
            box = Box("split", "move", moving, (node.name,), key[1])
            self.splits[key] = box
            self._keep(box)
        else:
            box.gives = (*box.gives, node.name)
            box.covers.add(node.name)
            self.maker[node.name] = box

    def _linear(self, node: Node, args: tuple[str, ...], moving: tuple[str, ...]) -> bool:
        """Products with weights, and sums of them with each other and with biases."""
        made = self.notes.composites.get(node.name)
        product = node.op == "einsum" and len(moving) == 1 and len(args) == 2
        if made is not None and made.function != "conv":
            return False
        if product:
            label = "conv" if made is not None else "linear"
            weight = next(a for a in args if a in self.constant)
            box = Box(label, "product", moving, (node.name,), self._frame(node.name))
            box.note = self._text(weight).rpartition(".")[2]
            self._keep(box)
            return True
        if node.op != "add":
            return False
        parts = [self._absorbable(a, node.name) for a in args]
        rest = [a for a, p in zip(args, parts, strict=True) if p is None and a not in self.constant]
        known = [p for p in parts if p is not None]
        if rest or not known:
            return False
        box = Box(known[0].label, "product", tuple(v for p in known for v in p.reads),
                  (node.name,), known[0].frame)  # fmt: skip
        box.note = ", ".join(p.note for p in known)
        self._replace(known, box)
        return True

    def _gate(self, node: Node, moving: tuple[str, ...]) -> bool:
        """A function of one number over a `linear` is drawn as one."""
        if kind_of(node.op) != "elementwise" or len(moving) != 1:
            return False
        label, notation = self._label(node, self.reading.inputs(node.name))
        under = self._absorbable(moving[0], node.name) if notation.kind == "gate" else None
        if under is None:
            return False
        box = Box(label, "gate", under.reads, (node.name,), under.frame, under.label)
        self._replace([under], box)
        return True

    def _absorbable(self, value: str, reader: str) -> Box | None:
        box = self.maker.get(value)
        if box is None or box.label not in BLOCKS or value in self.names or self.uses[value] != 1:
            return None
        return box if box.frame == self._frame(reader) else None

    def _replace(self, old: list[Box], new: Box) -> None:
        for box in old:
            new.covers |= box.covers
            self.boxes.remove(box)
        self._keep(new)

    # ------------------------------------------------------------ words

    def _label(self, node: Node, args: tuple[str, ...]) -> tuple[str, Notation]:
        made = self.notes.composites.get(node.name)
        if made is not None:
            found = notation_of(made.function, "elementwise", len(args))
            return found.glyph, found
        if node.op == "einsum":
            found = product_notation(node[SPEC])
            return found.glyph, found
        if node.op == "mask":
            return node[KIND], Notation("", "", kind="random")
        found = notation_of(node.op, kind_of(node.op), len(args))
        fixed = [a for a in args if a in self.constant]
        if kind_of(node.op) != "elementwise" or not fixed:
            return found.glyph, found
        if len(args) == 2:
            text = self._text(fixed[0])
            return f"{text} {found.glyph}" if args[0] in fixed else f"{found.glyph} {text}", found
        texts = (self._text(a) if a in self.constant else "·" for a in args)
        return f"{found.glyph}({', '.join(texts)})", found

    def _choice(self, args: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """What a box says that chooses: the label, and a word for each value that it reads."""
        parts: dict[str, str] = {}
        for word, value in zip(CHOICE, args, strict=True):
            if value not in self.constant:
                parts[value] = f"{parts[value]}, {word}" if value in parts else word
        alone = len(parts) == 1
        shown = (
            f"{word} {self._text(value) if value in self.constant else '·'}"
            for word, value in zip(CHOICE, args, strict=True)
            if alone or value in self.constant
        )
        return " ".join(shown), () if alone else tuple(parts.values())

    def _text(self, value: str) -> str:
        """What depends on parameters alone, in few letters."""
        node = self.reading.under(value)
        if value in self.names:
            return self.names[value]
        if node is None:
            leaf = value if value not in self.reading.nodes else self.reading.nodes[value].args[0]
            while leaf in self.reading.nodes:
                leaf = self.reading.nodes[leaf].args[0]
            return leaf if len(leaf) <= LONGEST else leaf.rpartition(".")[2]
        if node.op == "number":
            return f"{node[VALUE]:g}".replace("inf", "∞")
        if node.op == "size":
            size = node[SIZE]
            return str(size)
        if node.op in ("reshape", "pair", "slice") and len(node.args) == 1:
            return self._text(node.args[0])
        if node.op == "imaginary":
            number = self._text(node.args[0])
            return "i" if number == "1" else f"{number}i"
        glyph = notation_of(node.op, kind_of(node.op), len(node.args)).glyph
        inner = [self._text(a) for a in self.reading.inputs(node.name)]
        if node.op == "transpose":
            text = f"{inner[0]}ᵀ"
        elif node.op == "conj":
            text = f"conj({_bare(inner[0])})"
        elif node.op == "neg":
            text = f"−{inner[0]}"
        elif node.op in INFIX:
            text = f"({inner[0]}{glyph}{inner[1]})"
        elif len(inner) == 1 and PLACE.search(glyph):
            text = PLACE.sub(_bare(inner[0]) if glyph in CLOSED else inner[0], glyph)
        else:
            text = _called(glyph, inner)
        return text if len(text) <= LONGEST else "…"


def _called(glyph: str, inner: list[str]) -> str:
    """`clip(beta, 0, 1)`; where that is long, numbers are left out."""
    words = list(map(_bare, inner))
    text = f"{glyph}({', '.join(words)})" if words else glyph
    return text if len(text) <= LONGEST or len(words) < 2 else f"{glyph}({words[0]}, …)"


def _bare(text: str) -> str:
    """Without the brackets of a sum or product: another pair stands around it."""
    whole = text.startswith("(") and text.endswith(")") and ")" not in text[:-1]
    return text[1:-1] if whole else text
