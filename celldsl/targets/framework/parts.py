"""A Program as functions.  In: a forward Program, its spec, a dialect.  Out: `Parts`.

    check          arrays have the shapes that each other and the parameters ask for
    prepare        what exists once for a call: functions of parameters, hyperparameters
    project        what needs no state: for one step, or for all steps at once
    advance        one step: from the values of those two, inputs and states to outputs and states
    initial_state  the states to begin with
    draw_masks     the masks of dropout and zoneout

Arrays may have any number of axes before their own, so that one text serves a single example, a
batch, and all steps of a batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from celldsl.ir.attributes import KIND, SITE
from celldsl.ir.program import Leaf, Node, Program, Rows, State
from celldsl.ir.size import Shape, shape_text
from celldsl.ir.spec import CellSpec
from celldsl.structs import record
from celldsl.targets.framework.body import Body
from celldsl.targets.framework.dialect import Dialect
from celldsl.targets.framework.function import Function, function_of
from celldsl.targets.framework.names import Names
from celldsl.targets.framework.text import ALWAYS, ANY, ATOM, Text, tuple_code
from celldsl.targets.framework.values import Values, needed, values_of


@record
class Parts:
    """The functions, None where a cell has no use for one, and names for what they return.

    empty    the outputs of no steps at all
    lists    names for the outputs of all steps, before they are one array
    begins   names for the states that an episode begins with
    """

    values: Values
    check: Function
    prepare: Function | None
    project: Function | None
    advance: Function
    start: Function
    draw: Function | None
    empty: Function
    outputs: tuple[str, ...]
    lists: tuple[str, ...]
    next_states: tuple[str, ...]
    begins: tuple[str, ...]


def split(program: Program, spec: CellSpec, dialect: Dialect, names: Names) -> Parts:
    values = values_of(program, spec, dialect, names)
    hidden = {n.name for n in values.repeated} | {mask.node.name for mask in values.masks}
    before = [node for node in program.before if node.name not in hidden]
    once = [node for node in before if node.type.rows < Rows.STEP]
    ahead = [node for node in before if node.type.rows == Rows.STEP]
    step = [node for node in program.step if node.name not in hidden]
    ends = [*(r.value for r in program.results), *(s.next for s in program.states)]
    read = _args(ahead, step) | set(ends)
    # In this order: each learns what the values of the one before are called.
    prepare = _prepare(values, needed(once, read), read)
    project = _project(values, ahead, _args(step) | set(ends))
    advance = _advance(values, step, ends)
    outputs = tuple(names.free(f"{output.name}_out") for output in spec.outputs)
    return Parts(
        values, _check(values), prepare, project, advance, _start(values, once),
        _draw(values, once), _empty(values), outputs,
        tuple(names.free(f"{name}_all") for name in outputs),
        tuple(names.free(f"{name}_new") for name in values.states),
        tuple(names.free(f"{name}_begin") for name in values.states),
    )  # fmt: skip


def _args(*groups: Iterable[Node]) -> set[str]:
    return {arg for group in groups for node in group for arg in node.args}


def _check(values: Values) -> Function:
    """Arguments are asked after parameters, so that a message names what the caller passed."""
    body = values.body(settings=False)
    for kind in ("input", "state"):
        for leaf in values.program.leaves:
            if leaf.kind == kind:
                name, lead = values.texts[leaf.name].code, [f"*{body.word('lead')}"]
                if kind == "input" and leaf.type.rows == Rows.STEP:
                    lead = [f"*{body.word('times')}", *lead]
                shape = tuple_code([*lead, *map(body.size, leaf.type.shape)])
                label = leaf.name if kind == "input" else f"state.{leaf.name}"
                body.lines.append(_expectation(values, body, leaf, label, name, shape))
                body.words[name] = None
    doc = "Raises where arrays have other shapes than parameters and each other ask for."
    return function_of(values, "check", doc, body, (), settings=False)


def _expectation(values: Values, body: Body, leaf: Leaf, label: str, name: str, shape: str) -> str:
    """The line that checks an argument."""
    if leaf.type.boolean:
        return f'flags("{label}", {name}, {shape})'
    if leaf.type.integer:
        limit = next(each.limit for each in values.spec.inputs if each.name == leaf.name)
        assert limit is not None
        return f'integers("{label}", {name}, {shape}, {body.size(limit)})'
    return f'expect("{label} {shape_text(leaf.type.shape)}", {name}, {shape})'


def _prepare(values: Values, nodes: list[Node], read: set[str]) -> Function | None:
    kept = [node.name for node in nodes if node.name in read]
    hypers = values.hypers(read)
    if not kept and not hypers:
        return None
    body = values.body(nodes, [*kept, *hypers], settings=True)
    doc = "What exists once for a call: it needs neither inputs nor states."
    if any(values.types[name].rows == Rows.BATCH for name in kept):
        doc = "What exists once for a call, or for each sequence: it needs nothing of any step."
    returned = _crossing(values, body, [*hypers, *kept])
    return function_of(values, "prepare", doc, body, returned, settings=True)


def _project(values: Values, nodes: list[Node], read: set[str]) -> Function | None:
    kept = [node.name for node in nodes if node.name in read]
    if not kept:
        return None
    body = values.body(nodes, kept, settings=False)
    doc = "What needs no state: for one step, or for all steps at once."
    return function_of(values, "project", doc, body, _crossing(values, body, kept), settings=False)


def _crossing(values: Values, body: Body, kept: Iterable[str]) -> list[str]:
    """The names of values that go to other functions, which know them by these from now on."""
    kept = list(kept)
    for value in kept:
        values.texts[value] = body.read(value)
    return list(dict.fromkeys(values.texts[value].code for value in kept))


def _advance(values: Values, nodes: list[Node], ends: list[str]) -> Function:
    body = values.body(nodes, ends, settings=False)
    returned = [_whole(values, body, value) for value in ends]
    doc = "One step: the outputs, then the next states."
    return function_of(values, "advance", doc, body, returned, settings=False)


def _whole(values: Values, body: Body, value: str) -> str:
    """A value as it is handed out: with the axes of the batch and all of its own."""
    text, shape = body.read(value), values.types[value].shape
    if text.leads == ALWAYS and text.shape == shape:
        return text.at(ANY)
    return _stretched(text, shape, body)


def _stretched(text: Text, shape: Shape, body: Body) -> str:
    lead = body.word("lead")
    sizes = tuple_code([f"*{lead}", *map(body.size, shape)]) if shape else lead
    if text.number:
        return body.dialect.full.format(text.at(ANY), shape=sizes, like=body.like())
    return body.dialect.stretch.format(text.at(ANY), atom=text.at(ATOM), shape=sizes)


def _start(values: Values, once: list[Node]) -> Function:
    starts = {s.start for s in values.program.states if s.start is not None}
    body = values.body(needed(once, starts), starts, settings=True)

    def start(state: State) -> str:
        text = Text("0.0", number=True) if state.start is None else body.read(state.start)
        return _stretched(text, values.types[state.name].shape, body)

    packed = values.nest.packed([start(state) for state in values.program.states])
    doc = "The states before the first step, for a batch of the shape `lead`."
    return function_of(values, "initial_state", doc, body, [packed], settings=True)


def _empty(values: Values) -> Function:
    body, found = values.body(settings=False), []
    for output in values.spec.outputs:
        sizes = tuple_code(["0", f"*{body.word('lead')}", *map(body.size, output.shape)])
        found.append(values.dialect.full.format("0.0", shape=sizes, like=body.like()))
    doc = "The outputs of no steps at all."
    return function_of(values, "no_steps", doc, body, found, settings=False)


def _draw(values: Values, once: Sequence[Node]) -> Function | None:
    if not values.masks:
        return None
    rates = {mask.node.args[0] for mask in values.masks}
    body = values.body(needed(once, rates), rates, settings=True)
    body.word(values.dialect.chance)
    for mask in values.masks:
        lead = [f"*{body.word('lead')}"] if mask.node.type.rows > Rows.ONCE else []
        call = values.dialect.mask.format(
            kind=mask.node[KIND],
            rate=body.read(mask.node.args[0]).at(ANY),
            times=body.word("times") if mask.timed else "()",
            shape=tuple_code([*lead, *map(body.size, mask.node.type.shape)]),
            like=body.like(),
            site=mask.node[SITE],
        )
        body.lines.append(f"{mask.name} = {call}")
    names = tuple_code([mask.name for mask in values.masks])
    doc = "The masks of dropout and zoneout."
    return function_of(values, "draw_masks", doc, body, [names], settings=True)
