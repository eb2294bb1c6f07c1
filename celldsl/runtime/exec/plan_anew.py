"""Plans of which sequences begin anew on their way.  In: a RowPlan, resets.  Out: another RowPlan.

    plan_anew(plan, resets)         # resets (steps, batch), as steps are done and sequences dealt

Only runs of steps differ, and what is said of sequences; rows and tasks are those of the plan.
Most batches come with resets of their own, so compiled code goes through them.
"""

from __future__ import annotations

import ctypes
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from celldsl.jit.functions import routine
from celldsl.jit.object_cache import Code
from celldsl.jit.translation import Translation
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.cpython.abi import address_of
from celldsl.runtime.row_plan import (
    HEADER,
    INPUT_INDEX,
    RESULT_INDEX,
    RUN,
    WORDS,
    RowPlan,
    with_index,
)

_STATE, _RUNS = HEADER + 2, HEADER + 4  # words of the first step


@routine
def write_run(part: Any, at: int, low: int, high: int, next_row: int, fresh: int) -> int:
    """Writes a run that is not empty; where the next one goes."""
    if low >= high:
        return at
    part[at], part[at + 1], part[at + 2], part[at + 3] = low, high, next_row, fresh
    return at + RUN


@routine
def begin_anew(source: Any, resets: Any, part: Any, batch: int, aside: int, states: int) -> int:
    """Writes a part from that of a plan without resets; the row after those that it set aside.

    States before a reset go to rows from `aside` on, where every step is kept.
    """
    steps, first, count, keep = source[0], source[4], source[5], source[7]
    sequences = source[9]
    at = sequences + 2 * count + 1
    for i in range(at):
        part[i] = source[i]
    anew = 1 if source[6] == 0 else 0
    for b in range(count):
        if steps > 0 and resets[first + b] != 0:
            part[sequences + count + b] = -1
            anew = 1
    for t in range(steps):
        part[_RUNS + WORDS * t] = at
        active, staying = source[HEADER + 1 + WORDS * t], source[HEADER + 1 + WORDS * (t + 1)]
        coming = source[_STATE + WORDS * (t + 1)]
        low = 0
        for b in range(staying):
            if resets[(t + 1) * batch + first + b] != 0:
                at = write_run(part, at, low, b, coming, 0)
                at = write_run(part, at, b, b + 1, coming if keep == 0 else aside - b, 1)
                aside += keep
                low, anew = b + 1, 1
        at = write_run(part, at, low, staying, coming, 0)
        # Final states come after all others.
        at = write_run(part, at, staying, active, states + first, 0)
    part[_RUNS + WORDS * steps] = at
    part[_STATE + WORDS * steps] = states + first
    part[3], part[8] = states, anew
    return aside


@cache
def _compiled() -> Any:
    symbol = "celldsl_begin_anew"
    (found,) = Code("plan_anew", [symbol], lambda: _object(symbol)).addresses()
    place, number = ctypes.c_void_p, ctypes.c_int64
    return ctypes.CFUNCTYPE(number, place, place, place, number, number, number)(found)


def _object(symbol: str) -> list[Translation]:
    from celldsl.jit.compile import compile_symbols

    return compile_symbols({symbol: (begin_anew, "sssiii")}, "float64")


def _room_for(rows: int) -> int:
    """A few more, so that batches with about as many resets have tapes of one length."""
    unit = max(64, 1 << rows.bit_length() >> 3)
    return -(-rows // unit) * unit


def plan_anew(plan: RowPlan, resets: Values) -> RowPlan:
    """A plan of which sequences begin anew before the steps at which `resets` is 1.

    `resets` (steps, batch) is in the order of processing and of the plan's places.
    """
    later = int(np.count_nonzero(resets[1:]))
    # Where not every step is kept there are states of two steps, and those are written over.
    states = plan.states if plan.kept < plan.rows else plan.states + _room_for(later)
    begin, places, aside, parts = _compiled(), address_of(resets), plan.rows, []
    for part in plan.parts:
        own = np.empty(part.size + 2 * RUN * (plan.steps + later), np.int64)
        aside = begin(address_of(part), places, address_of(own), plan.batch, aside, states)
        parts.append(own[: own[_RUNS + WORDS * plan.steps]])
    found = tuple(parts)
    if plan.lead is not None:
        first = plan.parts[0]
        index = first[first[RESULT_INDEX] :]
        found = with_index(parts, index, bool(first[INPUT_INDEX]))
    return replace(plan, states=states, parts=found, base=plan)
