"""Winograd's transforms of tiles, in LLVM's own terms.  In: pointers.  Out: memory, written.

    read_image_tiles(to, step, image, line_step, units, tall)
        to[p * step + l] = number p of what tile l sees of the image, transformed, for all lanes l
    read_own_tiles(to, step, image, line_step, units, tall)
        the same of the tile's own pixels, as a cotangent's are for the gradient of a kernel
    write_tiles(c, line_step, units, sums, step, adds, tall)
        c, at the tile's own pixels, = (or += where `adds`) the inverse of sums[p * step + l]
    transform_kernel(to, step, taps, line_step, place_step, tall)
        to[p * step] = number p of a kernel's taps, transformed
    write_kernel(c, sums, step, tall)
        c[tap] = the inverse of sums[p * step] for the gradient of a kernel
    turn_square(to, to_step, source, step)
        to[l * to_step + i] = source[i * step + l], for i and l below `tile_lanes`

`tall` is a literal: 3 for tiles of 4 × 4, 1 for those of one line.

Lanes are tiles.  A unit is as many pixels of a line as a vector has lanes, and a vector of tiles is
four units, anywhere; `units` is a table of UNIT_WORDS integers (see `TileWords`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from llvmlite import ir

from celldsl.jit.gemm.lanes import (
    host_lanes,
    load_masked,
    load_vector,
    shuffled,
    store_masked,
    store_vector,
    turned,
)
from celldsl.jit.gemm.transforms import (
    Lines,
    along_both,
    of_image,
    of_kernel,
    of_own,
    to_kernel,
    to_own,
)
from celldsl.jit.lowering import types
from celldsl.jit.lowering.types import Context, Signature, TypingContext, Value, Values, intrinsic

_INT = ir.IntType(64)


class TileWords(IntEnum):
    """Where in a table the words begin that say one thing of four units each, a word for each unit.

    Bit k of a word of pixels or lines says whether the k-th is inside the image.
    """

    READ = 0  # where the unit begins in the image that is read
    WRITTEN = 4  # where it begins in the image that is written
    LEFT = 8  # pixels of a line, from one to the left of the unit on
    RIGHT = 12  # pixels, from three to the right of its first on
    OWN = 16  # pixels, from its first on
    LINES = 20  # lines, from one above the unit on
    OWN_LINES = 24  # lines, from its first on


UNIT_WORDS = 28


def tile_width(element: ir.Type) -> int:
    """Tiles of a vector; four units need one each."""
    return max(4, host_lanes(element))


# ------------------------------------------------------------ lines of pixels and vectors of tiles


def _by_place(builder: ir.IRBuilder, units: Sequence[Value], places: int) -> list[Value]:
    """The first places of all tiles of four units, of which each has pixels of a line."""
    lanes = units[0].type.count
    found: list[Value] = []
    for first in range(0, places, 2):
        # Two places of two units together, then one place of four.
        order = [4 * tile + first + place for place in (0, 1) for tile in range(lanes // 2)]
        pairs = [shuffled(builder, units[i], units[i + 1], order) for i in (0, 2)]
        half = lanes // 2
        for start in (0, half):
            order = [start + i if i < half else lanes + start + i - half for i in range(lanes)]
            found.append(shuffled(builder, pairs[0], pairs[1], order))
    return found


def _by_unit(builder: ir.IRBuilder, places: Sequence[Value]) -> list[Value]:
    """The inverse of `_by_place`, of all four places."""
    lanes = places[0].type.count
    half, quarter = lanes // 2, lanes // 4
    found = []
    for start in (0, half):
        order = [start + i if i < half else lanes + start + i - half for i in range(lanes)]
        pairs = [shuffled(builder, places[i], places[i + 1], order) for i in (0, 2)]
        for unit in (0, quarter):
            order = [(place // 2 * lanes) + place % 2 * half + unit + tile
                     for tile in range(quarter) for place in range(4)]  # fmt: skip
            found.append(shuffled(builder, pairs[0], pairs[1], order))
    return found


class _Units:
    """The words of four units."""

    def __init__(self, builder: ir.IRBuilder, table: Value) -> None:
        self.builder = builder
        self.table = table

    def __call__(self, word: TileWords, unit: int) -> Value:
        return self.builder.load(self.builder.gep(self.table, [_INT(word + unit)]))

    def bits(self, pixels: TileWords, lines: TileWords, unit: int, line: int) -> Value:
        """Which pixels of a line are there."""
        there = self.builder.and_(self(lines, unit), _INT(1 << line))
        there = self.builder.icmp_unsigned("!=", there, _INT(0))
        return self.builder.select(there, self(pixels, unit), _INT(0))


def _line_of_image(
    builder: ir.IRBuilder, units: _Units, at: Sequence[Value], line: int
) -> list[Value]:
    """What all tiles see of a line: their four places from one to the left on, and two more."""
    lanes = tile_width(at[0].type.pointee)
    found: list[Value] = []
    for pixels, further, places in ((TileWords.LEFT, -1, 4), (TileWords.RIGHT, 3, 2)):
        vectors = []
        for unit, start in enumerate(at):
            bits = units.bits(pixels, TileWords.LINES, unit, line)
            address = builder.gep(start, [_INT(further)])
            vectors.append(load_masked(builder, address, bits, lanes))
        found += _by_place(builder, vectors, places)
    return found


def _store_all(builder: ir.IRBuilder, lines: Lines, to: Value, step: Value) -> None:
    for number, value in enumerate(value for line in lines for value in line):
        store_vector(builder, value, builder.gep(to, [builder.mul(step, _INT(number))]))


def _load_all(builder: ir.IRBuilder, source: Value, step: Value, tall: int, lanes: int) -> Lines:
    """The six, or six times six, numbers of all tiles."""
    return [
        [
            load_vector(
                builder, builder.gep(source, [builder.mul(step, _INT(6 * line + place))]), lanes
            )
            for place in range(6)
        ]
        for line in range(6 if tall == 3 else 1)
    ]


def _starts(
    builder: ir.IRBuilder, units: _Units, image: Value, word: TileWords, line: Value
) -> list[Value]:
    first = builder.gep(image, [line])
    return [builder.gep(first, [units(word, unit)]) for unit in range(4)]


# ------------------------------------------------------------ what routines call


def _is_literal(tall: types.Type) -> bool:
    return isinstance(tall, types.IntegerLiteral)


@intrinsic
def tile_lanes(_context: TypingContext, like: types.Type):  # type: ignore[no-untyped-def]
    def generate(_: Context, __: ir.IRBuilder, ___: Signature, args: Values) -> Value:
        return _INT(tile_width(args[0].type.pointee))

    return types.intp(like), generate


@intrinsic
def read_image_tiles(_, to, step, image, line_step, units, tall):  # type: ignore[no-untyped-def]
    if not _is_literal(tall):
        return None
    height = tall.literal_value

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        to, step, image, line_step, table, _tall = args
        units, lines = _Units(builder, table), []
        for line in range(6 if height == 3 else 1):
            further = builder.mul(line_step, _INT(line - height // 2))
            at = _starts(builder, units, image, TileWords.READ, further)
            lines.append(_line_of_image(builder, units, at, line))
        _store_all(builder, along_both(builder, lines, of_image), to, step)
        return context.get_dummy_value()

    return types.void(to, types.intp, image, types.intp, units, tall), generate


@intrinsic
def read_own_tiles(_, to, step, image, line_step, units, tall):  # type: ignore[no-untyped-def]
    if not _is_literal(tall):
        return None
    height = tall.literal_value

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        to, step, image, line_step, table, _tall = args
        units, lines = _Units(builder, table), []
        lanes = tile_width(image.type.pointee)
        for line in range(4 if height == 3 else 1):
            at = _starts(
                builder, units, image, TileWords.WRITTEN, builder.mul(line_step, _INT(line))
            )
            bits = [units.bits(TileWords.OWN, TileWords.OWN_LINES, u, line) for u in range(4)]
            vectors = [load_masked(builder, *each, lanes) for each in zip(at, bits, strict=True)]
            lines.append(_by_place(builder, vectors, 4))
        _store_all(builder, along_both(builder, lines, of_own), to, step)
        return context.get_dummy_value()

    return types.void(to, types.intp, image, types.intp, units, tall), generate


@intrinsic
def write_tiles(_, c, line_step, units, sums, step, adds, tall):  # type: ignore[no-untyped-def]
    if not _is_literal(tall):
        return None
    height = tall.literal_value

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        c, line_step, table, source, step, adds, _tall = args
        units, lanes = _Units(builder, table), tile_width(c.type.pointee)
        made = along_both(builder, _load_all(builder, source, step, height, lanes), to_own)
        adding = builder.icmp_signed("!=", adds, _INT(0))
        for line, places in enumerate(made):
            further = builder.mul(line_step, _INT(line))
            at = _starts(builder, units, c, TileWords.WRITTEN, further)
            for unit, value in enumerate(_by_unit(builder, places)):
                bits = units.bits(TileWords.OWN, TileWords.OWN_LINES, unit, line)
                old = load_masked(builder, at[unit], builder.select(adding, bits, _INT(0)), lanes)
                store_masked(builder, builder.fadd(old, value), at[unit], bits)
        return context.get_dummy_value()

    return types.void(c, types.intp, units, sums, types.intp, types.intp, tall), generate


@intrinsic
def transform_kernel(_, to, step, taps, line_step, place_step, tall):  # type: ignore[no-untyped-def]
    if not _is_literal(tall):
        return None
    height = tall.literal_value

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        to, step, taps, line_step, place_step, _tall = args
        lines = [
            [
                builder.load(builder.gep(builder.gep(taps, [builder.mul(line_step, _INT(line))]),
                                         [builder.mul(place_step, _INT(place))]))
                for place in range(3)
            ]
            for line in range(height)
        ]  # fmt: skip
        made = along_both(builder, lines, of_kernel)
        for number, value in enumerate(value for line in made for value in line):
            builder.store(value, builder.gep(to, [builder.mul(step, _INT(number))]))
        return context.get_dummy_value()

    return types.void(to, types.intp, taps, types.intp, types.intp, tall), generate


@intrinsic
def write_kernel(_, c, sums, step, tall):  # type: ignore[no-untyped-def]
    if not _is_literal(tall):
        return None
    height = tall.literal_value

    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        c, source, step, _tall = args
        lines = [
            [builder.load(builder.gep(source, [builder.mul(step, _INT(6 * line + place))]))
             for place in range(6)]
            for line in range(6 if height == 3 else 1)
        ]  # fmt: skip
        made = along_both(builder, lines, to_kernel)
        for number, value in enumerate(value for line in made for value in line):
            builder.store(value, builder.gep(c, [_INT(number)]))
        return context.get_dummy_value()

    return types.void(c, sums, types.intp, tall), generate


@intrinsic
def turn_square(_, to, to_step, source, step):  # type: ignore[no-untyped-def]
    def generate(context: Context, builder: ir.IRBuilder, _: Signature, args: Values) -> Value:
        to, to_step, source, step = args
        lanes = tile_width(to.type.pointee)
        rows = [load_vector(builder, builder.gep(source, [builder.mul(step, _INT(i))]), lanes)
                for i in range(lanes)]  # fmt: skip
        for lane, value in enumerate(turned(builder, rows)):
            store_vector(builder, value, builder.gep(to, [builder.mul(to_step, _INT(lane))]))
        return context.get_dummy_value()

    return types.void(to, types.intp, source, types.intp), generate
