"""What a job looks like, in memory.  In: nothing.  Out: the places of its words.

A job is an array of 64-bit words: what all tasks share, priority groups of tasks, for every part
where its
rows are, for every worker a block of what a task does not share with others (part, parts, share,
shares, rows), and the tasks.  `launch` writes it, and `schedule_loops` runs it.

A mailbox is a line of words through which a worker that has just been busy is given a job, while it
looks: to be woken would take it longer.  It holds how the worker is or the address of a job, which
is negative as long as the worker is at it, and the number that the worker has in the job.
"""

from __future__ import annotations

GRAPH_TASKS, GRAPH_FIRST, GRAPH_GROUPS, GRAPH_FIRST_GROUP, GRAPH_WORKERS = 0, 1, 2, 3, 4
GRAPH_SHARED, GRAPH_ROWS, GRAPH_BLOCKS = 5, 6, 7
GRAPH_DONE = 15  # away from what is only read
GRAPH_HEADER = 16
GRAPH_WORD = 8  # bytes
GRAPH_GROUP = 2  # words of a priority group: its first task, how many
GRAPH_BLOCK = 5  # words of a block
GRAPH_TASK = 8  # words of a task: a line of the cache
GRAPH_STATE, GRAPH_CODE, GRAPH_PART, GRAPH_SHARE, GRAPH_SHARES = 0, 1, 2, 3, 4
GRAPH_NEEDS, GRAPH_ENOUGH, GRAPH_AFTER = 5, 6, 7  # tasks from one up to another, and one more
GRAPH_FREE, GRAPH_TAKEN, GRAPH_READY = 0, 1, 2  # states of a task
GRAPH_NOBODY = -1

MAILBOX_LINE = 8  # words of a mailbox: a line of the cache
MAILBOX_NUMBER = 1
MAILBOX_AWAY, MAILBOX_FREE, MAILBOX_TAKEN = -1, 0, 1  # no address is as small
