"""Plans of the two directions.  In: Programs and where parameters lie.  Out: a Plan.

    plan_cell(forward, backward, spec)     phases for both, and how long the flat arrays are

A state of the backward loop is held for one step; what follows for all rows needs all of them, so
that the loop keeps what is read of it later:

    after: %9 = add(h, %8)   ->   step: h@kept = copy(h);   after: %9 = add(h@kept, %8)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from celldsl.ir.notes import backward_titles
from celldsl.ir.notes import titles as forward_titles
from celldsl.ir.program import Node, Program, Result, Rows, cotangent
from celldsl.ir.size import Size, contiguous, product
from celldsl.ir.spec import CellSpec
from celldsl.plan.gradient_placement import NOWHERE, carry_in_place, place_gradients
from celldsl.plan.graph import Graph, Region
from celldsl.plan.indexed_rows import index_rows
from celldsl.plan.layout import Arrays, lay_out
from celldsl.plan.phases import assemble
from celldsl.plan.places import Memory, Place, RowKind
from celldsl.plan.plan import Phase, Plan, StateCopy
from celldsl.plan.planner import Planner
from celldsl.plan.products import Products
from celldsl.plan.rounding import round_as_packed
from celldsl.plan.stores import Targets
from celldsl.structs import record, replace

ZERO = Size.of(0)


@record
class Tape:
    """Where the forward pass keeps each saved value, and the states going in."""

    places: dict[str, Place]


def plan_cell(
    forward: Program, backward: Program, spec: CellSpec, without: Collection[str] = ()
) -> Plan:
    """The plan of a cell from its optimised programs, without the optimisations named so."""
    arrays = Arrays()
    parameters = lay_out(forward, spec.params, "parameters", arrays.names, without)
    constants = lay_out(forward, spec.consts, "constants", arrays.names, without)
    known = {block.name: block.place for block in (*parameters, *constants)}
    forward, rounding = round_as_packed(forward, without)
    backward, rounding_back = round_as_packed(backward, without)
    by_rows = _read_by_rows(backward)
    titles = {"forward": forward_titles(forward), "backward": backward_titles(forward, backward)}
    forward_phases, tape = plan_forward(
        forward, spec, known, arrays, by_rows, titles["forward"], rounding, without
    )
    gradients = {b.name: replace(b.place, array="gradients") for b in parameters}
    backward_phases = plan_backward(
        backward, spec, known, gradients, tape, arrays, titles["backward"], rounding_back, without
    )
    lengths = dict(arrays.lengths)
    for name, blocks in (("parameters", parameters), ("constants", constants)):
        lengths[name] = sum((product(b.shape) for b in blocks), ZERO)
    plan = Plan(parameters, constants, forward_phases, backward_phases, lengths, arrays.regions)
    return index_rows(plan, without)


def _read_by_rows(backward: Program) -> set[str]:
    """What is read for all rows at once, outside the loop."""
    graph = Graph(backward)
    readers = (n for n in (*backward.before, *backward.after) if not graph.is_view(n.name))
    return {graph.root(arg) for node in readers for arg in node.args}


def _strided(known: dict[str, Place], shapes: dict[str, tuple[Size, ...]]) -> frozenset[str]:
    return frozenset(n for n, place in known.items() if place.strides != contiguous(shapes[n]))


def _row_places(names: list[tuple[str, str, tuple[Size, ...]]]) -> dict[str, Place]:
    return {
        name: Place(array, ZERO, "row", product(shape), contiguous(shape), name=array)
        for name, array, shape in names
    }


def _input_places(spec: CellSpec) -> dict[str, Place]:
    found = _row_places([(a.name, f"in:{a.name}", a.shape) for a in spec.inputs])
    lasting = {a.name for a in spec.inputs if a.per == "sequence"}
    return {n: replace(p, rows="batch") if n in lasting else p for n, p in found.items()}


def plan_forward(
    program: Program,
    spec: CellSpec,
    known: dict[str, Place],
    arrays: Arrays,
    by_rows: set[str],
    titles: Mapping[str, str],
    rounding: Collection[str],
    without: Collection[str],
) -> tuple[tuple[Phase, ...], Tape]:
    strided = _strided(known, leaf_shapes(program, known))
    graph = Graph(program, strided, titles)
    places = dict(known)
    places.update(_input_places(spec))
    states: dict[str, Place] = {}
    # The first on the tape: the runtime finds them there.
    for state in spec.states:
        states[state.name] = arrays.buffer("tape", "state", state.shape, state.name)
    places.update(states)
    targets = Targets(graph)
    copies: dict[str, Region] = {}
    tape: dict[str, Place] = {f"{name}@in": place for name, place in states.items()}
    for link in program.states:
        place = states[link.name]
        next_place = replace(place, rows="next", name=f"{place.name}'")
        # Where a sequence ends its state goes elsewhere, so next states do not lie row by row.
        if link.next not in by_rows:
            tape.setdefault(link.next, next_place)
        _want(targets, copies, link.next, next_place, "step")
    starts = _keep_starts(program, arrays, graph, targets, copies)
    for value in program.saved:
        if value not in tape and value.removesuffix("@in") not in states:
            tape[value] = _saved_place(graph, arrays, value)
            _want(targets, copies, value, tape[value], _home(graph, value))
    outputs = {a.name: a for a in spec.outputs}
    for result in program.results:
        shape = outputs[result.name].shape
        place = Place(f"out:{result.name}", ZERO, "row", product(shape), contiguous(shape))
        _want(targets, copies, result.value, replace(place, name=place.array), "step")
    planner = Planner(graph, arrays, targets, places, "fixed", "forward_work", without, rounding)
    products = Products(planner, {})
    planner.schedule(copies)
    planner.place_values()
    moves = tuple(
        StateCopy(s.name, f"state_in:{s.name}", starts.get(s.name), states[s.name],
                  f"state_out:{s.name}", s.shape)
        for s in spec.states
    )  # fmt: skip
    return assemble(planner, products, moves, []), Tape(tape)


def _keep_starts(
    program: Program, arrays: Arrays, graph: Graph, targets: Targets, copies: dict[str, Region]
) -> dict[str, Memory]:
    """Memory for the start values that the cell itself gives."""
    found: dict[str, Memory] = {}
    for link in program.states:
        if link.start is None:
            continue
        kind = graph.types[link.start]
        batch = kind.rows == Rows.BATCH
        name = f"{link.name} start"
        place = (
            arrays.buffer("forward_work", "batch", kind.shape, name)
            if batch
            else arrays.buffer("fixed", "once", kind.shape, name)
        )
        region: Region = "batch_before" if batch else "once_before"
        _want(targets, copies, link.start, place, region)
        found[link.name] = Memory(place, place.strides)
    return found


def leaf_shapes(program: Program, names: Iterable[str]) -> dict[str, tuple[Size, ...]]:
    shapes = {leaf.name: leaf.type.shape for leaf in program.leaves}
    return {name: shapes.get(name, ()) for name in names}


def _home(graph: Graph, value: str) -> Region:
    node = graph.nodes.get(graph.root(value))
    if graph.types[value].rows == Rows.BATCH:
        return "batch_before"
    in_before = node is not None and graph.region.get(node.name) == "before"
    return "row_before" if in_before else "step"


def _saved_place(graph: Graph, arrays: Arrays, value: str) -> Place:
    """Room on the tape.  What is made for all rows ahead of the loop has all rows in any case."""
    homes: dict[Region, RowKind] = {"batch_before": "batch", "row_before": "row", "step": "saved"}
    rows = homes[_home(graph, value)]
    return arrays.buffer("tape", rows, graph.shape(value), graph.title(value))


def _want(
    targets: Targets, copies: dict[str, Region], value: str, place: Place, region: Region
) -> None:
    copy: Node | None = targets.want(value, place)
    if copy is not None:
        copies[copy.name] = region


def plan_backward(
    program: Program,
    spec: CellSpec,
    known: dict[str, Place],
    gradients: dict[str, Place],
    tape: Tape,
    arrays: Arrays,
    titles: Mapping[str, str],
    rounding: Collection[str],
    without: Collection[str],
) -> tuple[Phase, ...]:
    program = keep_states(program)
    strided = _strided(known, leaf_shapes(program, known))
    graph = Graph(program, strided, titles)
    places = dict(known)
    # A value of this program may have the name of another in the forward one.
    places.update((name, tape.places[name]) for name in graph.leaves if name in tape.places)
    places.update(_input_places(spec))
    ins = [(cotangent(a.name), f"d_out:{a.name}", a.shape) for a in spec.outputs]
    places.update(_row_places(ins))
    outs = NOWHERE if "place_gradients" in without else place_gradients(graph, gradients)
    targets = Targets(graph, outs.places)
    copies: dict[str, Region] = {}
    carried: list[tuple[str, Place, Place]] = []
    for link in program.states:
        shape = graph.shape(link.name)
        places[link.name] = arrays.buffer("backward_work", "batch", shape, f"d {link.name}")
        after = arrays.buffer("backward_work", "batch", shape, f"d {link.name} before")
        carried.append((link.name, places[link.name], after))
        finals = (node for node in program.after if node.op in ("final", "total"))
        places.update((n.name, places[link.name]) for n in finals if n.args == (link.name,))
        _want(targets, copies, link.next, after, "step")
    for result in program.results:
        if result.kind == "param" and outs.covered(result.name):
            continue
        place, region = _home_of_result(graph, result, gradients)
        _want(targets, copies, result.value, place, region)
    planner = Planner(
        graph, arrays, targets, places, "backward_fixed", "backward_work", without, rounding
    )
    products = Products(planner, outs.places)
    planner.schedule(copies)
    moves = carried if "carry_in_place" in without else carry_in_place(planner, carried)
    planner.place_values()
    own = {state.name for state in spec.states}
    states = tuple(
        StateCopy(name, f"d_final:{name}", None, inside, f"d_start:{name}", graph.shape(name))
        if name in own
        else StateCopy(name, "", None, inside, "", graph.shape(name))
        for name, inside, _ in carried
    )
    return assemble(planner, products, states, moves)


def _home_of_result(
    graph: Graph, result: Result, gradients: Mapping[str, Place]
) -> tuple[Place, Region]:
    """Where a gradient goes, and where in the pass it is known."""
    if result.kind not in ("input", "sequence_input"):
        return gradients[result.name], "once_after"
    shape, name = graph.shape(result.value), f"d_in:{result.name}"
    rows: RowKind = "row" if result.kind == "input" else "batch"
    place = Place(name, ZERO, rows, product(shape), contiguous(shape), name=name)
    if rows == "batch":
        return place, "batch_last"
    after = graph.region.get(graph.root(result.value)) == "after"
    return place, "row_after" if after else "step"


# ---------------------------------------------------------------- states that are read later


def keep_states(program: Program) -> Program:
    """Copy what the nodes after the loop read of its states, in every step."""
    graph = Graph(program)
    states = {link.name for link in program.states}
    here = states | {node.name for node in program.step}
    copies: dict[str, Node] = {}

    def kept(arg: str) -> str:
        if arg not in here or graph.root(arg) not in states:
            return arg
        copy = Node(f"{arg}@kept", "copy", (arg,), graph.types[arg])
        return copies.setdefault(arg, copy).name

    after = tuple(
        node
        if node.op in ("final", "total")
        else replace(node, args=tuple(kept(a) for a in node.args))
        for node in program.after
    )
    return replace(program, step=(*program.step, *copies.values()), after=after)
