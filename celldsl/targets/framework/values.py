"""What the values of a Program are called.  In: a forward Program, a dialect.  Out: `Values`.

Parameters and constants are items of mappings, everything else has a name that holds in all
functions of a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from celldsl.ir.attributes import SITE
from celldsl.ir.program import Node, Program, Rows, Type
from celldsl.ir.spec import CellSpec
from celldsl.structs import entity, record
from celldsl.targets.framework.body import Body
from celldsl.targets.framework.dialect import Dialect
from celldsl.targets.framework.names import Names, Nest, base_name, equation_names, nest_of
from celldsl.targets.framework.text import ALWAYS, ATOM, NEVER, ONE, PERHAPS, Text

OWNERS = {"param": "params", "const": "constants"}
NUMBERS = ("number", "size")
OF_NUMBERS = ("add", "sub", "mul", "div", "neg", "broadcast", "reshape")
VIEWS = ("broadcast", "reshape")


@record
class Mask:
    """A mask and its name; `timed` says whether there is one for each step."""

    node: Node
    name: str

    @property
    def timed(self) -> bool:
        return self.node.type.rows == Rows.STEP


@entity
class Values:
    """`texts` are what values are called outside of the function that makes them.

    repeated  nodes that cost nothing, written in each function that reads them: numbers of Python,
              and parameters in another shape
    titles    the user's own names of values
    told      dims that no array tells, so that `settings` have them; found as functions are written
    """

    program: Program
    spec: CellSpec
    dialect: Dialect
    names: Names
    nest: Nest
    dims: dict[str, str]
    types: dict[str, Type]
    texts: dict[str, Text]
    titles: dict[str, str]
    repeated: list[Node]
    masks: tuple[Mask, ...]
    told: dict[str, None]

    def names_of(self, leaves: Iterable[str]) -> tuple[str, ...]:
        """The names of inputs or states."""
        return tuple(self.texts[name].code for name in leaves)

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.names_of(each.name for each in self.spec.inputs)

    @property
    def states(self) -> tuple[str, ...]:
        return self.names_of(each.name for each in self.program.states)

    def hypers(self, read: set[str]) -> list[str]:
        """The hyperparameters among the values that are read."""
        return [x.name for x in self.program.leaves if x.kind == "hyper" and x.name in read]

    def body(
        self, nodes: Sequence[Node] = (), wanted: Iterable[str] = (), *, settings: bool
    ) -> Body:
        """The lines of nodes; `settings` says that hyperparameters are read from there first."""
        wanted = list(wanted)
        read = {arg for node in nodes for arg in node.args} | set(wanted)
        params = [leaf.name for leaf in self.program.leaves if leaf.kind == "param"]
        body = Body(
            self.dialect, self.types, self.texts, self.names, self.titles, self.dims, params
        )
        if settings:
            for name in self.hypers(read):
                code = self.dialect.setting.format(f'settings["{name}"]', like=body.like())
                body.lines.append(f"{self.texts[name].code} = {code}")
        body.write([*needed(self.repeated, read), *nodes], wanted)
        return body


def needed(nodes: Sequence[Node], wanted: set[str]) -> list[Node]:
    """The nodes among `nodes` that `wanted` are or need, in order."""
    names, found = set(wanted), []
    for node in reversed(nodes):
        if node.name in names:
            found.append(node)
            names.update(node.args)
    return found[::-1]


def values_of(program: Program, spec: CellSpec, dialect: Dialect, names: Names) -> Values:
    nest = nest_of("State", [state.name for state in program.states], names)
    dims = {dim: names.free(dim) for dim in program.dims}
    texts = _leaf_texts(program, names)
    titles = _titles(program, names)
    masks = _masks(program, names)
    for mask in masks:
        shape = (ONE,) * len(mask.node.type.shape)
        texts[mask.node.name] = Text(mask.name, ATOM, shape, PERHAPS)
    return Values(
        program, spec, dialect, names, nest, dims, program.types(), texts, titles,
        _repeated(program), masks, {},
    )  # fmt: skip


def _leaf_texts(program: Program, names: Names) -> dict[str, Text]:
    found = {}
    for leaf in program.leaves:
        shape = leaf.type.shape
        if leaf.kind in OWNERS:
            code = f'{OWNERS[leaf.kind]}["{leaf.name}"]'
        else:
            code = names.of(leaf.name, leaf.name)
        leads = ALWAYS if leaf.kind in ("input", "state") else NEVER
        found[leaf.name] = Text(code, ATOM, shape or (None if leads == NEVER else ()), leads)
    return found


def _titles(program: Program, names: Names) -> dict[str, str]:
    """The user's names; next states of inner cells are called after the state."""
    leaves = {leaf.name for leaf in program.leaves}
    titles = {v: t for v, t in equation_names(program).items() if v not in leaves}
    for state in program.states:
        if "." in state.name and state.next in titles:
            titles[state.next] = f"{names.of(state.name)}_next"
    for value, title in titles.items():
        names.of(value, title)
    return titles


def _repeated(program: Program) -> list[Node]:
    numbers: set[str] = set()
    views = {leaf.name for leaf in program.leaves if leaf.kind in OWNERS}
    found = []
    for node in program.nodes():
        known = bool(node.args) and numbers.issuperset(node.args)
        if node.op in NUMBERS or (known and node.op in OF_NUMBERS):
            numbers.add(node.name)
        elif node.op in VIEWS and node.args[0] in views:
            views.add(node.name)
        else:
            continue
        found.append(node)
    return found


def _masks(program: Program, names: Names) -> tuple[Mask, ...]:
    nodes = [node for node in program.nodes() if node.op == "mask"]
    nodes.sort(key=lambda node: node[SITE])
    return tuple(Mask(node, names.of(node.name, base_name(node, ()))) for node in nodes)
