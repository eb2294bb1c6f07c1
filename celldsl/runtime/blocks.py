"""Many arrays and one flat array, compared and copied in one call.  In: views.  Out: blocks.

    blocks = Blocks([views], itemsize)
    blocks.gather([address_of_a, address_of_b, flat])       # to where they lie in flat
    blocks.scatter([address_of_a, address_of_b, flat])      # and back
    blocks.differ([address_of_a, address_of_b, flat])       # whether a bit is another there

A view is a shape, an offset and strides in bytes, as parameters have them in a flat array; the
arrays are contiguous.  Rows that lie together are one block.  To ask NumPy for each of a dozen
small parameters takes longer than a step of a small cell.
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import ctypes
import os
from array import array
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from math import prod
from typing import Any, NamedTuple

from celldsl.jit.functions import routine
from celldsl.jit.lowering.pointers import words_at
from celldsl.jit.object_cache import Code
from celldsl.jit.translation import Translation
from celldsl.runtime.arrays.params import View
from celldsl.runtime.cpython.abi import LOW_HALF, WORD
from celldsl.runtime.cpython.objects import fast_call

BLOCK_ARRAY, BLOCK_ARRAY_AT, BLOCK_FLAT, BLOCK_FLAT_AT = range(4)
BLOCK_ROWS, BLOCK_BYTES, BLOCK_STRIDE = range(4, 7)  # bytes of a row, and from row to row in flat
BLOCK = 7
WORDS_AT_ONCE = 1024
ADDRESSES = 3  # of the words of a comparison, the first address


@routine
def blocks_each(into_flat, copy, arrays, table, count):
    """Copies all blocks, to where they lie in flat or from there."""
    for i in range(0, BLOCK * count, BLOCK):
        own = arrays[table[i + BLOCK_ARRAY]] + table[i + BLOCK_ARRAY_AT]
        flat = arrays[table[i + BLOCK_FLAT]] + table[i + BLOCK_FLAT_AT]
        size, stride = table[i + BLOCK_BYTES], table[i + BLOCK_STRIDE]
        for _ in range(table[i + BLOCK_ROWS]):
            if into_flat != 0:
                fast_call(copy, flat, own, size)
            else:
                fast_call(copy, own, flat, size)
            own = own + size
            flat = flat + stride


@routine
def blocks_differ_in_words(own, flat, count):
    """Bits that differ in so many words.  Without a way out, so that it becomes wide instructions:
    twice as fast as `memcmp` where weights are in a core's cache."""
    a, b = words_at(own), words_at(flat)
    found = 0
    for i in range(count):
        found |= a[i] ^ b[i]
    return found


@routine
def blocks_differ_in_row(compare, own, flat, size):
    """1 where a byte of two rows differs, else 0."""
    done = 0
    while size - done >= WORD:
        count = min((size - done) // WORD, WORDS_AT_ONCE)
        if blocks_differ_in_words(own + done, flat + done, count) != 0:
            return 1
        done += WORD * count
    # An int is half a word.
    if done < size and (fast_call(compare, own + done, flat + done, size - done) & LOW_HALF) != 0:
        return 1
    return 0


@routine
def blocks_differ(words):
    """1 where a byte differs, else 0.  In one argument, since Python takes its time for each:
    `memcmp`, the table, how many blocks it has, and the addresses of the arrays."""
    compare, table, count = words[0], words_at(words[1]), words[2]
    for i in range(0, BLOCK * count, BLOCK):
        own = words[ADDRESSES + table[i + BLOCK_ARRAY]] + table[i + BLOCK_ARRAY_AT]
        flat = words[ADDRESSES + table[i + BLOCK_FLAT]] + table[i + BLOCK_FLAT_AT]
        size, stride = table[i + BLOCK_BYTES], table[i + BLOCK_STRIDE]
        for _ in range(table[i + BLOCK_ROWS]):
            if blocks_differ_in_row(compare, own, flat, size) != 0:
                return 1
            own = own + size
            flat = flat + stride
    return 0


BLOCK_ENTRIES = {
    "celldsl_blocks_each": (blocks_each, "iissi"),
    "celldsl_blocks_differ": (blocks_differ, "s"),
}


class Blocks:
    """`views` are lists, one for each flat array; addresses are those of all arrays, then of the
    flat ones."""

    __slots__ = ("_address", "_count", "_table")

    def __init__(self, views: Sequence[Sequence[View]], itemsize: int) -> None:
        count = sum(map(len, views))
        table = array("q")
        number = 0
        for flat, own in enumerate(views, count):
            for view in own:
                for at, first, rows, size, stride in _blocks(view, itemsize):
                    table.extend((number, at, flat, first, rows, size, stride))
                number += 1
        self._table = table
        self._address = table.buffer_info()[0]
        self._count = len(table) // BLOCK

    def differ(self, addresses: Sequence[int]) -> bool:
        functions = _functions()
        words = array("q", (functions.compare, self._address, self._count, *addresses))
        found: int = functions.differ(words.buffer_info()[0])
        return found != 0

    def gather(self, addresses: Sequence[int]) -> None:
        """Copies the arrays to where they lie in flat."""
        self._copy(1, addresses)

    def scatter(self, addresses: Sequence[int]) -> None:
        """Copies what lies in flat to the arrays."""
        self._copy(0, addresses)

    def _copy(self, into_flat: int, addresses: Sequence[int]) -> None:
        words, functions = array("q", addresses), _functions()
        here = words.buffer_info()[0]
        functions.each(into_flat, functions.copy, here, self._address, self._count)


def _blocks(view: View, itemsize: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Of each block its offset in a contiguous array, and in flat; rows, bytes of one, stride."""
    shape, offset, strides = view
    if not prod(shape):
        return
    axes = [(size, stride) for size, stride in zip(shape, strides, strict=True) if size != 1]
    run = itemsize  # how many bytes lie together
    while axes and axes[-1][1] == run:
        run *= axes.pop()[0]
    rows, step = axes.pop() if axes else (1, run)
    at = 0
    for index in product(*(range(size) for size, _ in axes)):
        moved = sum(i * stride for i, (_, stride) in zip(index, axes, strict=True))
        yield at, offset + moved, rows, run, step
        at += rows * run


class _Functions(NamedTuple):
    """Where `memcpy` and `memcmp` are, and the compiled loops over blocks."""

    copy: int
    compare: int
    each: Any
    differ: Any


@cache
def _functions() -> _Functions:
    found = Code("blocks", list(BLOCK_ENTRIES), _compiled).addresses()
    library = ctypes.PyDLL(None) if os.name == "posix" else ctypes.PyDLL("msvcrt")
    copy, compare = (
        ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
        for name in ("memcpy", "memcmp")
    )
    # With Python's lock held: letting go of it takes longer than to compare a small weight.
    number = ctypes.c_int64
    each = ctypes.PYFUNCTYPE(None, *[number] * 5)(found[0])
    differ = ctypes.PYFUNCTYPE(number, number)(found[1])
    return _Functions(copy, compare, each, differ)


def _compiled() -> list[Translation]:
    from celldsl.jit.compile import compile_symbols

    return compile_symbols(BLOCK_ENTRIES, "float64")
