"""What a function takes.  In: its body.  Out: the function, with arguments and sizes.

    H = params["r_u.b"].shape[0] // 2        a size is read from an array that the function has

Arguments are called the same everywhere, and stand in one order: mappings, what new arrays are
like, values of other functions, inputs, states.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from celldsl.ir.program import Leaf
from celldsl.targets.framework.body import Body
from celldsl.targets.framework.function import Function
from celldsl.targets.framework.sizes import Axis, dim_sources
from celldsl.targets.framework.values import OWNERS, Values

# Which arrays are asked for a size, the best first; those that a function has anyway go ahead.
ASKED = ("param", "const", "input")


def function_of(
    values: Values, name: str, doc: str, body: Body, returns: Sequence[str], *, settings: bool
) -> Function:
    """`settings`: hyperparameters were read from there, and are no arguments."""
    kinds = {leaf.name: leaf.kind for leaf in values.program.leaves}
    needs: dict[str, None] = {}
    for value in body.needs:
        kind = kinds.get(value, "")
        if not (settings and kind == "hyper"):
            needs[OWNERS.get(kind, values.texts[value].code)] = None
    lines, owners = _sizes(values, body, needs)
    lines += body.lines
    if any("settings[" in line for line in lines):
        needs["settings"] = None
    needs |= dict.fromkeys([*owners, *body.words])
    return Function(name, tuple(_ordered(values, needs)), doc, tuple(lines), tuple(returns))


def _ordered(values: Values, needs: Mapping[str, None]) -> list[str]:
    dialect = values.dialect
    first = [*OWNERS.values(), "settings", dialect.like, "times", "lead", dialect.chance]
    last = [*values.inputs, *values.states]
    middle = [name for name in needs if name not in first and name not in last]
    return [*(n for n in first if n in needs), *middle, *(n for n in last if n in needs)]


def _sizes(values: Values, body: Body, needs: Mapping[str, None]) -> tuple[list[str], list[str]]:
    """The lines that find the dims which the body reads, and the arguments that these read."""
    found = dim_sources(values.program.dims, _axes(values, needs), values.dims)
    wanted = set(body.dims)
    for dim in reversed(list(found)):
        if dim in wanted:
            used = set(re.findall(r"\w+", found[dim]))
            wanted |= {other for other, name in values.dims.items() if name in used}
    lines, owners = [], []
    for dim in [*found, *(d for d in values.program.dims if d not in found)]:
        if dim in wanted:
            if dim not in found:
                values.told[dim] = None
            source = found.get(dim, f'settings["{dim}"]')
            lines.append(f"{values.dims[dim]} = {source}")
            owners += re.findall(r"(\w+)(?:\[\"[^]]*\"\])?\.shape", source)
    return lines, owners


def _axes(values: Values, needs: Mapping[str, None]) -> list[Axis]:
    """The axes of arrays that a function may ask."""

    def rank(leaf: Leaf) -> int:
        had = values.texts[leaf.name].code in needs
        return -1 if had else ASKED.index(leaf.kind) if leaf.kind in ASKED else len(ASKED)

    leaves = [leaf for leaf in values.program.leaves if leaf.kind != "hyper"]
    return [
        Axis(f"{values.texts[leaf.name].code}.shape[{_place(leaf, i)}]", size)
        for leaf in sorted(leaves, key=rank)
        if rank(leaf) < len(ASKED)
        for i, size in enumerate(leaf.type.shape)
    ]


def _place(leaf: Leaf, axis: int) -> int:
    """The axis as an index: from the end where a batch leads."""
    return axis - len(leaf.type.shape) if leaf.kind in ("input", "state") else axis
