"""What compiled code goes by: words of a call table, of objects, arrays and tuples.

A table is an array of 64-bit words, as `DIRECT_…` say: addresses, and for each input, output and
state its number of axes and where its shape is.
"""

from __future__ import annotations

from celldsl.jit.array_layout import POINTER_OFFSET

WORD = 8
DIRECT_BUSY = 0  # whether somebody uses the memory of the step at the moment
DIRECT_VERSION, DIRECT_VERSION_AT = 1, 2  # of the parameters, then and now
DIRECT_COUNT, DIRECT_COUNT_AT = 3, 4  # references to the owner of the parameters, likewise
DIRECT_RUN, DIRECT_JOB, DIRECT_PLACES = 5, 6, 7
DIRECT_INPUTS, DIRECT_OUTPUTS, DIRECT_STATES = 8, 9, 10  # how many
DIRECT_OUTPUT_TYPE, DIRECT_STATE_TYPE = 11, 12  # of their tuples; 0 for a single output
DIRECT_ARRAY_TYPE, DIRECT_DTYPE, DIRECT_TYPE_NUMBER = 13, 14, 15
DIRECT_NONE = 16
DIRECT_NEW_ARRAY, DIRECT_NEW_OF_TYPE, DIRECT_NEW_TUPLE = 17, 18, 19  # functions, see `_functions`
DIRECT_GET, DIRECT_SET, DIRECT_HOLD, DIRECT_DROP = 20, 21, 22, 23
DIRECT_SLOTS = 24
UNKNOWN_VERSION = -1

# Words of an object, an array and a tuple.
OBJECT_TYPE = object.__basicsize__ // WORD - 1
ARRAY_DATA = POINTER_OFFSET // WORD
ARRAY_RANK, ARRAY_SHAPE, ARRAY_DTYPE, ARRAY_FLAGS = (ARRAY_DATA + i for i in (1, 2, 5, 6))
TUPLE_SIZE, TUPLE_WORDS = OBJECT_TYPE + 1, tuple.__basicsize__ // WORD
LOW_HALF = 0xFFFFFFFF  # of a word that has a shorter number first
PLAIN_FLAGS = 0x1 | 0x100 | 0x400  # contiguous, aligned, writeable
