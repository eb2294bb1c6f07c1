"""Names in generated code.  In: a Program, what a file needs itself.  Out: a name for each value.

Names of a `.cell` file stand in the code as they are where nothing else is called so, and get a
number where something is (an input that is called `torch`).  States and outputs are named tuples:

    nest = nest_of("State", ["h", "g.h", "g.c"], names)
    nest.packed(["a", "b", "c"])           "State(a, State_g(b, c))"
    nest.paths("state")                    ["state.h", "state.g.h", "state.g.c"]

States of inner cells nest as the cells do; those of a loop are in a tuple.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from celldsl.ir.program import Node, Origin, Program
from celldsl.structs import record
from celldsl.targets.framework.text import tuple_code

IDENTIFIER = re.compile(r"[A-Za-z]\w*", re.ASCII)
TARGETS = re.compile(r"([A-Za-z]\w*)('?)(?:\[[^\]]*\])?\s*(?=[,=])")
# Values that are written where they are read, and have no name of their own.
NAMELESS = ("number", "size", "broadcast")


class Names:
    """One name for each value of a module, none of them twice."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self._taken = {*reserved, *keyword.kwlist, *keyword.softkwlist, *dir(builtins)}
        self._given: dict[str, str] = {}

    def of(self, value: str, wanted: str = "") -> str:
        """The name of a value; at the first time one like `wanted`."""
        if value not in self._given:
            self._given[value] = self.free(wanted or value)
        return self._given[value]

    def free(self, wanted: str) -> str:
        """A name that nothing else has."""
        base = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_") or "t"
        if not IDENTIFIER.fullmatch(base):
            base = f"t{base}"
        name, number = base, 1
        while name in self._taken:
            name, number = f"{base}_{number}", number + 1
        self._taken.add(name)
        return name


def equation_targets(origin: Origin) -> list[str]:
    """What the left side of an equation defines: `h_next` for `h'`."""
    left = origin.text.split("=")[0] + "="
    return [f"{name}_next" if prime else name for name, prime in TARGETS.findall(left)]


def equation_names(program: Program) -> dict[str, str]:
    """The user's own names for the values that equations define.

    They are those values of an equation that no other value of it reads; where there are as many
    as the equation has targets they are named, in order.
    """
    groups: dict[Origin, list[Node]] = {}
    for node in program.nodes():
        if node.origin is not None:
            groups.setdefault(node.origin, []).append(node)
    found: dict[str, str] = {}
    for origin, nodes in groups.items():
        read = {arg for node in nodes for arg in node.args}
        values = [n.name for n in nodes if n.name not in read and n.op not in NAMELESS]
        targets = equation_targets(origin)
        if len(values) == len(targets):
            found.update(zip(values, targets, strict=True))
    return found


def base_name(node: Node, params: Iterable[str]) -> str:
    """What a value within an equation is called: after its target, or the weight that it reads."""
    if node.op in ("einsum", "conv"):
        for arg in node.args:
            equation, dot, block = arg.rpartition(".")
            if arg in params and dot and block.startswith("W_"):
                return f"{equation}_{block.removeprefix('W_')}"
    if node.op == "mask":
        return f"{_first_target(node)}_mask"
    return _first_target(node)


def _first_target(node: Node) -> str:
    targets = [] if node.origin is None else equation_targets(node.origin)
    return "_".join(targets) if targets else "t"


@record
class Nest:
    """`inner` are nests by field; `indexed` says that fields are numbers, so that it is a tuple."""

    type_name: str
    fields: tuple[str, ...]
    inner: Mapping[str, Nest]
    indexed: bool

    @property
    def flat(self) -> bool:
        return not self.inner

    def packed(self, values: Sequence[str]) -> str:
        """The tuple of values in the order of the names."""
        return self._packed(iter(values))

    def _packed(self, values: Iterator[str]) -> str:
        parts = [
            self.inner[f]._packed(values) if f in self.inner else next(values) for f in self.fields
        ]
        return tuple_code(parts) if self.indexed else f"{self.type_name}({', '.join(parts)})"

    def paths(self, owner: str) -> list[str]:
        """How to get each value of a tuple that is called `owner`."""
        found: list[str] = []
        for field in self.fields:
            own = f"{owner}[{field}]" if self.indexed else f"{owner}.{field}"
            found += self.inner[field].paths(own) if field in self.inner else [own]
        return found

    def unpacked(self, names: Sequence[str], owner: str) -> list[str]:
        """The lines that give every value a name."""
        if self.flat and not self.indexed:
            left = ", ".join(names) if len(names) > 1 else f"({''.join(names)},)"
            return [f"{left} = {owner}"] if names else []
        return [f"{name} = {path}" for name, path in zip(names, self.paths(owner), strict=True)]

    def classes(self, array: str, shapes: Mapping[str, str], prefix: str = "") -> list[str]:
        """The texts of the classes, inner ones first; `shapes` by dotted name."""
        found: list[str] = []
        lines = []
        for field in self.fields:
            below, name = self.inner.get(field), f"{prefix}{field}"
            if below is None:
                lines.append(f"    {field}: {array}  # {shapes[name]}")
            else:
                found += below.classes(array, shapes, f"{name}.")
                lines.append(f"    {field}: {'tuple' if below.indexed else below.type_name}")
        if not self.indexed:
            body = lines or ["    pass"]
            found.append("\n".join([f"class {self.type_name}(NamedTuple):", *body]))
        return found


def nest_of(type_name: str, names: Sequence[str], taken: Names) -> Nest:
    fields = tuple(dict.fromkeys(name.split(".")[0] for name in names))
    inner = {}
    for field in fields:
        below = [n.partition(".")[2] for n in names if n.startswith(f"{field}.")]
        if below:
            inner[field] = nest_of(f"{type_name}_{field}", below, taken)
    indexed = bool(fields) and fields[0].isdigit()
    own = type_name if indexed else taken.free(type_name)
    return Nest(own, fields, inner, indexed)
