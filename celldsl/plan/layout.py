"""The flat arrays.  In: widths and kinds of rows, parameters.  Out: places, and lengths of arrays.

    arrays.buffer("work", "row", 3*H, name="pre")      the next free place for R rows of 3*H
    r_u.W_x [I, 2*H] and c.W_x [I, H]  ->  one block [I, 3*H], so that one GEMM reads both

Parameters that a merged GEMM reads side by side are stored side by side.  What a user sees is a
strided view, so names and shapes do not depend on it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from celldsl.ir.attributes import AXIS
from celldsl.ir.program import Node, Program
from celldsl.ir.size import Shape, Size, contiguous, product
from celldsl.ir.spec import ParamSpec
from celldsl.plan.places import ROW_COUNTS, Place, RowKind
from celldsl.plan.plan import Block
from celldsl.structs import entity, field


def word_of(name: str) -> str:
    """A name of a buffer as a part of a Python name."""
    return re.sub(r"\W+", "_", name.removesuffix("'")).strip("_")


@entity
class Arrays:
    """Hands out places one behind the other; `lengths` says how far each array goes by now, and
    `regions` where each buffer in it begins.

    `names` are the words that buffers have, also those of other arrays of the cell.
    """

    lengths: dict[str, Size] = field(default_factory=dict)
    regions: dict[str, tuple[tuple[str, Size], ...]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def buffer(self, array: str, rows: RowKind, shape: Shape, name: str = "") -> Place:
        """A new buffer for a value of `shape` for every row of the kind."""
        width = product(shape)
        own = self.unique(name)
        base = self.reserve(array, width * ROW_COUNTS[rows], own)
        return Place(array, base, rows, width, contiguous(shape), name=own)

    def unique(self, name: str) -> str:
        """A name that no other buffer has, also where both become words."""
        found, number = name, 2
        while word_of(found) in self.names:
            found, number = f"{name} {number}", number + 1
        self.names.add(word_of(found))
        return found

    def reserve(self, array: str, length: Size, name: str) -> Size:
        """Where the next `length` elements of the array begin."""
        base = self.lengths.get(array, Size.of(0))
        self.lengths[array] = base + length
        self.regions[array] = (*self.regions.get(array, ()), (name, base))
        return base


def lay_out(
    program: Program,
    params: tuple[ParamSpec, ...],
    array: str,
    names: set[str],
    without: Collection[str] = (),
) -> tuple[Block, ...]:
    """Blocks of all parameters, in order of declaration; `names` as in Arrays."""
    arrays = Arrays(names=names)
    places: dict[str, Place] = {}
    shapes = {p.name: p.shape for p in params}
    for concat in () if "place_side_by_side" in without else _concats(program, shapes):
        place_side_by_side(arrays, concat, shapes, places, array)
    for name, shape in shapes.items():
        if name not in places:
            places[name] = arrays.buffer(array, "once", shape, name)
    return tuple(Block(name, shape, places[name]) for name, shape in shapes.items())


def _concats(program: Program, shapes: dict[str, Shape]) -> list[Node]:
    """Concats of whole parameters of which nothing else reads any."""
    users: dict[str, int] = {}
    for node in program.nodes():
        for arg in node.args:
            users[arg] = users.get(arg, 0) + 1
    return [
        node
        for node in program.before
        if node.op == "concat"
        and len(set(node.args)) == len(node.args)
        and all(arg in shapes and users[arg] == 1 for arg in node.args)
    ]


def place_side_by_side(
    arrays: Arrays, concat: Node, shapes: dict[str, Shape], places: dict[str, Place], array: str
) -> None:
    axis = concat[AXIS]
    whole = arrays.buffer(array, "once", concat.type.shape, "|".join(concat.args))
    offset = Size.of(0)
    for name in concat.args:
        places[name] = Place(
            array, whole.base, "once", whole.width, whole.strides, offset * whole.strides[axis],
            name=arrays.unique(name),
        )  # fmt: skip
        offset = offset + shapes[name][axis]


def joined(concat: Node, places: list[Place], shapes: list[Shape]) -> Place | None:
    """The place of a concat whose arguments already lie side by side, if they do."""
    axis = concat[AXIS]
    first = places[0]
    if not _plain(first, concat, axis):
        return None
    expected = first.offset
    for place, shape in zip(places, shapes, strict=True):
        same = (place.array, place.base, place.rows, place.strides, place.width)
        if same != (first.array, first.base, first.rows, first.strides, first.width):
            return None
        if place.offset != expected:
            return None
        expected = expected + shape[axis] * place.strides[axis]
    return first


def _plain(first: Place, concat: Node, axis: int) -> bool:
    """Whether the first argument's strides are those of the whole concat."""
    return first.strides == contiguous(concat.type.shape)
