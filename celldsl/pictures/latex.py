r"""Equations as papers print them.  In: a Program and its notes.  Out: LaTeX.

    print(latex_text(program, notes))
    \begin{aligned}
      c_{t} &= \tanh\left(x_{t} \, W^{(c)}_{x} + ...\right) \\
      h_{t} &= u_{t} \odot h_{t-1} + \left(1 - u_{t}\right) \odot c_{t}
    \end{aligned}

One equation for each name that the author gave, in the order of the file, with loops unrolled, the
branch of each `if` that is taken, and inner cells and functions written out.  Vectors are rows;
`\odot`, sums and comparisons broadcast as NumPy does; `x \, W` is NumPy's `x @ W`.  What several
equations share without a name is called s.  Every right side evaluates to what the cell computes,
which the tests do.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from celldsl.ir.attributes import AXIS, PER, PERM, SITE, SIZE, SPEC, START, STOP, VALUE
from celldsl.ir.notes import Composite, Definition, Notes
from celldsl.ir.program import Node, Program, Rows
from celldsl.ir.size import Shape, Size
from celldsl.pictures.folding import Equation, folded
from celldsl.pictures.notation import (
    ATOM,
    PRODUCT,
    Notation,
    function_notation,
    kind_of,
    notation_of,
    product_notation,
)
from celldsl.pictures.reading import Reading
from celldsl.pictures.symbols import Symbols, number_text, shape_tex, size_text

# What is used more than once and is longer than this gets a symbol, as does what is deep.
SHORT, DEEP = 4, 60
Text = tuple[str, int]


def latex_text(program: Program, notes: Notes) -> str:
    """All equations of a cell, aligned at their equals signs."""
    lines = folded(Typesetter(program, notes).equations())
    body = " \\\\\n".join(f"  {line}" for line in lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


class Typesetter:
    """Goes once over the definitions; a value has a symbol from its own equation on."""

    def __init__(self, program: Program, notes: Notes) -> None:
        self.reading = Reading(program, notes)
        self.program, self.notes = program, notes = self.reading.program, self.reading.notes
        self.symbols = Symbols()
        self.helpers = self._helpers()
        self.written: list[Equation] = []
        for leaf in program.leaves:
            self.symbols.leaf(leaf.name, leaf.kind, leaf.type.rows == Rows.STEP)

    def equations(self) -> list[Equation]:
        for _, group in groupby(self.notes.definitions, lambda d: d.equation):
            known = [d for d in group if self.reading.has(d.value)]
            if known:
                self._define(known)
        for state in self.program.states:
            if state.start is not None and not self._is_zero(state.start):
                self._prepare(state.start)
                name = self.symbols.of[state.name].replace("{t-1}", "{0}")
                taken = self.symbols.values.get(name, state.start) != state.start
                name = name.replace("{0}", "{t=0}") if taken else name
                right = self.text(state.start)[0]
                # A parameter `S0` that `S` begins with is written as S is before the first step.
                if name != right:
                    self.written.append(Equation((name,), (state.start,), right))
        return self.written

    def _is_zero(self, value: str) -> bool:
        node = self.reading.under(value)
        return node is not None and node.op == "number" and node[VALUE] == 0.0

    def _define(self, group: list[Definition]) -> None:
        values = [d.value for d in group]
        source = self._split(values)
        if source is None:
            for definition in group:
                self._define_one(definition)
            return
        self._prepare(source)
        right = self._split_text(source, values)
        left = tuple(self._name(definition) for definition in group)
        self.written.append(Equation(left, tuple(values), right, group[0].origin.loops))

    def _define_one(self, d: Definition) -> None:
        if d.value in self.symbols.of:
            if d.primed:
                old = self.symbols.of[d.value]
                self.written.append(Equation((self._name(d),), (d.value,), old, d.origin.loops))
            return
        self._prepare(d.value)
        right = self._raw(d.value)[0]
        self.written.append(Equation((self._name(d),), (d.value,), right, d.origin.loops))

    def _name(self, d: Definition) -> str:
        return self.symbols.defined(d.value, d, self.reading.rows(d.value) == Rows.STEP)

    def _prepare(self, value: str) -> None:
        """Equations for what the value shares with others, ahead of its own."""
        for name in self.reading.below(value, self.symbols.of):
            node = self.reading.nodes[name]
            if node.op == "mask":
                self.symbols.mask(name, node[SITE], node[PER])
            elif name in self.helpers and name != value:
                right = self._raw(name)[0]
                number = 1 + len(self.symbols.of.keys() & set(self.helpers))
                self.symbols.helper(name, number, self.reading.rows(name) == Rows.STEP)
                loops = self.notes.origins[name].loops
                self.written.append(Equation((self.symbols.of[name],), (name,), right, loops))

    def _helpers(self) -> list[str]:
        named = {d.value for d in self.notes.definitions}
        varied = self.reading.varied()
        uses = self.reading.uses()
        cost: dict[str, int] = {}
        found = []
        for name in self.reading.order:
            args = self.reading.inputs(name)
            cost[name] = 1 + sum(0 if a in named else cost.get(a, 0) for a in args)
            if name in named or self.reading.nodes[name].op in ("number", "size", "mask"):
                continue
            shared = uses.get(name, 0) > 1 and cost[name] > SHORT
            if shared or cost[name] > DEEP or name in varied:
                found.append(name)
                cost[name] = 0
        return found

    # ------------------------------------------------------------ expressions

    def text(self, value: str) -> Text:
        known = self.symbols.of.get(value)
        return (known, ATOM) if known is not None else self._raw(value)

    def _raw(self, value: str) -> Text:
        if value not in self.reading.nodes:
            return self.symbols.of[value], ATOM
        made = self.notes.composites.get(value)
        if made is not None:
            return self._composite(made)
        node = self.reading.nodes[value]
        writer = getattr(self, f"_{node.op}", None)
        if writer is not None:
            found: Text = writer(node)
            return found
        kind = kind_of(node.op)
        notation = notation_of(node.op, kind, len(node.args))
        if kind == "elementwise":
            return self._filled(notation, self.reading.broadcast_args(node))
        options = self._options(node.attributes, self._rank(node.args))
        return self._filled(notation, node.args, options, node.attributes)

    def _rank(self, args: tuple[str, ...]) -> int:
        return len(self.reading.types[args[0]].shape) if args else 0

    def _filled(
        self,
        notation: Notation,
        args: Iterable[str],
        options: str = "",
        attributes: Iterable[tuple[str, object]] = (),
    ) -> Text:
        inner = notation.inner or (0,) * len(tuple(args))
        texts = [self._within(arg, level) for arg, level in zip(args, inner, strict=True)]
        fields = {k: self._field(v) for k, v in attributes}
        text = notation.latex.format(*texts, **fields)
        if options and r"\left(" in text:
            head, rest = text.split(r"\left(", 1)
            text = rf"{head}_{{{options}}}\left({rest}"
        return text, notation.level

    def _field(self, value: object) -> str:
        return size_text(value)[0] if isinstance(value, Size) else str(value)

    def _within(self, value: str, level: int) -> str:
        text, own = self.text(value)
        return text if own >= level else rf"\left({text}\right)"

    def _options(self, attributes: Iterable[tuple[str, object]], rank: int) -> str:
        """Attributes below a function's name; the last axis goes without saying."""
        found = []
        for name, value in attributes:
            if name == "axis":
                if value != rank - 1:
                    found.append(rf"\mathrm{{axis}} = {value}")
            elif value is not False:
                found.append(self._option(value))
        return ", ".join(found)

    def _option(self, value: object) -> str:
        match value:
            case Size():
                return size_text(value)[0]
            case tuple() if all(isinstance(item, Size) for item in value):
                return shape_tex(value)
            case tuple():
                return f"[{', '.join(map(str, value))}]"
        return str(value)

    def _composite(self, made: Composite) -> Text:
        notation = notation_of(made.function, "elementwise", len(made.args))
        if made.function == "norm" and made.attributes[0][1] != self._rank(made.args) - 1:
            notation = function_notation("norm", 1)
        options = [self._options(made.attributes, self._rank(made.args))]
        args = made.args
        if len(notation.inner) < len(args):
            # Numbers that a norm keeps off 0 by.
            options = [*options, *(self.text(a)[0] for a in args[len(notation.inner) :])]
            args = args[: len(notation.inner)]
        return self._filled(notation, args, ", ".join(filter(None, options)))

    def _number(self, node: Node) -> Text:
        return number_text(node[VALUE])

    def _size(self, node: Node) -> Text:
        return size_text(node[SIZE])

    def _mul(self, node: Node) -> Text:
        notation = notation_of("mul", "elementwise", 2)
        args = self.reading.broadcast_args(node)
        text, level = self._filled(notation, args)
        if any(not self.reading.types[a].shape for a in args):
            texts = [self._within(a, k) for a, k in zip(args, notation.inner, strict=True)]
            text = r" \cdot ".join(texts)
        return text, level

    def _imaginary(self, node: Node) -> Text:
        """`i`, and `0.5 i`."""
        under = self.reading.under(node.args[0])
        if under is not None and under.op == "number" and under[VALUE] == 1.0:
            return r"\mathrm{i}", ATOM
        return self._filled(notation_of(node.op, "elementwise", 1), node.args)

    def _pair(self, node: Node) -> Text:
        """A real number among complex ones is written as it is."""
        return self.text(node.args[0])

    def _einsum(self, node: Node) -> Text:
        return self._filled(product_notation(node[SPEC]), node.args)

    def _broadcast(self, node: Node) -> Text:
        shape = shape_tex(node.type.shape)
        inner = self.reading.nodes.get(node.args[0])
        number = inner[VALUE] if inner is not None and inner.op == "number" else None
        if number in (0.0, 1.0):
            return rf"\mathbf{{{number:.0f}}}_{{{shape}}}", ATOM
        sign = r"\odot" if self.reading.types[node.args[0]].shape else r"\cdot"
        return rf"{self._within(node.args[0], PRODUCT)} {sign} \mathbf{{1}}_{{{shape}}}", PRODUCT

    def _slice(self, node: Node) -> Text:
        start, stop = node[START], node[STOP]
        return self._indexed(node, f"{size_text(start)[0]}:{size_text(stop)[0]}")

    def _indexed(self, node: Node, item: str) -> Text:
        axis = node[AXIS]
        items = ", ".join([*":" * axis, item])
        return rf"{{{self._within(node.args[0], ATOM)}}}_{{[{items}]}}", ATOM

    def _pick(self, node: Node) -> Text:
        source, index = (self.text(arg) for arg in node.args)
        inner = self._within(node.args[0], ATOM) if source[1] < ATOM else source[0]
        return rf"{{{inner}}}_{{[{index[0]}]}}", ATOM

    def _reshape(self, node: Node) -> Text:
        inner = self.reading.nodes.get(node.args[0])
        if inner is not None and inner.name not in self.symbols.of and _drops(node, inner):
            return self._indexed(inner, size_text(inner[START])[0])
        if self.reading.same(node):
            return self.text(node.args[0])
        axis = self.reading.inserted(node)
        below, name = shape_tex(node.type.shape), "reshape"
        if axis is not None:
            below, name = str(axis), "expand"
        inner_text = self.text(node.args[0])[0]
        return rf"\operatorname{{{name}}}_{{{below}}}\left({inner_text}\right)", ATOM

    def _transpose(self, node: Node) -> Text:
        if node[PERM] == (1, 0):
            return rf"{{{self._within(node.args[0], ATOM)}}}^{{\top}}", ATOM
        return self._filled(
            notation_of("transpose", "shape", 1), node.args, self._option(node[PERM])
        )

    def _concat(self, node: Node) -> Text:
        rank = len(node.type.shape)
        rows = [self.reading.stacked(arg, self.symbols.of) for arg in node.args]
        if node[AXIS] == 0 and all(rows):
            texts = [self.text(row)[0] for row in rows if row is not None]
            return rf"\operatorname{{stack}}\left({', '.join(texts)}\right)", ATOM
        texts = [self.text(arg)[0] for arg in node.args]
        options = self._options((("axis", node[AXIS]),), rank)
        below = f"_{{{options}}}" if options else ""
        return rf"\operatorname{{concat}}{below}\left({', '.join(texts)}\right)", ATOM

    # ------------------------------------------------------------ split

    def _split(self, values: list[str]) -> str | None:
        """What is split into `values`, where they are its parts from the first to the last."""
        nodes = [self.reading.nodes.get(v) for v in values]
        slices = [n for n in nodes if n is not None and n.op == "slice"]
        if len(slices) < 2 or len(slices) < len(values) or self.symbols.of.keys() & set(values):
            return None
        source, axis = slices[0].args[0], slices[0][AXIS]
        if any(n.args[0] != source or n[AXIS] != axis for n in slices):
            return None
        cuts = [Size.of(0), *(n[STOP] for n in slices)]
        whole = [n[START] for n in slices] == cuts[:-1]
        whole = whole and cuts[-1] == self.reading.types[source].shape[axis]
        return source if whole else None

    def _split_text(self, source: str, values: list[str]) -> str:
        axis = self.reading.nodes[values[0]][AXIS]
        shape = self.reading.types[source].shape
        sizes: Shape = tuple(self.reading.types[v].shape[axis] for v in values)
        parts = str(len(sizes)) if len(set(sizes)) == 1 else shape_tex(sizes)
        options = ", ".join(filter(None, [parts, self._options((("axis", axis),), len(shape))]))
        return rf"\operatorname{{split}}_{{{options}}}\left({self.text(source)[0]}\right)"


def _drops(node: Node, inner: Node) -> bool:
    """Whether a reshape drops the axis of which `inner` is one element."""
    if inner.op != "slice":
        return False
    axis = inner[AXIS]
    shape = inner.type.shape
    return shape[axis] == Size.of(1) and node.type.shape == (*shape[:axis], *shape[axis + 1 :])
