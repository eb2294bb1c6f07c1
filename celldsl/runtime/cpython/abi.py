"""What compiled code goes by: words of a call table, of objects, arrays and tuples.

A table is an array of 64-bit words, as `CALL_…` say: addresses, and for each input, output and
state its number of axes and where its shape is.
"""

from __future__ import annotations

from celldsl.jit.array_layout import POINTER_OFFSET

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
OBJECT_TYPE = object.__basicsize__ // WORD - 1
ARRAY_DATA = POINTER_OFFSET // WORD
ARRAY_RANK, ARRAY_SHAPE, ARRAY_DTYPE, ARRAY_FLAGS = (ARRAY_DATA + i for i in (1, 2, 5, 6))
TUPLE_SIZE, TUPLE_WORDS = OBJECT_TYPE + 1, tuple.__basicsize__ // WORD
LOW_HALF = 0xFFFFFFFF  # of a word that has a shorter number first
PLAIN_FLAGS = 0x1 | 0x100 | 0x400  # contiguous, aligned, writeable
