"""What `celldsl show` shows of a cell.  In: its spec, or the lowered cell.  Out: text, or a graph.

    parameters          3*H*I + 3*H*H + 3*H = 60,288
        r_u.W_x         [I, 2*H]    (28, 256)

`summary_text` is a cell at a glance: shapes, parameters and how many there are.  `plan_text` says
what the optimiser did to it, and `graph_for` what is drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from celldsl.cli.options import Setting
from celldsl.cli.output import CommandError
from celldsl.ir.size import NotIntegral, Shape, Size, product, shape_text
from celldsl.ir.spec import ArraySpec, CellSpec, ParamSpec, array_text
from celldsl.pipeline import Artefacts

if TYPE_CHECKING:
    from celldsl.ir.program import Program
    from celldsl.pictures.graph import Graph
    from celldsl.semantics.lower import Lowered
    from celldsl.transforms.pipeline import Step


def summary_text(spec: CellSpec, settings: Mapping[str, Setting]) -> str:
    """Sizes are numbers as well where `settings` has all dims."""
    sizes = sizes_of(spec, settings)
    lines = [_head(spec), *(f"    {line}" for line in spec.doc.strip().splitlines()), ""]
    lines += _section("inputs", spec.inputs, sizes)
    lines += _section("states", spec.states, sizes)
    lines += _section("outputs", spec.outputs, sizes)
    lines += _section("parameters", spec.params, sizes)
    lines += _section("constants", spec.consts, sizes)
    return "\n".join([*lines, _count(spec, sizes)])


def _head(spec: CellSpec) -> str:
    dims = ", ".join(d.name if d.default is None else f"{d.name}={d.default}" for d in spec.dims)
    hypers = ", ".join(
        h.name if h.value is None else f"{h.name}={_value(h.value)}" for h in spec.hypers
    )
    return f"{spec.name}" + (f"[{dims}]" if dims else "") + (f"({hypers})" if hypers else "")


def _value(value: Setting) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def sizes_of(spec: CellSpec, settings: Mapping[str, Setting]) -> dict[str, int] | None:
    """All dims as numbers, or None where one is not given."""
    found: dict[str, int] = {}
    for dim in spec.dims:
        value = settings.get(dim.name, dim.fixed)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            found[dim.name] = value
        elif dim.default is not None and dim.default.dims <= set(found):
            found[dim.name] = dim.default.evaluate(found)
        else:
            return None
    return found


def _section(
    title: str, items: Sequence[ArraySpec | ParamSpec], sizes: dict[str, int] | None
) -> list[str]:
    if not items:
        return []
    width = max(len(item.name) for item in items)
    shapes = [
        array_text(item) if isinstance(item, ArraySpec) else shape_text(item.shape)
        for item in items
    ]
    wide = max(map(len, shapes))
    lines = [
        f"    {item.name:{width}}  {shape:{wide}}  {_numbers(item.shape, sizes)}".rstrip()
        for item, shape in zip(items, shapes, strict=True)
    ]
    return [title, *lines, ""]


def _numbers(shape: Shape, sizes: dict[str, int] | None) -> str:
    if sizes is None:
        return ""
    try:
        numbers = [size.evaluate(sizes) for size in shape]
    except NotIntegral as error:
        raise CommandError(f"--set: {error}", 2) from None
    return str(tuple(numbers))


def _count(spec: CellSpec, sizes: dict[str, int] | None) -> str:
    total = Size.of(0)
    for param in spec.params:
        total = total + product(param.shape)
    number = "" if sizes is None or total.constant is not None else f" = {total.evaluate(sizes):,}"
    return f"{total}{number} parameters"


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


def graph_for(lowered: Lowered, gradient: bool) -> Graph:
    """The graph of a cell's step, or of its backward pass."""
    from celldsl.pictures.boxes import graph_of

    if not gradient:
        return graph_of(lowered.program, lowered.notes)
    from celldsl.ir.notes import Notes, titles
    from celldsl.pipeline import Artefacts

    forward, backward = Artefacts(lowered).differentiated
    saved = {leaf.name for leaf in backward.leaves}
    names = {v: n.replace("_next", "′") for v, n in titles(forward).items() if v in saved}
    return graph_of(backward, Notes(), names)
