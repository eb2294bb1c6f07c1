"""Rows of an array by their numbers.  In: an array, numbers of rows.  Out: a new array.

packed = gather_rows(array, numbers)      # (N, …), (R,) -> (R, …); zeros where a number is -1
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import numpy as np

from celldsl.jit.functions import routine
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


@cache
def _compiled_phases_of(dtype: str) -> CompiledPhases:
    return CompiledPhases(
        [Phase("rows", gathered_rows)], phase_addresses([gathered_rows], dtype, "rows_")
    )


@lru_cache(maxsize=64)
def _launch_plan_of(dtype: DType, count: int, width: int, parts: int) -> LaunchPlan:
    sizes = np.array([count, width], np.int64)
    return LaunchPlan(
        _compiled_phases_of(dtype.name), RowPlan(1, count, count, 0, 0, (sizes,) * parts, True)
    )


def gather_rows(array: Values, numbers: Values) -> Values:
    """The rows of a contiguous array, on several threads where they are many."""
    found = np.empty((len(numbers), *array.shape[1:]), array.dtype)
    count, width = len(numbers), found[:1].size
    parts = parts_for(count, count * width * FLOPS_PER_COPY)
    _launch_plan_of(array.dtype, count, width, parts).run((numbers, _NO_HYPER, array, found))
    return found
