"""Rows that vary from call to call.  In: tables without runs, resets.  Out: the rows of a job.

xla_rows(record, frame, scratch, job)
"""

# Numba finds these types out.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from celldsl.jax.handler_abi import (
    FRAME_ARGUMENTS,
    RECORD_BATCH,
    RECORD_PARTS,
    RECORD_RESETS,
    RECORD_STATES,
    RECORD_TABLES,
    TABLE_WORDS,
)
from celldsl.jax.handler_memory import xla_data, xla_source
from celldsl.jit.functions import routine
from celldsl.jit.lowering.pointers import words_at
from celldsl.runtime.exec.plan_anew import begin_anew
from celldsl.runtime.threads.task_abi import GRAPH_BLOCK_ROWS, GRAPH_BLOCKS, GRAPH_ROWS

TABLE_ROWS = 2  # the word of a table that says how many rows all parts have


@routine
def xla_rows(record, frame, scratch, job):
    parts = record[RECORD_PARTS]
    if parts == 0:
        return
    resets = words_at(xla_data(words_at(frame[FRAME_ARGUMENTS]), record[RECORD_RESETS]))
    batch, states, aside = record[RECORD_BATCH], record[RECORD_STATES], -1
    for part in range(parts):
        at = record[RECORD_TABLES] + TABLE_WORDS * part
        table = words_at(xla_source(frame, record[at], record[at + 1], scratch))
        if part == 0:
            aside = table[TABLE_ROWS]  # states before a reset come after those of all rows
        own = scratch + record[at + 2]
        aside = begin_anew(table, resets, words_at(own), batch, aside, states)
        job[job[GRAPH_ROWS] + part] = own
    # A single worker is not told of a part.
    job[job[GRAPH_BLOCKS] + GRAPH_BLOCK_ROWS] = job[job[GRAPH_ROWS]]
