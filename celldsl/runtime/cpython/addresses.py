"""Where arrays are.  In: arrays.  Out: the addresses of their numbers.

    asked_addresses([x, y])         # array("q", [140523…, 140524…])

To ask an array takes Python longer than to copy a small state.  On the fast path Python gives the
addresses of the arrays' objects, which it knows at once, and `fast_addresses` reads there where the
numbers are before anything else is done.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Sequence
from typing import TypeAlias

from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.cpython.abi import ARRAY_DATA, WORD, fast_path

Words: TypeAlias = "array[int]"


def asked_addresses(arrays: Sequence[Values]) -> Words:
    """Where the numbers are, as NumPy says."""
    return array("q", [each.ctypes.data for each in arrays])


def array_words(arrays: Sequence[Values]) -> Words:
    """Addresses of objects on the fast path, else of numbers."""
    return array("q", map(id, arrays)) if fast_path() else asked_addresses(arrays)


def address_of(array: Values) -> int:
    """Where the numbers of one array are."""
    if fast_path():
        return ctypes.c_int64.from_address(id(array) + WORD * ARRAY_DATA).value
    return array.ctypes.data


def objects_among(count: int) -> int:
    """How many of so many words of arrays are addresses of objects."""
    return count if fast_path() else 0
