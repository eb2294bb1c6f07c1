"""What every Program keeps to.  In: a Program.  Out: nothing, or InvalidProgram with a sentence.

A value is defined once and before its use; `before` sees neither a state nor what depends on one;
types are what the table of operations infers; what the caller is promised exists.  A value may
exist for fewer rows than are promised: whoever hands it out stretches it.
"""

from __future__ import annotations

from celldsl.ir.ops.op import TypeMismatch
from celldsl.ir.ops.table import OPS
from celldsl.ir.program import REGIONS, Node, Program, Rows, Type, saved_value
from celldsl.ir.size import Shape, shape_text

MOST_ROWS = {
    "output": Rows.STEP, "input": Rows.STEP, "sequence_input": Rows.BATCH, "param": Rows.ONCE
}  # fmt: skip


_VERIFIED = "verified for"  # arguments of these types; a copy of the node does not have it
ANY_ROW = (Rows.BATCH, Rows.STEP)


class InvalidProgram(ValueError):
    """A defect of the pass that made the program."""


def verify(p: Program, *, placed: bool = False) -> None:
    """Check `p`; with `placed`, also that nothing that exists once is computed in the step."""
    seen, dims = _leaves(p), frozenset(p.dims)
    states = {leaf.name for leaf in p.leaves if leaf.kind == "state"}
    for region in REGIONS:
        visible = {n: t for n, t in seen.items() if region != "before" or n not in states}
        for node in getattr(p, region):
            _node(node, region, visible, states)
            if node.name in seen:
                raise InvalidProgram(f"{node.name} is defined twice")
            if placed and region == "step" and node.type.rows == Rows.ONCE:
                raise InvalidProgram(f"{node.name} exists once and is computed in the step")
            _known_dims(node.name, node.type.shape, p, dims)
            seen[node.name] = visible[node.name] = node.type
    _states(p, seen, states)
    _results(p, seen)


def _leaves(p: Program) -> dict[str, Type]:
    seen: dict[str, Type] = {}
    for leaf in p.leaves:
        if leaf.name in seen:
            raise InvalidProgram(f"{leaf.name} is defined twice")
        wanted = {"input": ANY_ROW, "state": (Rows.STEP,), "saved": tuple(Rows)}
        if leaf.type.rows not in wanted.get(leaf.kind, (Rows.ONCE,)):
            raise InvalidProgram(f"the {leaf.kind} {leaf.name} cannot exist per {leaf.type.rows}")
        _known_dims(leaf.name, leaf.type.shape, p, frozenset(p.dims))
        seen[leaf.name] = leaf.type
    return seen


def _known_dims(name: str, shape: Shape, p: Program, dims: frozenset[str]) -> None:
    for size in shape:
        if not size.dims <= dims:
            raise InvalidProgram(f"{name} is {shape_text(shape)}, of dims that {p.name} has not")


def _node(node: Node, region: str, visible: dict[str, Type], states: set[str]) -> None:
    entry = OPS.get(node.op)
    if entry is None:
        raise InvalidProgram(f"{node.name} is {node.op}, which is no operation")
    if entry.arity not in (None, len(node.args)):
        raise InvalidProgram(f"{node.name} gives {len(node.args)} arguments to {node.op}")
    for arg in node.args:
        if arg not in visible:
            raise InvalidProgram(f"{node.name} in {region} reads {arg}, which is not there yet")
    if entry.kind == "rows" and region == "step":
        raise InvalidProgram(f"{node.name} in step is {node.op}, which needs all rows")
    if node.op in ("final", "total") and (node.args[0] not in states or region != "after"):
        raise InvalidProgram(f"{node.name} is {node.op}, which needs a state and stands in after")
    given = tuple(visible[arg] for arg in node.args)
    # Most nodes are as the pass before left them.
    if node.__dict__.get(_VERIFIED) == given:
        return
    try:
        inferred = entry.type_of(given, node.attributes)
    except TypeMismatch as error:
        raise InvalidProgram(f"{node.name} is wrong: {error}") from error
    if inferred != node.type:
        raise InvalidProgram(f"{node.name} says {node.type}, but {node.op} gives {inferred}")
    node.__dict__[_VERIFIED] = given


def _states(p: Program, seen: dict[str, Type], states: set[str]) -> None:
    if sorted(s.name for s in p.states) != sorted(states):
        raise InvalidProgram("states and state leaves differ")
    early = {leaf.name for leaf in p.leaves if leaf.kind != "state"}
    early |= {node.name for node in p.before}
    late = {node.name for node in p.after}
    for s in p.states:
        shape = seen[s.name].shape
        if s.next not in seen or s.next in late:
            raise InvalidProgram(f"the next {s.name} is {s.next}, which the step does not know")
        if s.start is not None and (s.start not in early or seen[s.start].rows == Rows.STEP):
            raise InvalidProgram(f"{s.name} starts at {s.start}, which is not there before")
        for value in (s.next, s.start):
            if value is not None and seen[value].shape != shape:
                raise InvalidProgram(
                    f"{s.name} is {shape_text(shape)}, but {value} is "
                    f"{shape_text(seen[value].shape)}"
                )


def _results(p: Program, seen: dict[str, Type]) -> None:
    for r in p.results:
        if r.kind not in MOST_ROWS:
            raise InvalidProgram(f"{r.name} is a result of kind {r.kind}, which is none")
        if r.value not in seen:
            raise InvalidProgram(f"the {r.kind} {r.name} is {r.value}, which is nowhere")
        kind = seen[r.value]
        if kind.rows > MOST_ROWS[r.kind] or kind.boolean or kind.integer:
            raise InvalidProgram(f"the {r.kind} {r.name} cannot be {seen[r.value]}")
    for name in p.saved:
        if saved_value(name) not in seen:
            raise InvalidProgram(f"{name} is saved, but is nowhere")
