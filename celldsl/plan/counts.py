"""How much a plan does.  In: a plan.  Out: Sizes over the dims and the numbers of rows.

    product_flops(plan.forward)         6*@R*H*I + 6*@R*H^2

`@R` stands for the rows (steps times sequences), `@B` for sequences.
"""

from __future__ import annotations

from collections.abc import Iterable

from celldsl.ir.size import Size
from celldsl.plan.gemms import Gemm, GemmRows, Repeat
from celldsl.plan.places import B, R
from celldsl.plan.plan import Phase, Stage

ONE, TWO, ZERO = Size.of(1), Size.of(2), Size.of(0)


def product_flops(phases: Iterable[Phase]) -> Size:
    """The floating-point operations of all GEMMs of a direction."""
    total = ZERO
    for phase in phases:
        rows = {"once": ONE, "rows": R, "parts": R, "steps": R}[phase.kind]
        for stage in phase.stages:
            total = total + stage_flops(stage, rows)
        for stage in (*phase.prologue, *phase.epilogue):
            total = total + stage_flops(stage, B)
    return total


def stage_flops(stage: Stage, rows: Size) -> Size:
    match stage:
        case Gemm():
            return TWO * rows * stage.n * stage.k * _times(stage.repeats)
        case GemmRows():
            elements = ZERO
            for one in stage.products:
                elements = elements + one.m * one.n
            return TWO * R * elements * _times(stage.repeats) * _times(stage.sums)
    return ZERO


def _times(repeats: tuple[Repeat, ...]) -> Size:
    total = ONE
    for repeat in repeats:
        total = total * repeat.size
    return total
