"""Rows copied and cleared on several threads, where they are many.  In: rows, their numbers.

gather_rows(array, numbers, into)   # (N, …), (R,), (R, …); zeros where a number is -1
clear_rows(array, numbers)          # array[numbers] = 0
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import Any

import numpy as np

from celldsl.jit.functions import Routine, routine
from celldsl.jit.object_cache import phase_addresses
from celldsl.jit.symbols import pointer, real
from celldsl.runtime.arrays.validation import DType, Values
from celldsl.runtime.description import Phase
from celldsl.runtime.row_plan import RowPlan
from celldsl.runtime.threads.launch import CompiledPhases, LaunchPlan
from celldsl.runtime.threads.thread_count import parts_for

FLOPS_PER_COPY = 8  # to copy a number from memory takes as long as about so many multiplications
_NO_HYPER = np.zeros(0)


@routine
def gathered_rows(
    part: Any, parts: Any, share: Any, shares: Any, sizes: Any, numbers: Any, _hyper: Any,
    source: Any, target: Any,
) -> None:  # fmt: skip
    """target[r] = source[numbers[r]] for a share of the rows."""
    count, width = sizes[0], sizes[1]
    for r in range(count * share // shares, count * (share + 1) // shares):
        into = pointer(target, r * width, 0)
        if numbers[r] < 0:
            for j in range(width):
                into[j] = real(target, 0.0)
        else:
            row = pointer(source, numbers[r] * width, 1)
            for j in range(width):
                into[j] = row[j]


@routine
def cleared_rows(
    part: Any, parts: Any, share: Any, shares: Any, sizes: Any, numbers: Any, _hyper: Any,
    target: Any,
) -> None:  # fmt: skip
    """target[numbers[r]] = 0 for a share of the rows."""
    count, width = sizes[0], sizes[1]
    for r in range(count * share // shares, count * (share + 1) // shares):
        into = pointer(target, numbers[r] * width, 0)
        for j in range(width):
            into[j] = real(target, 0.0)


@cache
def _compiled_phases_of(routine: Routine, dtype: str) -> CompiledPhases:
    addresses = phase_addresses([routine], dtype, f"{routine.name}_")
    return CompiledPhases([Phase("rows", routine)], addresses)


@lru_cache(maxsize=64)
def _launch_plan_of(
    routine: Routine, dtype: DType, count: int, width: int, parts: int
) -> LaunchPlan:
    sizes = np.array([count, width], np.int64)
    plan = RowPlan(1, count, count, 0, 0, (sizes,) * parts, True)
    return LaunchPlan(_compiled_phases_of(routine, dtype.name), plan)


def _run(routine: Routine, numbers: Values, *arrays: Values) -> None:
    """On several threads where there is much to do; arrays are contiguous."""
    count, width = len(numbers), math.prod(arrays[0].shape[1:])
    parts = parts_for(count, count * width * FLOPS_PER_COPY)
    plan = _launch_plan_of(routine, arrays[0].dtype, count, width, parts)
    plan.run((numbers, _NO_HYPER, *arrays))


def gather_rows(array: Values, numbers: Values, into: Values | None = None) -> Values:
    """The rows of a contiguous array, in memory of their own."""
    if into is None:
        into = np.empty((len(numbers), *array.shape[1:]), array.dtype)
    _run(gathered_rows, numbers, array, into)
    return into


def clear_rows(array: Values, numbers: Values) -> None:
    """Zeros in these rows of a contiguous array."""
    if len(numbers):
        _run(cleared_rows, numbers, array)
