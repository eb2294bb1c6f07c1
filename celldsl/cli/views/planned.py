"""What the optimiser did to a cell.  In: a lowered cell and sizes.  Out: text.

print(plan_text(lowered, {"I": 128, "H": 128}, 100, 32, "float32"))
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from celldsl.pipeline import Artefacts

if TYPE_CHECKING:
    from celldsl.ir.program import Program
    from celldsl.semantics.lower import Lowered
    from celldsl.transforms.pipeline import Step

BYTES = {"float32": 4, "float64": 8}


def plan_text(
    lowered: Lowered,
    dims: Mapping[str, int] | None,
    steps: int,
    batch: int,
    dtype: str,
    without: Collection[str] = (),
) -> str:
    """`dims` is None where not all are set; amounts are then formulas."""
    from celldsl.ir.notes import labels
    from celldsl.plan.quantities import Amounts
    from celldsl.plan.report import Decisions, report

    made = Artefacts(lowered, without)
    (whole, _), (kept, backward) = made.differentiated, made.taped
    names = {value: _told(name) for value, name in labels(kept).items()}
    decisions = Decisions(
        lowered.program, whole, kept, backward, made.plan, names, lowered.spec.products
    )
    head = f"{lowered.spec.name}, T={steps}, B={batch}, {dtype}"
    if dims is None:
        head += "; give all sizes with --set NAME=VALUE for amounts in numbers"
    else:
        head += "".join(f", {name}={size}" for name, size in dims.items())
    amounts = Amounts(dims, steps, batch, BYTES[dtype])
    return "\n".join([
        head, *_left_out(without), "", *_passes(made), "", report(decisions, amounts)
    ])  # fmt: skip


def _told(name: str) -> str:
    """`h_next` is what generated code calls `h'`."""
    return f"{name.removesuffix('_next')}'" if name.endswith("_next") else name


def _left_out(without: Collection[str]) -> Iterator[str]:
    from celldsl.pass_flags import optimisations

    for name in optimisations():
        if name in without:
            yield f"switched off: {name}, which {optimisations()[name]}"


def _passes(made: Artefacts) -> Iterator[str]:
    """What each pass changed: how many operations a step has before and after it."""
    yield "passes that changed something: operations of a step, and why the pass stands there"
    for title, program, steps in made.passes():
        yield f"  {title}"
        yield from _changes(program, steps)


def _changes(program: Program, steps: Sequence[Step]) -> Iterator[str]:
    from celldsl.transforms.pipeline import each_pass

    before = program
    for step, (_, after) in zip(steps, each_pass(program, steps), strict=True):
        if after != before:
            counts = f"{len(before.step)} to {len(after.step)}"
            yield f"    {step.name:15} {counts:>10}   {step.why_here}"
        before = after
