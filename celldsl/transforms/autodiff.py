"""Reverse mode.  In: a forward Program.  Out: it, with its tape, and the backward Program.

    forward, backward = differentiate(program)

The backward program runs time in reverse.  Its inputs are `d:OUTPUT`; its states have the names of
the forward ones: what comes into a step is the cotangent of the state that went out, what goes out
that of the state that came in.  Forward values that it reads are leaves: parameters, inputs and
the like under their own kind, all others `saved` (a state as `h@in`), which `forward.saved` lists.

Rules are linear in the cotangent and hold for each row.  So what reaches a value that exists once
is summed over rows there, once, after its contributions were added up.  What reaches a value that
is made of an input of each sequence is summed over steps there, by a state of the backward program
(`@sum0`): what is made of it then runs once a sequence.
"""

from __future__ import annotations

from collections.abc import Iterator

from celldsl.ir.builder import Builder
from celldsl.ir.gradients import sum_of
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Leaf, Node, Program, Result, Rows, State, Type, cotangent, incoming
from celldsl.ir.size import Shape
from celldsl.structs import entity, field, replace


def differentiate(forward: Program) -> tuple[Program, Program]:
    """The forward program with `saved` set, and the backward program."""
    sweep = _Sweep.over(forward)
    sweep.seed(forward)
    for node in reversed([*forward.before, *forward.step, *forward.after]):
        sweep.visit(node)
    states = tuple(State(s.name, None, sweep.total(s.name)) for s in forward.states)
    results = tuple(
        Result(_result_kind(leaf), leaf.name, sweep.total(leaf.name))
        for leaf in forward.leaves
        if leaf.kind in ("input", "param") and not (leaf.type.boolean or leaf.type.integer)
    )
    return _programs(forward, sweep.builder.nodes, (*states, *sweep.sums), results)


def _result_kind(leaf: Leaf) -> str:
    return "sequence_input" if leaf.kind == "input" and leaf.type.rows == Rows.BATCH else leaf.kind


@entity
class _Sweep:
    """Contributions to the cotangent of each forward value, apart by the rows that they have.

    A contribution for each sequence must not be added to one for each step: it would count T times.
    `lasting` are the values that are made of inputs of each sequence, `sums` the states that add up
    what reaches them.
    """

    builder: Builder
    types: dict[str, Type]
    names: dict[str, str]
    lasting: set[str]
    sums: list[State] = field(default_factory=list)
    parts: dict[str, dict[Rows, list[str]]] = field(default_factory=dict)

    @staticmethod
    def over(forward: Program) -> _Sweep:
        known = [*_forward_leaves(forward), *_cotangent_leaves(forward)]
        names = {s.name: incoming(s.name) for s in forward.states}
        return _Sweep(Builder(known, prefix="%b"), forward.types(), names, _lasting(forward))

    def seed(self, forward: Program) -> None:
        for result in forward.results:
            if result.kind == "output":
                self.add(result.value, cotangent(result.name))
        for state in forward.states:
            self.add(state.next, state.name)
            if state.start is not None:
                self.add(state.start, self.builder.op("final", state.name))

    def add(self, value: str, part: str) -> None:
        rows = self.builder.types[part].rows
        self.parts.setdefault(value, {}).setdefault(rows, []).append(part)

    def visit(self, node: Node) -> None:
        """Hand the cotangents of a node's value on to its arguments."""
        gradient = OPS[node.op].gradient
        if node.name not in self.parts:
            return
        if gradient is None:
            raise ValueError(f"{node.op} stands in a program that is to be differentiated")
        self.builder.origin = node.origin
        here = replace(node, args=tuple(self.names.get(arg, arg) for arg in node.args))
        for d in self.cotangents(node.name):
            for arg, part in zip(node.args, gradient(self.builder, here, d), strict=True):
                if part is not None:
                    self.add(arg, part)

    def cotangents(self, value: str) -> list[str]:
        """The sums of the contributions: one, or for values per sequence one for each rows."""
        by_rows = sorted(self.parts.get(value, {}).items())
        sums = [sum_of(self.builder, parts) for _, parts in by_rows]
        if not sums:
            return sums
        if value in self.lasting:
            return [sum_of(self.builder, [self._over_steps(s) for s in sums])]
        if self.types[value].rows != Rows.ONCE:
            return sums
        return [sum_of(self.builder, [self._over_rows(s) for s in sums])]

    def total(self, leaf: str) -> str:
        """The whole cotangent of a leaf; zeros where nothing reaches it."""
        self.builder.origin = None
        return next(iter(self.cotangents(leaf)), None) or self._zeros(self.types[leaf].shape)

    def _over_rows(self, value: str) -> str:
        once = self.builder.types[value].rows == Rows.ONCE
        return value if once else self.builder.op("rowsum", value)

    def _over_steps(self, value: str) -> str:
        """The sum over the steps of each sequence, which exists after the loop."""
        kind = self.builder.types[value]
        if kind.rows != Rows.STEP:
            return value
        name = f"@sum{len(self.sums)}"
        self.builder.types[name] = kind
        self.sums.append(State(name, None, self.builder.op("add", name, value)))
        return self.builder.op("total", name)

    def _zeros(self, shape: Shape) -> str:
        return self.builder.broadcast(self.builder.number(0.0), shape)


def _lasting(forward: Program) -> set[str]:
    """The values of each sequence that are made of inputs of each sequence."""
    inputs = (leaf for leaf in forward.leaves if leaf.kind == "input")
    found = {leaf.name for leaf in inputs if leaf.type.rows == Rows.BATCH}
    for node in forward.nodes():
        if node.type.rows == Rows.BATCH and not found.isdisjoint(node.args):
            found.add(node.name)
    return found


def _forward_leaves(forward: Program) -> Iterator[Leaf]:
    """What a derivative may read."""
    for leaf in forward.leaves:
        if leaf.kind == "state":
            yield Leaf("saved", incoming(leaf.name), leaf.type)
        else:
            yield leaf
    for node in forward.nodes():
        yield Leaf("saved", node.name, node.type)


def _cotangent_leaves(forward: Program) -> Iterator[Leaf]:
    types = forward.types()
    for r in forward.results:
        if r.kind == "output":
            yield Leaf("input", cotangent(r.name), Type(types[r.value].shape, Rows.STEP))
    yield from (leaf for leaf in forward.leaves if leaf.kind == "state")


def _programs(
    forward: Program, nodes: list[Node], states: tuple[State, ...], results: tuple[Result, ...]
) -> tuple[Program, Program]:
    """Keep what is reached, put it into regions, and give the values that it reads as leaves."""
    wanted = {*(s.next for s in states), *(r.value for r in results)}
    nodes = reached(nodes, wanted)
    wanted.update(arg for node in nodes for arg in node.args)
    constants = reached(_constants(forward), wanted)
    rebuilt = {node.name for node in constants}
    shapes = {node.name: node.type for node in nodes}
    known = {s.name for s in forward.states}
    leaves = [
        *_cotangent_leaves(forward),
        *(Leaf("state", s.name, shapes[s.next]) for s in states if s.name not in known),
        *(x for x in _forward_leaves(forward) if x.name in wanted and x.name not in rebuilt),
    ]
    saved = tuple(leaf.name for leaf in leaves if leaf.kind == "saved")
    before, step, after = _regions(nodes)
    backward = Program(
        forward.name, forward.dims, tuple(leaves), (*constants, *before), step, after, states,
        results, reverse=True,
    )  # fmt: skip
    return replace(forward, saved=saved), backward


def reached(nodes: list[Node], wanted: set[str]) -> list[Node]:
    """The nodes, in order, that `wanted` values are or need."""
    needed = set(wanted)
    kept = []
    for node in reversed(nodes):
        if node.name in needed:
            kept.append(node)
            needed.update(node.args)
    return kept[::-1]


def _constants(forward: Program) -> list[Node]:
    """Nodes that depend on nothing: cheaper to make again than to save.  Masks are drawn once."""
    found: dict[str, Node] = {}
    for node in forward.nodes():
        if node.op != "mask" and all(arg in found for arg in node.args):
            found[node.name] = node
    return list(found.values())


def _regions(nodes: list[Node]) -> tuple[tuple[Node, ...], ...]:
    """Sums over rows and what needs them come after; what has steps is in the step."""
    late: set[str] = set()
    regions: tuple[list[Node], ...] = ([], [], [])
    for node in nodes:
        if OPS[node.op].kind == "rows" or late.intersection(node.args):
            late.add(node.name)
            regions[2].append(node)
        else:
            regions[1 if node.type.rows == Rows.STEP else 0].append(node)
    return tuple(map(tuple, regions))
