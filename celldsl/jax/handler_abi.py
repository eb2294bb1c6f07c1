"""What a handler goes by, in memory.  In: nothing.  Out: the places of words.

XLA calls a handler with a call frame, as `xla/ffi/api/c_api.h` lays it out: structs whose members
are words of 64 bits here.  What a handler is for says its record, an array of words that
`records` writes.  Arrays of a pass are arguments and results of the call, pieces of one more
result that is scratch memory, or memory of ours.
"""

from __future__ import annotations

FRAME_EXTENSION, FRAME_API, FRAME_CONTEXT = 1, 2, 3
FRAME_ARGUMENTS, FRAME_RESULTS = 9, 14  # the pointers to pointers to buffers
BUFFER_DATA = 3
EXTENSION_KIND, EXTENSION_NEXT, EXTENSION_METADATA = 1, 2, 3
EXTENSION_IS_METADATA = 1
METADATA_VERSION = 3  # the major version in the lower half, the minor one in the upper
API_FIELDS = 6  # the word of the first function in the table of functions
SCHEDULE_SIZE = 40  # bytes of XLA_FFI_ThreadPool_Schedule_Args
ERROR_SIZE = 28  # bytes of XLA_FFI_Error_Create_Args
DESTROY_SIZE = 24  # bytes of XLA_FFI_Error_Destroy_Args
ERROR_INTERNAL = 13

# The words of a record.  `…_AT` are bytes from the beginning of scratch memory.
(
    RECORD_VERSION,  # of the interface
    RECORD_JOB, RECORD_JOB_WORDS, RECORD_JOB_AT,  # the job without its arrays
    RECORD_SHARED, RECORD_SOURCES, RECORD_TABLE_AT,  # how many arrays, the word of their sources
    RECORD_PARAMS, RECORD_ENTRIES,  # how many parameters, the word of their entries
    RECORD_FLAT_AT, RECORD_FLAT_FILL,  # all parameters; how many numbers to clear before
    RECORD_GRADIENTS_AT, RECORD_GRADIENTS,  # all gradients; how many, 0 in a forward pass
    RECORD_HYPER, RECORD_HYPER_WORDS, RECORD_HYPER_AT,
    RECORD_KEY,  # the argument that masks are drawn from, or -1
    RECORD_SCRATCH,  # the result that is scratch memory
    RECORD_CALLS_AT,  # room for what is passed to functions of the interface
    RECORD_SCHEDULE, RECORD_CREATE, RECORD_DESTROY,  # words of the table of functions; 0: none
    RECORD_ALLOCATE, RECORD_FREE, RECORD_YIELD,  # functions; 0: none
    RECORD_HELP,  # the code of a helper
    RECORD_FAILED,  # what to say where a phase failed
    RECORD_PARTS,  # how many parts have rows that vary from call to call; 0: none
    RECORD_TABLES,  # the word of where these come from, and where they go
    RECORD_RESETS,  # the argument that says which sequences begin anew
    RECORD_BATCH, RECORD_STATES,  # how many sequences there are, how many states there is room for
    RECORD_HEADER,
) = range(33)  # fmt: skip

SOURCE_WORDS = 2  # of the source of an array: its kind, and which
TABLE_WORDS = 3  # of the rows of a part: the source of its table, and bytes in scratch memory
SOURCE_ARGUMENT, SOURCE_RESULT, SOURCE_SCRATCH, SOURCE_ADDRESS = range(4)

# A parameter: its argument and the result for its gradient (or -1), its first number among all of
# them, its axes, their sizes and strides.
MOST_AXES = 6
ENTRY_ARGUMENT, ENTRY_RESULT, ENTRY_OFFSET, ENTRY_AXES, ENTRY_SIZES = range(5)
ENTRY_STRIDES = ENTRY_SIZES + MOST_AXES
ENTRY_WORDS = ENTRY_STRIDES + MOST_AXES

# What a caller shares with those who help it: how many have come, how many have left, how many hold
# this memory, the job.
HELP_COME, HELP_GONE, HELP_HOLD, HELP_JOB, HELP_FREE, HELP_YIELD, HELP_WORDS = range(7)
HELP_CLOSED = 1 << 32  # added to HELP_COME when the caller needs nobody any more

JOB_CALL_WORDS = 16
