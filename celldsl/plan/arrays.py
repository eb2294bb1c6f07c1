"""Room in the flat arrays.  In: widths and kinds of rows.  Out: places, and how long each array is.

arrays.buffer("work", "row", 3*H, name="pre")      the next free place for R rows of 3*H
"""

from __future__ import annotations

import re

from celldsl.ir.size import Shape, Size, product
from celldsl.plan.places import ROW_COUNTS, Place, RowKind
from celldsl.record import entity, field


def contiguous(shape: Shape) -> Shape:
    """Strides of an array in C order."""
    strides: list[Size] = []
    step = Size.of(1)
    for size in reversed(shape):
        strides.insert(0, step)
        step = step * size
    return tuple(strides)


def word_of(name: str) -> str:
    """A name of a buffer as a part of a Python name."""
    return re.sub(r"\W+", "_", name.removesuffix("'")).strip("_")


@entity
class Arrays:
    """Hands out places one behind the other; `lengths` says how far each array goes by now.

    `names` are the words that buffers have, also those of other arrays of the cell.
    """

    lengths: dict[str, Size] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def buffer(self, array: str, rows: RowKind, shape: Shape, name: str = "") -> Place:
        """A new buffer for a value of `shape` for every row of the kind."""
        width = product(shape)
        base = self.reserve(array, width * ROW_COUNTS[rows])
        return Place(array, base, rows, width, contiguous(shape), name=self.unique(name))

    def unique(self, name: str) -> str:
        """A name that no other buffer has, also where both become words."""
        found, number = name, 2
        while word_of(found) in self.names:
            found, number = f"{name} {number}", number + 1
        self.names.add(word_of(found))
        return found

    def reserve(self, array: str, length: Size) -> Size:
        """Where the next `length` elements of the array begin."""
        base = self.lengths.get(array, Size.of(0))
        self.lengths[array] = base + length
        return base
