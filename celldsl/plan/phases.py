"""Phases from stages.  In: a Planner, its products, the states.  Out: the phases of a direction.

Parts run a phase side by side and wait for each other between phases, so a phase ends where a sum
over all rows follows work on single rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from celldsl.ir.size import Shape, Size, product
from celldsl.plan.lower_to_loops import write_stages
from celldsl.plan.operations import (
    AddShares,
    Contract,
    Convolve,
    ConvolveSums,
    Fold,
    Gemm,
    GemmRows,
    Loop,
    Nest,
    Pack,
    PackKernel,
    Scan,
    ScatterRows,
)
from celldsl.plan.places import Place, Store
from celldsl.plan.plan import Phase, RowLoops, Stage, StateCopy
from celldsl.plan.planner import Planner
from celldsl.plan.products import Products, join_sums
from celldsl.structs import replace, values_of

Carried = list[tuple[str, Place, Place]]


def assemble(
    planner: Planner, products: Products, states: tuple[StateCopy, ...], carried: Carried
) -> tuple[Phase, ...]:
    """All phases in order; empty ones are left out."""
    once = write_stages(planner, products, "once_before")
    before = write_stages(planner, products, "row_before")
    early = tuple(products.accumulators)
    prologue = write_stages(planner, products, "batch_before")
    step = write_stages(planner, products, "step")
    epilogue = write_stages(planner, products, "batch_after")
    last = write_stages(planner, products, "batch_last")
    if epilogue:
        states = tuple(replace(s, anew=_anew(planner, s)) for s in states)
    in_loop = tuple(products.accumulators)
    after = write_stages(planner, products, "row_after")
    finish = write_stages(planner, products, "once_after")
    sums = {name: products.accumulators[name] for name in products.accumulators}
    early_sums = tuple((sums[n], planner.graph.shape(n)) for n in early)
    loop_sums = tuple((sums[n], planner.graph.shape(n)) for n in in_loop if n not in early)
    after_sums = tuple((sums[n], planner.graph.shape(n)) for n in sums if n not in in_loop)
    moves = tuple(
        (after_place, inside, planner.graph.shape(name)) for name, inside, after_place in carried
    )
    blocked = None if "block_sequences" in planner.without else block_sequences(step, states)
    phases = [
        _row_phase(tuple(before), early_sums),
        Phase(
            "steps", tuple(step), tuple(prologue), tuple(epilogue), tuple(last), states, moves,
            loop_sums, planner.graph.program.reverse, blocked=blocked,
        ),
        *_after_phases(after, after_sums, "join_sums" not in planner.without),
        Phase("once", (*products.combines, *finish), serves="parameters"),
    ]  # fmt: skip
    phases = [*_first_phases(once, products.all_packs, phases), *phases]
    return tuple(p for p in phases if p.kind == "steps" or p.stages)


def _first_phases(
    once: Sequence[Stage], packs: Sequence[Pack | PackKernel], phases: Sequence[Phase]
) -> list[Phase]:
    """What depends on parameters alone; weights that only gradients of inputs need stand apart."""
    read = {_buffer(p) for phase in phases if phase.serves != "inputs" for p in _places(phase)}
    shared = tuple(pack for pack in packs if _buffer(pack.packed) in read)
    for_inputs = tuple(pack for pack in packs if _buffer(pack.packed) not in read)
    return [Phase("once", (*once, *shared)), Phase("once", for_inputs, serves="inputs")]


def _buffer(place: Place) -> tuple[str, Size]:
    return place.array, place.base


def _anew(planner: Planner, state: StateCopy) -> Place | None:
    if not state.start_array:  # a sum over steps goes on
        return None
    title = f"d {state.name} anew"
    return planner.arrays.buffer("backward_work", "batch", state.shape, title)


def block_sequences(step: Sequence[Stage], states: Sequence[StateCopy]) -> Size | None:
    """The elements of a sequence's states, where it is best to run few sequences at a time.

    States that are matrices fill the nearest caches soon.  A product reads its weights once for all
    sequences, so that a step with one runs them together.
    """
    matrices = any(len(state.shape) > 1 for state in states)
    if not matrices or not all(isinstance(stage, RowLoops) for stage in step):
        return None
    return sum((product(state.shape) for state in states), Size.of(0))


def _row_phase(
    stages: tuple[Stage, ...], sums: tuple[tuple[Place, Shape], ...], waits: bool = True
) -> Phase:
    """Work on single rows: split at will, unless every part adds to a sum of its own."""
    return Phase("parts" if sums else "rows", stages, zeroed=sums, waits=waits)


def _after_phases(
    stages: list[Stage], sums: tuple[tuple[Place, Shape], ...], joins: bool
) -> list[Phase]:
    """Work on single rows and sums over all of them, which are for parameters alone.

    Where neither waits for the other the rows come last: many small tasks, for whoever is ready.
    What is for inputs alone is a phase of its own, which is left out where nobody wants it.
    """
    shared, for_inputs = _split(stages)
    over_rows = _over_rows(stages, joins)
    adds = Phase("parts", _adds(over_rows, stages), serves="parameters")
    waits = not over_rows
    if any(isinstance(s, RowLoops) for s in shared) or _read_by_sums(over_rows) & _written(shared):
        phases = [_row_phase(shared, sums), *over_rows]
    else:
        phases = [*over_rows, _row_phase(shared, sums, waits)]
        waits = waits or bool(shared)
    return [*phases, Phase("rows", for_inputs, waits=waits, serves="inputs"), adds]


def _over_rows(stages: Sequence[Stage], joins: bool) -> list[Phase]:
    """Sums of either kind share rows among parts in their own way."""
    seen = tuple(s for s in stages if isinstance(s, ConvolveSums))
    outer = tuple(s for s in stages if isinstance(s, GemmRows))
    outer = join_sums(outer) if joins else outer
    found = [Phase("parts", group, serves="parameters") for group in (outer, seen) if group]
    return [*found[:1], *(replace(phase, waits=False) for phase in found[1:])]


def _adds(over_rows: Sequence[Phase], stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """What follows sums over rows that parts share."""
    found: list[Stage] = []
    for stage in (s for phase in over_rows for s in phase.stages):
        match stage:
            case GemmRows(products=products, repeats=repeats):
                found += [AddShares(one, repeats) for one in products]
            case ConvolveSums(product=one, groups=groups, image=image):
                found.append(AddShares(one, (groups,), image.pixels))
    return (*found, *(s for s in stages if isinstance(s, ScatterRows)))


def _read_by_sums(over_rows: Sequence[Phase]) -> set[str]:
    found: set[str] = set()
    for stage in (s for phase in over_rows for s in phase.stages):
        match stage:
            case GemmRows(right=right, products=products):
                found |= {right.name, *(one.left.name for one in products)}
            case ConvolveSums(source=source, product=product):
                found |= {source.name, product.left.name}
    return found


def _written(stages: Sequence[Stage]) -> set[str]:
    return {stage.out.name for stage in stages if isinstance(stage, Gemm | Convolve)}


def _split(stages: Sequence[Stage]) -> tuple[tuple[Stage, ...], tuple[Stage, ...]]:
    """Work on single rows, and that part of it which comes last: it writes nothing but gradients
    of inputs, which nothing else touches afterwards."""
    shared: list[Stage] = []
    for_inputs: list[Stage] = []
    rows = [s for s in stages if isinstance(s, RowLoops | Gemm | Convolve)]
    sums = [s for s in stages if not isinstance(s, RowLoops | Gemm | Convolve)]
    touched = {place.array for stage in sums for place in _places(stage)}
    for stage in reversed(rows):
        written = {place.array for place in _targets(stage)}
        alone = written and all(each.startswith("d_in:") for each in written)
        if alone and not written & touched:
            for_inputs.append(stage)
        else:
            shared.append(stage)
            touched |= {place.array for place in _places(stage)}
    return tuple(reversed(shared)), tuple(reversed(for_inputs))


def _targets(stage: Stage) -> Iterator[Place]:
    """Where work on single rows puts its results."""
    match stage:
        case Gemm() | Convolve():
            yield stage.out
        case RowLoops(nests):
            for nest in nests:
                yield from (store.place for store in _stores(nest))


def _stores(nest: Nest) -> Iterator[Store]:
    match nest:
        case Loop(statements=statements):
            yield from (store for statement in statements for store in statement.stores)
        case Contract(stores=stores):
            yield from stores
        case Scan(store=store) | Fold(store=store):
            yield store


def _places(value: object) -> Iterator[Place]:
    match value:
        case Place():
            yield value
        case tuple():
            for each in value:
                yield from _places(each)
        case _:
            yield from _places(tuple(values_of(value)))
