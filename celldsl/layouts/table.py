"""How a library keeps the weights of its cells.  In: a name.  Out: its table, as `tables/` has it.

    layout("torch").modules["LSTM"].arrays["weight_ih_l{layer}{reverse}"]

A table is data: a file for each library, an entry for each of its modules.

    [LSTM]
    cell = "lstm"                        # one that comes with celldsl and computes the same
    gates = { i = [], g = ["j", "c"] }   # each with other names that cells give it
    arrays."weight_ih" = "(i f g o) x"   # its axes: blocks of gates, and rows for the input x
    arrays."bias_ih" = "(i f g o)"       # no axis of a source: a bias

An axis is one block or several in parentheses.  A block of a source (`x`, `h`) is as long as that
is, one of a gate as long as the gate.  `0: (z r n)` is one entry of the first axis, which
`direction: …` picks by the direction.  A bias whose gate stands in several arrays is their sum.
A gate without weights is a vector, such as a peephole.  A name may have others, which the table
`names` lists.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from celldsl.runtime.errors import ArgumentError, nearest_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DIRECTION = "direction"


@dataclass(frozen=True, slots=True)
class Part:
    """What an array holds, or one entry of its first axis: the blocks along each axis.

    `index` is that entry: a number, or "direction"; None for the whole array.
    """

    axes: tuple[tuple[str, ...], ...]
    index: int | str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A cell of the library.

    `gates` maps each gate to other names it may have in a cell, `sources` those of weights (the
    others are gates), `offsets` what the library adds to a gate's bias when it runs.  `cell` comes
    with celldsl and computes the same, with `settings`.
    """

    name: str
    cell: str
    gates: Mapping[str, tuple[str, ...]]
    arrays: Mapping[str, tuple[Part, ...]]
    names: Mapping[str, tuple[str, ...]]
    offsets: Mapping[str, float]
    sources: tuple[str, ...]
    settings: Mapping[str, str | float]

    def needs(self, gate: str) -> frozenset[str]:
        """The sources that the gate has weights of."""
        return frozenset(
            source
            for parts in self.arrays.values()
            for part in parts
            if any(gate in axis for axis in part.axes)
            for axis in part.axes
            for source in axis
            if source in self.sources
        )


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """`title` is the library's name; `nested` says that its arrays are in dicts of dicts."""

    name: str
    title: str
    nested: bool
    modules: Mapping[str, Module]


def layout_names() -> list[str]:
    """Those that there is a table of."""
    folder = files(__package__) / "tables"
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name[-5:] == ".toml")


@cache
def layout(name: str) -> Layout:
    """The table of a library.  Raises ArgumentError, with the nearest name, where there is none."""
    names = layout_names()
    if name not in names:
        near = nearest_name(str(name), names)
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(names)}"
        raise ArgumentError(f"layout: there is none called {name!r}; {hint}")
    text = (files(__package__) / "tables" / f"{name}.toml").read_text(encoding="utf-8")
    told = tomllib.loads(text)
    names = told.pop("names", {})
    modules = {n: _module(n, {"names": names, **entry}) for n, entry in told.items()
               if isinstance(entry, dict)}  # fmt: skip
    return Layout(name, told["title"], told.get("nested", False), modules)


def _module(name: str, entry: Mapping[str, object]) -> Module:
    told = {"sources": ["x", "h"], "offsets": {}, "settings": {}, **entry}
    gates: Mapping[str, list[str]] = told["gates"]  # type: ignore[assignment]
    arrays: Mapping[str, str | list[str]] = told["arrays"]  # type: ignore[assignment]
    names: Mapping[str, list[str]] = told["names"]  # type: ignore[assignment]
    return Module(
        name,
        str(told["cell"]),
        {gate: tuple(others) for gate, others in gates.items()},
        {
            array: tuple(map(_part, [parts] if isinstance(parts, str) else parts))
            for array, parts in arrays.items()
        },
        {array: tuple(others) for array, others in names.items()},
        told["offsets"],  # type: ignore[arg-type]
        tuple(told["sources"]),  # type: ignore[arg-type]
        told["settings"],  # type: ignore[arg-type]
    )


def _part(text: str) -> Part:
    head, colon, rest = text.rpartition(":")
    found = re.findall(r"\(([^)]*)\)|(\S+)", rest)
    axes = tuple(tuple(group.split()) or (single,) for group, single in found)
    index = head.strip() if colon else None
    return Part(axes, int(index) if index and index.isdigit() else index)
