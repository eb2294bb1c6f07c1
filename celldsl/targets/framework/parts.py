"""A Program as functions.  In: a forward Program, its spec, a dialect.  Out: five functions.

    prepare     what exists once for a call: functions of parameters, hyperparameters
    project     what needs no state: for one step, or for all steps at once
    advance     one step: values of `prepare` and `project`, inputs, states -> outputs, next states
    start       the states to begin with
    draw        the masks of dropout and zoneout

Arrays may have any number of axes before their own, so that one text serves a single example, a
batch, and all steps of a batch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from celldsl.ir.program import Leaf, Node, Program, Rows, State
from celldsl.ir.size import Shape
from celldsl.ir.spec import CellSpec
from celldsl.structs import entity, field, record
from celldsl.targets.framework.body import Body
from celldsl.targets.framework.dialect import Dialect
from celldsl.targets.framework.function import Function
from celldsl.targets.framework.names import Names, base_name, equation_names
from celldsl.targets.framework.nest import Nest, nest_of
from celldsl.targets.framework.sizes import Axis, dim_sources
from celldsl.targets.framework.text import ALWAYS, ANY, ATOM, ONE, PERHAPS, Text, tuple_code

# Arguments that every function may take, before values.
COMMON = ("params", "constants", "settings")
ALIKE = ("number", "size")
ARITHMETIC = ("add", "sub", "mul", "div", "neg", "broadcast", "reshape")


@record
class Mask:
    """A mask and its name; `timed` says whether there is one for each step."""

    node: Node
    name: str

    @property
    def timed(self) -> bool:
        return self.node.type.rows == Rows.STEP


@record
class Parts:
    """The functions, None where a cell has no use for one, and what public functions pass."""

    prepare: Function | None
    project: Function | None
    advance: Function
    start: Function
    draw: Function | None
    # The outputs of no steps at all.
    empty: Function
    inputs: tuple[str, ...]
    states: tuple[str, ...]
    outputs: tuple[str, ...]
    # Lists of outputs, one for each step.
    lists: tuple[str, ...]
    next_states: tuple[str, ...]
    masks: tuple[Mask, ...]
    # Dims that no array tells.
    told: tuple[str, ...]
    dim_names: dict[str, str]
    names: Names
    nest: Nest


def split(program: Program, spec: CellSpec, dialect: Dialect, names: Names) -> Parts:
    nest = nest_of("State", [state.name for state in program.states], names)
    return _Splitter(program, spec, dialect, names, nest).parts()


@entity
class _Splitter:
    program: Program
    spec: CellSpec
    dialect: Dialect
    names: Names
    nest: Nest
    texts: dict[str, Text] = field(default_factory=dict)

    def parts(self) -> Parts:
        p = self.program
        self.types = p.types()
        self.dims = {dim: self.names.free(dim) for dim in p.dims}
        self.leaves = {leaf.name: leaf for leaf in p.leaves}
        self._name_leaves()
        self.titles = {v: t for v, t in equation_names(p).items() if v not in self.leaves}
        for s in p.states:
            if "." in s.name and s.next in self.titles:
                self.titles[s.next] = f"{self.names.of(s.name)}_next"
        for value, title in self.titles.items():
            self.names.of(value, title)
        self._find_free()
        self._name_masks()
        self.told: dict[str, None] = {}
        return self._written()

    def _name_leaves(self) -> None:
        for leaf in self.program.leaves:
            shape, leads = leaf.type.shape, 0
            match leaf.kind:
                case "param" | "const":
                    owner = "params" if leaf.kind == "param" else "constants"
                    code = f'{owner}["{leaf.name}"]'
                case _:
                    code = self.names.of(leaf.name, leaf.name)
                    leads = ALWAYS if leaf.kind in ("input", "state") else 0
            alone = None if leads == 0 and not shape else shape
            self.texts[leaf.name] = Text(code, ATOM, alone, leads)

    def _find_free(self) -> None:
        """Nodes that are numbers of Python: written wherever they are read."""
        self.free: set[str] = set()
        for node in self.program.nodes():
            known = all(arg in self.free for arg in node.args)
            if node.op in ALIKE or (known and node.op in ARITHMETIC and node.args):
                self.free.add(node.name)

    def _name_masks(self) -> None:
        nodes = [node for node in self.program.nodes() if node.op == "mask"]
        nodes.sort(key=lambda node: int(str(node["site"])))
        self.masks = tuple(
            Mask(node, self.names.of(node.name, base_name(node, ()))) for node in nodes
        )
        for mask in self.masks:
            shape = (ONE,) * len(mask.node.type.shape)
            self.texts[mask.node.name] = Text(mask.name, ATOM, shape, PERHAPS)

    def _written(self) -> Parts:
        p = self.program
        hidden = self.free | {mask.node.name for mask in self.masks}
        once = [n for n in p.before if n.type.rows < Rows.STEP and n.name not in hidden]
        ahead = [n for n in p.before if n.type.rows == Rows.STEP and n.name not in hidden]
        step = [n for n in p.step if n.name not in hidden]
        ends = [*(r.value for r in p.results), *(s.next for s in p.states)]
        read = self._args(ahead, step) | set(ends)
        prepare = self._prepare(self._needed(once, read), read)
        project = self._project(ahead, self._args(step) | set(ends))
        inputs = tuple(self.texts[i.name].code for i in self.spec.inputs)
        states = tuple(self.texts[s.name].code for s in p.states)
        advance = self._advance(step)
        n = len(self.spec.outputs)
        targets = tuple(self.names.free(f"{o.name}_out") for o in self.spec.outputs)
        lists = tuple(self.names.free(f"{name}_all") for name in targets)
        following = tuple(self.names.free(f"{s}_new") for s in states)
        assert len(advance.returns) == n + len(states)
        return Parts(
            prepare, project, advance, self._start(once), self._draw(once), self._empty(),
            inputs, states, targets, lists, following, self.masks, tuple(self.told), self.dims,
            self.names, self.nest,
        )  # fmt: skip

    def _args(self, *groups: Iterable[Node]) -> set[str]:
        return {arg for group in groups for node in group for arg in node.args}

    def _needed(self, nodes: Sequence[Node], wanted: set[str]) -> list[Node]:
        """The nodes among `nodes` that `wanted` are or need, in order."""
        needed, found = set(wanted), []
        for node in reversed(nodes):
            if node.name in needed:
                found.append(node)
                needed.update(node.args)
        return found[::-1]

    def _body(self, nodes: Sequence[Node], wanted: Iterable[str], hypers: bool) -> Body:
        """The lines of nodes, after those of the numbers that they read.

        `hypers` says that hyperparameters are read from `settings` here.
        """
        wanted = list(wanted)
        read = self._args(nodes) | set(wanted)
        numbers = self._needed([n for n in self.program.nodes() if n.name in self.free], read)
        params = [leaf.name for leaf in self.program.leaves if leaf.kind == "param"]
        body = Body(
            self.dialect, self.types, self.texts, self.names, self.titles, self.dims, params
        )
        if hypers:
            for name in self._hypers(read):
                code = self.dialect.setting.format(f'settings["{name}"]', like=body.like())
                body.lines.append(f"{self.texts[name].code} = {code}")
        body.write([*numbers, *nodes], wanted)
        return body

    def _hypers(self, read: set[str]) -> list[str]:
        return [x.name for x in self.program.leaves if x.kind == "hyper" and x.name in read]

    def _prepare(self, nodes: list[Node], read: set[str]) -> Function | None:
        values = [node.name for node in nodes if node.name in read]
        hypers = self._hypers(read)
        body = self._body(nodes, [*values, *hypers], True)
        self._cross(body, values)
        returned = [*hypers, *values]
        if not returned:
            return None
        doc = "What exists once for a call: it needs neither inputs nor states."
        return self._function("prepare", doc, body, self._codes(returned), settled=True)

    def _cross(self, body: Body, values: Iterable[str]) -> None:
        """Other functions know these values by their names."""
        for value in values:
            self.texts[value] = body.read(value)

    def _codes(self, values: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(self.texts[value].code for value in values))

    def _project(self, nodes: list[Node], read: set[str]) -> Function | None:
        values = [node.name for node in nodes if node.name in read]
        if not values:
            return None
        body = self._body(nodes, values, False)
        self._cross(body, values)
        doc = "What needs no state: for one step, or for all steps at once."
        return self._function("project", doc, body, self._codes(values))

    def _advance(self, nodes: list[Node]) -> Function:
        values = [r.value for r in self.program.results if r.kind == "output"]
        values += [s.next for s in self.program.states]
        body = self._body(nodes, values, False)
        returned = [self._full(body, value) for value in values]
        return self._function("advance", "One step: the outputs, then the next states.", body,
                              returned)  # fmt: skip

    def _full(self, body: Body, value: str) -> str:
        """A value as it is handed out: with the axes of the batch and all of its own."""
        text, shape = body.read(value), self.types[value].shape
        if text.leads == ALWAYS and text.shape == shape:
            return text.at(ANY)
        return _handed(text, shape, body)

    def _start(self, once: list[Node]) -> Function:
        starts = {s.start for s in self.program.states if s.start is not None}
        nodes = self._needed(once, starts)
        body = self._body(nodes, starts, True)
        returned = [self._start_of(body, state) for state in self.program.states]
        doc = "The states before the first step, for a batch of the shape `lead`."
        packed = (self.nest.packed(returned),)
        return self._function("initial_state", doc, body, packed, settled=True)

    def _start_of(self, body: Body, state: State) -> str:
        shape = self.types[state.name].shape
        text = Text("0.0", number=True) if state.start is None else body.read(state.start)
        return _handed(text, shape, body)

    def _empty(self) -> Function:
        body = self._body([], [], False)
        found = []
        for output in self.spec.outputs:
            sizes = tuple_code(["0", f"*{body.word('lead')}", *map(body.size, output.shape)])
            found.append(self.dialect.full.format("0.0", shape=sizes, like=body.like()))
        return self._function("no_steps", "The outputs of no steps at all.", body, found)

    def _draw(self, once: list[Node]) -> Function | None:
        if not self.masks:
            return None
        rates = {mask.node.args[0] for mask in self.masks}
        body = self._body(self._needed(once, rates), rates, True)
        for mask in self.masks:
            rate = body.read(mask.node.args[0]).at(ANY)
            lead = [f"*{body.word('lead')}"] if mask.node.type.rows > Rows.ONCE else []
            shape = tuple_code([*lead, *map(body.size, mask.node.type.shape)])
            times = body.word("times") if mask.timed else "()"
            body.word(self.dialect.chance)
            call = self.dialect.mask.format(
                kind=mask.node["kind"], rate=rate, times=times, shape=shape, like=body.like(),
                site=mask.node["site"],
            )  # fmt: skip
            body.lines.append(f"{mask.name} = {call}")
        names = [mask.name for mask in self.masks]
        doc = "The masks of dropout and zoneout."
        return self._function("draw_masks", doc, body, [tuple_code(names)], settled=True)

    def _function(
        self, name: str, doc: str, body: Body, returned: Sequence[str], settled: bool = False
    ) -> Function:
        """`settled`: hyperparameters are local, read from `settings`."""
        kinds = {n: self.leaves[n].kind for n in body.needs if n in self.leaves}
        needs: dict[str, None] = {}
        for value in body.needs:
            kind = kinds.get(value, "")
            if kind == "hyper" and settled:
                continue
            needs[{"param": "params", "const": "constants"}.get(kind, self.texts[value].code)] = (
                None
            )
        lines, sources = self._dim_lines(body, needs)
        if any("settings[" in line for line in [*lines, *body.lines]):
            needs["settings"] = None
        needs.update(dict.fromkeys(sources))
        needs.update(body.words)
        return Function(
            name, tuple(self._ordered(needs)), doc, (*lines, *body.lines), tuple(returned)
        )

    def _ordered(self, needs: dict[str, None]) -> list[str]:
        first = [*COMMON, self.dialect.like, "lead", "times", self.dialect.chance]
        last = [self.texts[i.name].code for i in self.spec.inputs]
        last += [self.texts[s.name].code for s in self.program.states]
        middle = [n for n in needs if n not in first and n not in last]
        return [*(n for n in first if n in needs), *middle, *(n for n in last if n in needs)]

    def _dim_lines(self, body: Body, needs: dict[str, None]) -> tuple[list[str], list[str]]:
        """How the function gets the dims that it needs, and what it reads for that."""
        axes = self._axes(needs)
        found = dim_sources(self.program.dims, axes, self.dims)
        wanted = set(body.dims)
        for dim in reversed(list(found)):
            if dim in wanted:
                used = set(re.findall(r"\w+", found[dim]))
                wanted |= {other for other, name in self.dims.items() if name in used}
        lines, sources = [], []
        for dim in [*found, *(d for d in self.program.dims if d not in found)]:
            if dim not in wanted:
                continue
            if dim not in found:
                self.told[dim] = None
            source = found.get(dim, f'settings["{dim}"]')
            lines.append(f"{self.dims[dim]} = {source}")
            owner = re.findall(r"(\w+)(?:\[\"[^]]*\"\])?\.shape", source)
            sources += owner
        return lines, sources

    def _axes(self, needs: dict[str, None]) -> list[Axis]:
        """The axes of arrays that a function may ask, those that it has anyway first."""
        leaves = [leaf for leaf in self.program.leaves if leaf.kind != "hyper"]

        def rank(leaf: Leaf) -> int:
            code = self.texts[leaf.name].code
            if code in needs:
                return 0 if leaf.kind == "input" else 1
            return {"param": 2, "const": 3, "input": 4}.get(leaf.kind, 5)

        usable = [leaf for leaf in leaves if rank(leaf) < 5]
        return [
            Axis(f"{self.texts[leaf.name].code}.shape[{self._place(leaf, i)}]", size)
            for leaf in sorted(usable, key=rank)
            for i, size in enumerate(leaf.type.shape)
        ]

    def _place(self, leaf: Leaf, axis: int) -> int:
        """The axis as an index: from the end where a batch leads."""
        return axis - len(leaf.type.shape) if leaf.kind in ("input", "state") else axis


def _handed(text: Text, shape: Shape, body: Body) -> str:
    """A value stretched to the batch and to all its own axes."""
    lead = body.word("lead")
    sizes = tuple_code([f"*{lead}", *map(body.size, shape)]) if shape else lead
    if text.number:
        return body.dialect.full.format(text.at(ANY), shape=sizes, like=body.like())
    return body.dialect.stretch.format(text.at(ANY), atom=text.at(ATOM), shape=sizes)
