"""One function of a generated file.  In: a body, what is returned.  Out: its text, and calls of it.

    function.call()        "A, rate = prepare(params, settings, x)"

Arguments are called the same everywhere, and stand in one order: mappings, what new arrays are
like, values of other functions, inputs, states.  A size is read from an array that the function has
(`function_of`):

    H = params["r_u.b"].shape[0] // 2
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from celldsl.ir.program import Leaf
from celldsl.structs import record
from celldsl.targets.framework.body import Body
from celldsl.targets.framework.text import Axis, dim_sources
from celldsl.targets.framework.values import OWNERS, Values

LIMIT = 96


@record
class Function:
    """`args` are what it reads, by the names that they have everywhere."""

    name: str
    args: tuple[str, ...]
    doc: str
    lines: tuple[str, ...]
    returns: tuple[str, ...]

    def text(self) -> str:
        lines = folded_return(self.returns) if self.returns else []
        body = [f'"""{self.doc}"""', *self.lines, *lines]
        return "\n".join([*wrapped(f"def {self.name}(", self.args, "):"), *indented(body)])

    def expression(self) -> str:
        return f"{self.name}({', '.join(self.args)})"

    def call(self, targets: Sequence[str] = ()) -> list[str]:
        """The lines that assign what it returns, to the same names or to `targets`."""
        return wrapped(f"{', '.join(targets or self.returns)} = {self.name}(", self.args, ")")


def wrapped(head: str, parts: Iterable[str], tail: str) -> list[str]:
    """`head` parts `tail` in one line, else the parts in one of their own, else one part a line."""
    parts = list(parts)
    inside = ", ".join(parts)
    if len(head) + len(inside) + len(tail) <= LIMIT or not parts:
        return [f"{head}{inside}{tail}"]
    if len(inside) + 4 <= LIMIT:
        return [head, f"    {inside}", tail]
    return [head, *(f"    {part}," for part in parts), tail]


def folded(line: str) -> list[str]:
    """A line, with what its last outermost brackets hold on lines of its own where it is long."""
    if len(line) <= LIMIT or line[-1] not in ")]":
        return [line]
    start = _opening(line)
    parts = _parts(line[start + 1 : -1])
    head, tail = line[: start + 1], line[-1]
    return [head, *(f"    {part}," for part in parts), tail]


def _opening(line: str) -> int:
    """Where the bracket that closes at the end of the line opens."""
    depth = 0
    for place in range(len(line) - 1, -1, -1):
        depth += (line[place] in ")]}") - (line[place] in "([{")
        if depth == 0:
            return place
    raise ValueError(f"no bracket opens in {line}")


def _parts(text: str) -> list[str]:
    """What stands between commas outside of brackets."""
    found, depth = [""], 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return [part.strip() for part in found if part.strip()]


def folded_return(values: Sequence[str]) -> list[str]:
    line = f"return {', '.join(values)}"
    if len(line) <= LIMIT:
        return [line]
    return folded(line) if len(values) == 1 else wrapped("return (", values, ")")


def indented(lines: Iterable[str], by: int = 1) -> list[str]:
    return [f"{'    ' * by}{line}" if line else line for line in lines]


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
