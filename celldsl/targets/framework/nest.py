"""Named tuples for states and outputs.  In: dotted names.  Out: their classes as text.

    nest = nest_of("State", ["h", "g.h", "g.c"], names)
    nest.packed(["a", "b", "c"])           "State(a, State_g(b, c))"
    nest.paths("state")                    ["state.h", "state.g.h", "state.g.c"]

States of inner cells nest as the cells do; those of a loop are in a tuple.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from celldsl.structs import record
from celldsl.targets.framework.names import Names
from celldsl.targets.framework.text import tuple_code


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
