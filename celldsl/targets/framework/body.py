"""The body of one function.  In: nodes, and what is known already.  Out: lines of Python.

    # h' = u * h + (1 - u) * c
    h_next = u * h + (1.0 - u) * c

A value that one other value of its equation reads is written where it is read, as long as the line
stays short; every other one is assigned to a name.  Equations stand above their lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from celldsl.ir.program import Node, Origin, Rows, Type
from celldsl.ir.size import Size
from celldsl.structs import replace
from celldsl.targets.framework.dialect import Dialect
from celldsl.targets.framework.expression import expression
from celldsl.targets.framework.names import Names, base_name
from celldsl.targets.framework.text import ANY, Text, size_code

WIDTH = 84


class Body:
    """Writes nodes one after the other.

    texts    what values are called that exist before the function runs, by value
    titles   the user's own names for values
    needs    which of `texts` were read, in order; `dims` and `words` likewise
    """

    def __init__(
        self,
        dialect: Dialect,
        types: dict[str, Type],
        texts: Mapping[str, Text],
        names: Names,
        titles: Mapping[str, str],
        dims: Mapping[str, str],
        params: Iterable[str] = (),
    ) -> None:
        self.dialect, self.types, self.names, self.titles = dialect, types, names, titles
        self.given, self.dim_names, self.params = texts, dims, frozenset(params)
        self.lines: list[str] = []
        self.needs: dict[str, None] = {}
        self.dims: dict[str, None] = {}
        self.words: dict[str, None] = {}
        self._texts: dict[str, Text] = {}
        self._inline: dict[str, Node] = {}
        self._origin: Origin | None = None

    def size(self, size: Size) -> str:
        self.dims.update(dict.fromkeys(sorted(size.dims)))
        return size_code(size, self.dim_names)

    def like(self) -> str:
        return self.word(self.dialect.like)

    def word(self, name: str) -> str:
        """An argument that is no value: `lead`, `times`, what tells the dtype."""
        self.words[name] = None
        return name

    def read(self, value: str) -> Text:
        """The text of a value that was written, or is known."""
        if value in self._texts:
            return self._texts[value]
        self.needs[value] = None
        return self.given[value]

    def expression(self, node: Node, args: list[Text]) -> Text:
        return expression(node, args, self)

    def write(self, nodes: Sequence[Node], wanted: Iterable[str], loose: str = "") -> None:
        """The lines of nodes; what is `wanted` from outside has a name afterwards.

        `loose` is a value that may stay an expression, for the caller to read.
        """
        readers: dict[str, list[Node]] = {}
        for node in nodes:
            for arg in node.args:
                readers.setdefault(arg, []).append(node)
        outside = Counter(wanted)
        for node in nodes:
            text = self._composed(node)
            if node.type.rows == Rows.ONCE and text.shape == ():
                text = replace(text, shape=None)
            single = readers.get(node.name, [])
            nameless = text.number or text.code.isidentifier()
            inner = node.name not in self.titles and not outside[node.name]
            inner = inner and (
                (len(single) == 1 and single[0].origin == node.origin)
                or (node.name == loose and not single)
            )
            self._texts[node.name] = text
            if nameless and (text.number or node.name not in self.titles):
                continue
            self._inline[node.name] = node
            if not inner:
                self._assign(node)

    def inlined(self, value: str) -> Node | None:
        return self._inline.get(value)

    def _composed(self, node: Node) -> Text:
        """The expression of a node, with parts of it assigned where it becomes too long."""
        while True:
            args = [self.read(arg) for arg in node.args]
            text = self.expression(node, args)
            long = [arg for arg in node.args if arg in self._inline]
            if len(text.code) <= WIDTH or not long:
                return text
            self._assign(self._inline[max(long, key=lambda arg: len(self._texts[arg].code))])

    def _assign(self, node: Node) -> None:
        text = self._texts[node.name]
        title = self.titles.get(node.name) or base_name(node, self.params)
        name = self.names.of(node.name, title)
        self._say(node.origin)
        self.lines.append(f"{name} = {text.at(ANY)}")
        self._texts[node.name] = text.named(name)
        self._inline.pop(node.name, None)

    def _say(self, origin: Origin | None) -> None:
        """The equation as a comment, where another one stood above."""
        if origin is not None and origin != self._origin:
            self.lines += [f"# {line.strip()}" for line in origin.text.splitlines()]
        self._origin = origin
