"""What a job looks like, in memory.  In: nothing.  Out: the places of its words.

A job is an array of 64-bit words: what all tasks share, lots of tasks, for every part where its
rows are, for every worker a block of what a task does not share with others (part, parts, share,
shares, rows), and the tasks.  `relay` writes it, and `relay_loops` runs it.

A post is a line of words through which a worker that has just been busy is given a job, while it
looks: to be woken would take it longer.  It holds how the worker is or the address of a job, which
is negative as long as the worker is at it, and the number that the worker has in the job.
"""

from __future__ import annotations

RELAY_TASKS, RELAY_FIRST, RELAY_LOTS, RELAY_FIRST_LOT, RELAY_WORKERS = 0, 1, 2, 3, 4
RELAY_SHARED, RELAY_ROWS, RELAY_BLOCKS = 5, 6, 7
RELAY_DONE = 15  # away from what is only read
RELAY_HEADER = 16
RELAY_WORD = 8  # bytes
RELAY_LOT = 2  # words of a lot: its first task, how many
RELAY_BLOCK = 5  # words of a block
RELAY_TASK = 8  # words of a task: a line of the cache
RELAY_STATE, RELAY_CODE, RELAY_PART, RELAY_SHARE, RELAY_SHARES = 0, 1, 2, 3, 4
RELAY_NEEDS, RELAY_ENOUGH, RELAY_AFTER = 5, 6, 7  # tasks from one up to another, and one more
RELAY_FREE, RELAY_TAKEN, RELAY_READY = 0, 1, 2  # states of a task
RELAY_NOBODY = -1

POST_LINE = 8  # words of a post: a line of the cache
POST_NUMBER = 1
POST_AWAY, POST_FREE, POST_TAKEN = -1, 0, 1  # no address is as small
