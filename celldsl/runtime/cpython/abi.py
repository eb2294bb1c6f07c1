"""What compiled code goes by: words of a call table and of objects, and where arrays are.

    fast_path()                     # whether objects are read by address at all
    asked_addresses([x, y])         # array("q", [140523…, 140524…])

A table is an array of 64-bit words, as `CALL_…` say: addresses, and for each input, output and
state its number of axes and where its shape is.

To ask an array where its numbers are takes Python longer than to copy a small state.  On the fast
path Python gives the addresses of the arrays' objects, which it knows at once, and compiled code
reads there where the numbers are before anything else is done.  CELLDSL_FASTPATH=0 does without:
Python asks every array where its numbers are, checks arguments and makes results.
"""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
from array import array
from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

import numpy as np

from celldsl.runtime.arrays.validation import Values

WORD = 8
CALL_BUSY = 0  # whether somebody uses the memory of the step at the moment
CALL_VERSION, CALL_VERSION_AT = 1, 2  # of the parameters, then and now
CALL_COUNT, CALL_COUNT_AT = 3, 4  # references to the owner of the parameters, likewise
CALL_RUN, CALL_JOB, CALL_PLACES = 5, 6, 7
CALL_INPUTS, CALL_OUTPUTS, CALL_STATES = 8, 9, 10  # how many
CALL_OUTPUT_TYPE, CALL_STATE_TYPE = 11, 12  # of their tuples; 0 for a single output
CALL_ARRAY_TYPE, CALL_DTYPE, CALL_TYPE_NUMBER = 13, 14, 15
CALL_NONE = 16
CALL_NEW_ARRAY, CALL_NEW_OF_TYPE, CALL_NEW_TUPLE = 17, 18, 19  # functions, see `_functions`
CALL_GET, CALL_SET, CALL_HOLD, CALL_DROP = 20, 21, 22, 23
CALL_SLOTS = 24
UNKNOWN_VERSION = -1

# Words of an object, an array and a tuple.
# An array keeps the address of its numbers after the fields that every object begins with.
OBJECT_TYPE = object.__basicsize__ // WORD - 1
ARRAY_DATA = OBJECT_TYPE + 1
ARRAY_RANK, ARRAY_SHAPE, ARRAY_DTYPE, ARRAY_FLAGS = (ARRAY_DATA + i for i in (1, 2, 5, 6))
TUPLE_SIZE, TUPLE_WORDS = OBJECT_TYPE + 1, tuple.__basicsize__ // WORD
LOW_HALF = 0xFFFFFFFF  # of a word that has a shorter number first
PLAIN_FLAGS = 0x1 | 0x100 | 0x400  # contiguous, aligned, writeable

OBJECT_FACTS = f"{object.__basicsize__} {tuple.__basicsize__}"  # what code with these depends on


def words_of(address: int, count: int) -> list[int]:
    return list((ctypes.c_int64 * count).from_address(address))


def reference_word(address: int) -> int:
    """The references to an object, as compiled code reads them; 0 where it reads none.

    Takes the object's address: an argument would be one reference more.
    """
    return ctypes.c_uint32.from_address(address).value if fast_path() else 0


@cache
def fast_path() -> bool:
    """Whether objects lie as compiled code takes for granted, and nobody wants to do without."""
    if os.environ.get("CELLDSL_FASTPATH", "").strip() == "0":
        return False
    if (
        sys.implementation.name != "cpython"
        or sys.byteorder != "little"
        or ctypes.sizeof(ctypes.c_void_p) != WORD
        or sysconfig.get_config_var("Py_GIL_DISABLED")
    ):
        return False
    probe, pair = np.zeros((4, 5), np.float32)[1:], (1, 2)
    words = words_of(id(probe), ARRAY_FLAGS + 1)
    return (
        words[OBJECT_TYPE] == id(np.ndarray)
        and words[ARRAY_DATA] == probe.ctypes.data
        and words[ARRAY_RANK] & LOW_HALF == probe.ndim
        and words_of(words[ARRAY_SHAPE], 2) == list(probe.shape)
        and words[ARRAY_DTYPE] == id(probe.dtype)
        and words[ARRAY_FLAGS] & PLAIN_FLAGS == PLAIN_FLAGS
        and words_of(id(pair), TUPLE_SIZE + 1)[TUPLE_SIZE] == len(pair)
    )


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
