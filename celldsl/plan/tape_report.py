"""The tape in words.  In: programs before and after values to keep were chosen.  Out: text.

tape: 2,048 bytes for each step and sequence, 6.55 MB in all
    r    512 bytes   sigmoid in  r, u = …
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from celldsl.ir.ops.table import OPS
from celldsl.ir.program import Node, Program, Rows
from celldsl.ir.size import Size, product
from celldsl.plan.places import R
from celldsl.plan.quantities import Amounts
from celldsl.plan.stage_report import one_line

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
