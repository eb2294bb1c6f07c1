"""Phases from stages.  In: a Planner, its products, the states.  Out: the phases of a direction.

Parts run a phase side by side and wait for each other between phases, so a phase ends where a sum
over all rows follows work on single rows.
"""

from __future__ import annotations

from celldsl.ir.size import Shape
from celldsl.plan.plan import Gemm, GemmRows, Phase, Place, RowLoops, Stage, StateCopy
from celldsl.plan.planner import Planner
from celldsl.plan.products import Products
from celldsl.plan.writer import write_stages

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
    phases = [
        Phase("once", (*once, *products.packs.values())),
        Phase("rows", tuple(before), zeroed=early_sums),
        Phase(
            "steps", tuple(step), tuple(prologue), tuple(epilogue), states, moves, loop_sums,
            planner.graph.program.reverse,
        ),
        *_after_phases(after, after_sums),
        Phase("once", (*products.combines, *finish)),
    ]  # fmt: skip
    return tuple(p for p in phases if p.kind == "steps" or p.stages)


def _after_phases(stages: list[Stage], sums: tuple[tuple[Place, Shape], ...]) -> list[Phase]:
    """Work on single rows, then sums over all of them; together where neither waits."""
    rows = tuple(s for s in stages if isinstance(s, RowLoops | Gemm))
    outer = tuple(s for s in stages if isinstance(s, GemmRows))
    written = {_written(stage) for stage in rows}
    waits = any({stage.left.name, stage.right.name} & written for stage in outer)
    if waits or any(isinstance(s, RowLoops) for s in rows):
        return [Phase("rows", rows, zeroed=sums), Phase("rows", outer)]
    return [Phase("rows", (*rows, *outer), zeroed=sums)]


def _written(stage: Stage) -> str:
    return stage.out.name if isinstance(stage, Gemm) else ""
