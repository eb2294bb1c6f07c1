"""What the optimiser did, and why.  In: programs and their plan.  Out: text for people.

    print(report(Decisions(...), Amounts({"I": 128, "H": 128}, 100, 32, 4)))

    tape: 2,048 bytes for each step and sequence, 6.55 MB in all
        r    512 bytes   sigmoid in  r, u = …

Three parts: the products, the tape (what is kept and what is computed again), and the stages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node, Program, Rows
from celldsl.ir.size import Size, product
from celldsl.plan.operations import AddShares, Convolve, ConvolveSums, Gemm, GemmRows
from celldsl.plan.places import B, R
from celldsl.plan.plan import Phase, Plan
from celldsl.plan.quantities import Amounts, product_flops, stage_flops
from celldsl.plan.stage_report import Words, equations_of, one_line, origin_of, told_apart
from celldsl.structs import record

WHERE = {
    ("forward", "rows"): "for all steps at once, ahead of the loop: it needs no state",
    ("forward", "parts"): "for all steps at once, ahead of the loop: it needs no state",
    ("forward", "steps"): "in every step: it needs what the step before has left",
    ("forward", "once"): "once: it depends on parameters alone",
    ("backward", "rows"): "for all steps at once, after the loop: no step needs it",
    ("backward", "parts"): "for all steps at once, after the loop: no step needs it",
    ("backward", "steps"): "in every step, back in time: the step before needs it",
    ("backward", "once"): "once: it depends on parameters alone",
}
PHASES = {
    ("once", False): "once, until a parameter changes",
    ("rows", False): "for all steps at once, ahead of the loop",
    ("parts", False): "for all steps at once, ahead of the loop",
    ("steps", False): "the time loop",
    ("rows", True): "for all steps at once, after the loop",
    ("parts", True): "for all steps at once, after the loop",
    ("once", True): "once, at the end",
}
ADDS = "where threads shared the rows of a sum"
# What phases are left out without.
SERVES = {
    "": "",
    "inputs": ", for gradients of inputs",
    "parameters": ", for gradients of parameters",
}


@record
class Decisions:
    """`written` is the program as it was lowered; `whole` the forward program that keeps all that
    derivatives read, `kept` and `backward` those after values to keep were chosen; `products` is
    what operands of products are rounded to."""

    written: Program
    whole: Program
    kept: Program
    backward: Program
    plan: Plan
    names: Mapping[str, str]
    products: str = ""


def report(decisions: Decisions, amounts: Amounts) -> str:
    d, words = decisions, Words(decisions.plan, decisions.names, decisions.products)
    lines = [
        *_products(decisions, words, amounts),
        "",
        *tape_lines(d.whole, d.kept, d.backward, d.names, amounts),
        "",
        *_stages("forward", decisions.plan.forward, words),
        "",
        *_stages("backward", decisions.plan.backward, words),
    ]
    return "\n".join(lines)


# ---------------------------------------------------------------- products


def _products(decisions: Decisions, words: Words, amounts: Amounts) -> Iterator[str]:
    plan = decisions.plan
    written = sum(node.op == "einsum" for node in decisions.written.nodes())
    made = sum(isinstance(s, Gemm | Convolve) for phase in plan.forward for s in phase.stages)
    rounded = f"; all operands are rounded to {decisions.products}" if decisions.products else ""
    yield f"products: {written} as written, {made} as they are computed{rounded}"
    for direction, phases in (("forward", plan.forward), ("backward", plan.backward)):
        yield f"  {direction}: {amounts.flops(product_flops(phases))}"
        for phase in phases:
            yield from _products_of(direction, phase, words, amounts)


def _products_of(direction: str, phase: Phase, words: Words, amounts: Amounts) -> Iterator[str]:
    groups = (
        (
            (*phase.prologue, *phase.epilogue, *phase.last),
            B,
            "for every sequence, outside the loop",
        ),
        (phase.stages, R, WHERE[direction, phase.kind]),
    )
    for stages, rows, why in groups:
        for stage in told_apart(stages):
            if isinstance(stage, Gemm | Convolve | GemmRows | ConvolveSums):
                flops = stage_flops(stage, Size.of(1) if phase.kind == "once" else rows)
                yield f"    {words.stage(stage).partition('  ')[2]}"
                yield f"        {amounts.flops(flops)}, {why}"
                origin = origin_of(stage)
                if origin is not None:
                    yield f"        {one_line(origin.text)}"


# ---------------------------------------------------------------- the stages


def _stages(direction: str, phases: Iterable[Phase], words: Words) -> Iterator[str]:
    yield f"{direction}, phase by phase; threads share each"
    looped = False
    for phase in phases:
        adds = any(isinstance(stage, AddShares) for stage in phase.stages)
        yield f"  {ADDS if adds else PHASES[phase.kind, looped]}{SERVES[phase.serves]}"
        if phase.blocked is not None:
            yield "    few sequences at a time go through all steps: their states stay in a cache"
        looped = looped or phase.kind == "steps"
        for title, stages in (
            ("first, for every sequence: ", phase.prologue),
            ("", phase.stages),
            ("then, for every sequence: ", (*phase.epilogue, *phase.last)),
        ):
            told = Counter(
                (words.stage(stage), *equations_of(stage)) for stage in told_apart(stages)
            )
            for (line, *equations), count in told.items():
                times = f", {count} times" if count > 1 else ""
                yield f"    {title}{line}{times}"
                yield from (f"        {text}" for text in equations)
        if phase.moves:
            yield f"    copies   {len(phase.moves)} states to where the next step reads them"


# ---------------------------------------------------------------- the tape

ZERO = Size.of(0)


def tape_lines(
    whole: Program, kept_program: Program, backward: Program, names: Mapping[str, str],
    amounts: Amounts,
) -> Iterator[str]:  # fmt: skip
    """`whole` keeps all that derivatives read, `kept_program` what `backward` reads in the end."""
    kept, all_values = _kept_values(kept_program), _kept_values(whole)
    size, before = (_per_row(values) for values in (kept, all_values))
    yield f"tape: {amounts.bytes_of(size)} for each step and sequence, " \
          f"{amounts.bytes_of(size * R)} in all"  # fmt: skip
    for name, (node, elements) in kept.items():
        yield f"    {_label(name, names):12} {amounts.bytes_of(elements)}   " \
              f"{_origin(node)}"  # fmt: skip
    again = _computed_again(kept_program, backward)
    if not again:
        yield "  nothing is computed again: derivatives read no more than that"
        return
    yield f"  {sum(again.values())} operations are computed again in the backward step: they are"
    yield f"  cheap, and keeping what derivatives read would take {amounts.bytes_of(before)}"
    for text, count in again.items():
        yield f"    {count:3} of {text}"


def _kept_values(program: Program) -> dict[str, tuple[Node | None, Size]]:
    """What the tape holds for every step, states among it."""
    nodes = {node.name: node for node in program.nodes()}
    types = program.types()
    states = {f"{state.name}@in": state.name for state in program.states}
    found: dict[str, tuple[Node | None, Size]] = {
        name: (None, product(types[name].shape)) for name in states.values()
    }
    following = {state.next for state in program.states}
    for name in program.saved:
        if name not in states and name not in following and types[name].rows == Rows.STEP:
            found[name] = nodes.get(name), product(types[name].shape)
    return found


def _per_row(values: dict[str, tuple[Node | None, Size]]) -> Size:
    return sum((elements for _, elements in values.values()), ZERO)


def _label(name: str, names: Mapping[str, str]) -> str:
    return names.get(name, f"value {name.lstrip('%')}")


def _origin(node: Node | None) -> str:
    if node is None:
        return "the state that goes into the step"
    if node.origin is None:
        return f"{node.op}"
    return f"{node.op} in  {one_line(node.origin.text)}"


def _computed_again(kept: Program, backward: Program) -> dict[str, int]:
    """Operations of the step that both directions do, by equation."""
    forward = {node.name for node in kept.nodes()}
    counts: Counter[str] = Counter()
    for node in backward.step:
        if node.name in forward and node.type.rows == Rows.STEP and OPS[node.op].cost:
            counts[one_line(node.origin.text) if node.origin else node.op] += 1
    return dict(counts)
