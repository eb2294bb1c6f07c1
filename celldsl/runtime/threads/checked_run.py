"""Phases run by Python, every access looked at.  In: phases, a RowPlan, arrays.  Out: as compiled.

    CheckedRun(description.regions, dims, backward=False).run(launch, arrays)

CELLDSL_CHECKED=1 runs every pass so: some thousand times slower, in one thread.  A read or write
outside its buffer, or of a value that nobody wrote, raises AccessError with the equation whose loop
it is in.
"""

from __future__ import annotations

import traceback
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from celldsl.jit.checked import AccessError, CheckedArray, CheckedPointer
from celldsl.jit.functions import Routine
from celldsl.runtime.arrays.state_structure import Nested
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.description import Phase
from celldsl.runtime.row_plan import RowPlan

Regions = Callable[..., Mapping[str, tuple[tuple[str, int], ...]]]
# What a pass writes, and nobody before it.
FRESH = ("fixed", "tape", "work", "out_", "final_", "din_", "dstart_")
FORWARD_REGIONS = {"fixed": "fixed", "tape": "tape", "work": "forward_work"}
BACKWARD_REGIONS = {"fixed": "backward_fixed", "tape": "tape", "work": "backward_work"}

# By address: what passes wrote, as long as the array is there that they were given.  A bridge may
# hand in another array over the same memory on the way back.
_written: dict[int, tuple[Nested, Nested]] = {}


def written_of(array: Values, fresh: bool) -> Any:
    """Which elements of an array somebody wrote."""
    if not fresh:
        return np.ones(array.size, bool)
    key = array.__array_interface__["data"][0]
    _, marks = _written.get(key, (None, None))
    if marks is None or marks.size < array.size:
        marks = np.zeros(array.size, bool)
        _written[key] = weakref.ref(array, lambda _: _written.pop(key, None)), marks
    return marks[: array.size]


class CheckedRun:
    """How one direction of a cell is run by Python.  `regions` as a Description has them."""

    def __init__(self, regions: Regions | None, dims: Mapping[str, int], backward: bool) -> None:
        self.regions = regions
        self.dims = dict(dims)
        self.names = BACKWARD_REGIONS if backward else FORWARD_REGIONS

    def arrays(self, names: Sequence[str], plan: RowPlan, given: Sequence[Values]) -> list[Any]:
        """Pointers to the arrays that a phase knows by these names."""
        sizes = (plan.rows, plan.batch, plan.states, plan.kept, len(plan.parts))
        keys = ("_R", "_B", "_S", "_K", "_parts")
        known: Mapping[str, tuple[tuple[str, int], ...]] = {}
        if self.regions is not None:
            known = self.regions(**self.dims, **dict(zip(keys, sizes, strict=True)))
        found = []
        for name, array in zip(names, given, strict=True):
            regions = known.get(self.names.get(name, ""), ())
            written = written_of(array, name.startswith(FRESH))
            flat = CheckedArray(name, array.reshape(-1), written, regions)
            found.append(CheckedPointer(flat))
        return found


def run_checked(phase: Phase, task: Sequence[int], rows: Values, arrays: Sequence[Any]) -> None:
    """One task; `task` is part, parts, share and shares.  Raises AccessError."""
    held = CheckedPointer(CheckedArray("rows", rows))
    try:
        with np.errstate(all="ignore"):
            phase.run(*task, held, *arrays)
    except AccessError as error:
        raise AccessError(f"{place_of_access(error, phase)}: {error}") from None


def place_of_access(error: AccessError, phase: Phase) -> str:
    """The function of a module and the equation that an access was made for."""
    run: Any = phase.run
    source = run.function.__code__.co_filename
    lines = (run.text or "").splitlines() if isinstance(run, Routine) else []
    found = [(f, n) for f, n in traceback.walk_tb(error.__traceback__)
             if f.f_code.co_filename == source]  # fmt: skip
    if not found:
        return str(run.__name__)
    frame, number = found[-1]
    name = frame.f_code.co_name
    for line in reversed(lines[frame.f_code.co_firstlineno : number]):
        if line.strip().startswith("#"):
            return f"{name}, line {number}, `{line.strip().lstrip('# ')}`"
    return f"{name}, line {number}"
