"""What a job looks like, in memory.  In: nothing.  Out: the places of its words.

A job is an array of 64-bit words: what all tasks share, priority groups of tasks, for every part
where its rows are, phases, for every worker a block of what a task does not share with others
(part, parts, share, shares, rows) and where it is, and the tasks.  `launch` writes it, and
`scheduler` runs it.

A task is done in slices of its phase: share s of S in n slices is the shares s*n … s*n + n - 1 of
S*n.  Between two of them a worker looks at GRAPH_STOP: 0, or why nobody is to go on.

Rows may be copied before the slice that reads them: GRAPH_COPIES is the address of how many rows
and how many arrays there are, and of each array where the copy is, where the rows are, and how many
bytes a row has.

A mailbox is a line of words through which a worker that has just been busy is given a job, while it
looks: to be woken would take it longer.  It holds how the worker is or the address of a job, which
is negative as long as the worker is at it, and the number that the worker has in the job.
"""

from __future__ import annotations

GRAPH_TASKS, GRAPH_FIRST, GRAPH_GROUPS, GRAPH_FIRST_GROUP, GRAPH_WORKERS = 0, 1, 2, 3, 4
GRAPH_SHARED, GRAPH_ROWS, GRAPH_BLOCKS = 5, 6, 7
GRAPH_STOP = 8
GRAPH_OBJECT, GRAPH_OBJECTS = 9, 10  # of the words of arrays: the first object, how many there are
GRAPH_FLUSH = 11  # whether denormal numbers are taken for zero
GRAPH_TUPLE = 12  # the object of a tuple of all arrays, or 0
GRAPH_YIELD = 13  # the code by which a worker without a task gives way to others, or 0
GRAPH_COPIES = 14  # where it is told which rows are to be copied, or 0
GRAPH_COPYING = 15  # the word of the phase before whose slices they are
GRAPH_DONE = 23  # away from what is only read
GRAPH_HEADER = 24
GRAPH_WORD = 8  # bytes
GRAPH_GROUP = 2  # words of a priority group: its first task, how many
GRAPH_PHASE = 2  # words of a phase: its code, in how many slices a task of it is done
GRAPH_BLOCK = 16  # words of a block: what is given to phases, and
# where the part's rows are, the word of the worker's task or 0, its next slice, the system's number
# of its thread or 0, whether it is to begin no other task
GRAPH_BLOCK_ROWS, GRAPH_BLOCK_TASK, GRAPH_BLOCK_SLICE = 4, 5, 6
GRAPH_BLOCK_THREAD, GRAPH_BLOCK_HELD = 7, 8
GRAPH_TASK = 8  # words of a task: a line of the cache
GRAPH_STATE, GRAPH_ENTRY, GRAPH_PART, GRAPH_SHARE, GRAPH_SHARES = 0, 1, 2, 3, 4
GRAPH_NEEDS, GRAPH_ENOUGH, GRAPH_AFTER = 5, 6, 7  # tasks from one up to another, and one more
GRAPH_FREE, GRAPH_TAKEN, GRAPH_READY = 0, 1, 2  # states of a task
GRAPH_NOBODY = -1
GRAPH_ENDLESS = 1 << 62  # slices: until there are no more
GRAPH_LEFT = -1  # in GRAPH_STOP: the caller has left; other numbers are what a phase returned

MAILBOX_LINE = 8  # words of a mailbox: a line of the cache
MAILBOX_NUMBER, MAILBOX_THREAD, MAILBOX_YIELD = 1, 2, 3  # as GRAPH_BLOCK_THREAD and GRAPH_YIELD
MAILBOX_CLOCK, MAILBOX_TIME = 4, 5  # the code that reads a clock, or 0, and room for two words
MAILBOX_AWAY, MAILBOX_FREE, MAILBOX_TAKEN = -1, 0, 1  # no address is as small
