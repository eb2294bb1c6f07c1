"""A module of a layout and a cell, side by side.  In: arrays.  Out: where each gate lies in them.

fitted.blocks(part)                     each block of an array, and what it is of
found_arrays(fitted, arrays, wanted, None)     the library's arrays by the layout's names
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from celldsl.layouts.gates import Gate
from celldsl.layouts.table import Layout, Module, Part
from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.errors import WeightsError


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which arrays: those of a layer and a direction."""

    layer: int = 0
    reverse: bool = False

    def filled(self, name: str) -> str:
        return name.format(layer=self.layer, reverse="_reverse" if self.reverse else "")


class Block(NamedTuple):
    """The part `inside` an array that is of a gate: its weights of a source, or its bias (None).

    Where it is `transposed` it is (out, in), and a cell's weights are (in, out).
    """

    inside: tuple[slice, ...]
    source: str | None
    gate: str
    transposed: bool


class Fitted:
    """A module of a layout, and where a cell keeps its gates."""

    def __init__(
        self, params: Parameters, table: Layout, module: Module, gates: Mapping[str, Gate]
    ):
        self.params, self.table, self.module, self.gates = params, table, module, gates

    def block(self, params: Mapping[str, Values], row: str | None, gate: str) -> Values | None:
        """A view of one gate's weights (in, out) of a source, or of its bias; None without one."""
        place = self.gates[gate]
        name = place.bias if row is None else place.weights.get(row)
        if name is None:
            return None
        return place.of(params[name])

    def blocks(self, part: Part) -> Iterator[Block]:
        """Where each block of an array lies, and what it is of."""
        sources = self.module.sources
        sizes = self.sizes(part)
        edges = [np.cumsum([0, *axis]) for axis in sizes]
        for i, first in enumerate(part.axes[0]):
            for j, second in enumerate(part.axes[1] if len(part.axes) > 1 else ("",)):
                pair = (first, second)
                source = next((token for token in pair if token in sources), None)
                gate = next(token for token in pair if token not in sources and token)
                ends = zip(edges, (i, j), strict=False)
                inside = tuple(slice(edge[at], edge[at + 1]) for edge, at in ends)
                yield Block(inside, source, gate, transposed=first != source)

    def sizes(self, part: Part) -> list[list[int]]:
        """How long the blocks along each axis are."""
        return [[self._size(token) for token in axis] for axis in part.axes]

    def _size(self, token: str) -> int:
        if token not in self.module.sources:
            return self.gates[token].size(self.params)
        for gate in self.gates.values():
            if token in gate.weights:
                return int(self.params[gate.weights[token]].shape[0])
        raise AssertionError(token)


def found_arrays(
    fitted: Fitted, arrays: Mapping[str, Values], wanted: Wanted, prefix: str | None
) -> dict[str, tuple[str, Values]]:
    """The library's arrays by the layout's names, with the names that they go by here."""
    starts = prefixes(fitted.module, arrays, wanted)
    if prefix is not None:
        starts = [_as_there(prefix, starts)]
    if len(starts) != 1:
        told = f"`prefix=` says which of {', '.join(map(repr, starts))}"
        if not starts:
            names = [wanted.filled(name) for name in fitted.module.arrays]
            told = f"expected {', '.join(names)}; there are {', '.join(sorted(arrays)) or 'none'}"
        raise WeightsError(f"{fitted.table.title}'s {fitted.module.name}: {told}")
    found = {}
    for name in fitted.module.arrays:
        for label in (starts[0] + each for each in _spellings(fitted.module, name, wanted)):
            if label in arrays:
                found[name] = label, arrays[label]
                break
        else:
            if not _is_bias(fitted.module, name):
                label = starts[0] + wanted.filled(name)
                raise WeightsError(f"{fitted.table.title}'s {fitted.module.name}: no {label}")
    _refuse_others(fitted, arrays, wanted, starts[0])
    return found


def _as_there(prefix: str, starts: list[str]) -> str:
    """A prefix with the dots that names have here, whatever its library puts between words."""
    written = prefix.replace("/", ".")
    return next((start for start in starts if start in (written, f"{written}.")), written)


def _refuse_others(
    fitted: Fitted, arrays: Mapping[str, Values], wanted: Wanted, start: str
) -> None:
    """Raises WeightsError for an array that another module of the library has and this one not.

    Without it peepholes of a cell that has some would be left out, and nothing said.
    """
    own = {
        each for name in fitted.module.arrays for each in _spellings(fitted.module, name, wanted)
    }
    for module in fitted.table.modules.values():
        for name in module.arrays:
            label = start + wanted.filled(name)
            if label in arrays and wanted.filled(name) not in own:
                raise WeightsError(
                    f"{fitted.table.title}'s {fitted.module.name} has no {label}, which this cell "
                    f"has no place for: {module.name} has (here that is `{module.cell}`)"
                )


def _is_bias(module: Module, name: str) -> bool:
    return not any(
        token in module.sources
        for part in module.arrays[name]
        for axis in part.axes
        for token in axis
    )


def _spellings(module: Module, name: str, wanted: Wanted) -> list[str]:
    others = module.names.get(name, ()) if not (wanted.layer or wanted.reverse) else ()
    return [wanted.filled(name), *others]


def prefixes(module: Module, arrays: Mapping[str, Values], wanted: Wanted) -> list[str]:
    """What stands before the names of all weights: of one cell, or of several."""
    common: list[str] | None = None
    for name in module.arrays:
        if _is_bias(module, name):
            continue
        starts = _starts(arrays, _spellings(module, name, wanted))
        common = starts if common is None else [start for start in common if start in starts]
    return list(dict.fromkeys(common or []))


def _starts(arrays: Mapping[str, Values], spellings: list[str]) -> list[str]:
    """What stands before the first of the spellings that there is."""
    for spelling in spellings:
        ends = [label for label in arrays if label == spelling or label.endswith(f".{spelling}")]
        if ends:
            return [label.removesuffix(spelling) for label in ends]
    return []
