"""Phases from stages.  In: a Planner, its products, the states.  Out: the phases of a direction.

Parts run a phase side by side and wait for each other between phases, so a phase ends where a sum
over all rows follows work on single rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from celldsl.ir.size import Shape, Size, product
from celldsl.plan.lower_to_loops import write_stages
from celldsl.plan.operations import (
    AddShares,
    Convolve,
    ConvolveSums,
    Gemm,
    GemmRows,
    ScatterRows,
)
from celldsl.plan.places import Place
from celldsl.plan.plan import Phase, RowLoops, Stage, StateCopy
from celldsl.plan.planner import Planner
from celldsl.plan.products import Products, join_sums
from celldsl.structs import replace

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
        Phase("once", (*once, *products.all_packs)),
        _row_phase(tuple(before), early_sums),
        Phase(
            "steps", tuple(step), tuple(prologue), tuple(epilogue), tuple(last), states, moves,
            loop_sums, planner.graph.program.reverse, blocked=blocked,
        ),
        *_after_phases(after, after_sums, "join_sums" not in planner.without),
        Phase("once", (*products.combines, *finish)),
    ]  # fmt: skip
    return tuple(p for p in phases if p.kind == "steps" or p.stages)


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
    """Work on single rows and sums over all of them.

    Where neither waits for the other the rows come last: many small tasks, for whoever is ready.
    """
    rows = tuple(s for s in stages if isinstance(s, RowLoops | Gemm | Convolve))
    seen = tuple(s for s in stages if isinstance(s, ConvolveSums))
    outer = tuple(s for s in stages if isinstance(s, GemmRows))
    outer = join_sums(outer) if joins else outer
    adds: tuple[Stage, ...] = (
        *(AddShares(one, s.repeats) for s in outer for one in s.products),
        *(AddShares(s.product, (s.groups,), s.image.pixels) for s in seen),
        *(s for s in stages if isinstance(s, ScatterRows)),
    )
    written = {_written(stage) for stage in rows}
    read = {place.name for s in outer for place in (s.right, *(one.left for one in s.products))}
    read |= {place.name for s in seen for place in (s.source, s.product.left)}
    # Sums of either kind share rows among parts in their own way.
    over_rows = [Phase("parts", group) for group in (outer, seen) if group]
    over_rows[1:] = [replace(phase, waits=False) for phase in over_rows[1:]]
    if read & written or any(isinstance(s, RowLoops) for s in rows):
        return [_row_phase(rows, sums), *over_rows, Phase("parts", adds)]
    own = _row_phase(rows, sums, waits=not over_rows)
    return [*over_rows, own, Phase("parts", adds)]


def _written(stage: Stage) -> str:
    return stage.out.name if isinstance(stage, Gemm | Convolve) else ""
