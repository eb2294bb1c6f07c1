"""The code of phases, and which of them a pass needs.  In: phases.  Out: CompiledPhases.

    ahead = compiled_phases(description, description.forward, dims, dtype, 1_000, "llvm")
    leading_once(description.forward)       # those that depend on parameters alone
    Wanted(inputs=False).left_out           # ["inputs"]: phases that serve gradients of inputs

The code of each direction is an object of its own, so that who never goes back does not wait for
the code of the backward pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from celldsl.jit.checked import checked_mode
from celldsl.jit.functions import Routine
from celldsl.jit.object_cache import begin_phases, check_executable_memory, phase_addresses
from celldsl.runtime.arrays.validation import DType
from celldsl.runtime.description import Description, Phase
from celldsl.runtime.threads.checked_run import CheckedRun
from celldsl.runtime.threads.launch import CompiledPhases


def compiled_phases(
    description: Description,
    phases: Sequence[Phase],
    dims: Mapping[str, int],
    dtype: DType,
    row_work: int,
    made_by: str,
    label: str = "",
) -> CompiledPhases:
    """`row_work` is about how many multiplications a row takes; the object's name has the label.

    Phases made by Numba have no code of ours, and are called from Python one after the other.
    """
    if made_by == "numba":
        check_executable_memory()
        return CompiledPhases(_by_numba(phases), None)
    routines = [phase.run for phase in phases]
    if checked_mode() and all(isinstance(routine, Routine) for routine in routines):
        back = phases is description.backward
        checked = CheckedRun(description.regions, dims, back)
        return CompiledPhases(phases, None, row_work, checked)
    return CompiledPhases(phases, phase_addresses(routines, dtype, label), row_work)


def begin_compiling(phases: Sequence[Phase], dtype: DType, made_by: str, label: str = "") -> None:
    """Begins what `compiled_phases` will wait for."""
    if made_by == "llvm" and not checked_mode():
        begin_phases([phase.run for phase in phases], dtype, label)


def _by_numba(phases: Sequence[Phase]) -> list[Phase]:
    from celldsl.jit.lowering.numba_types import by_numba

    return [replace(p, run=by_numba(p.run)) if isinstance(p.run, Routine) else p for p in phases]


def leading_once(phases: Sequence[Phase]) -> list[Phase]:
    """The phases at the beginning that depend on parameters alone."""
    found = []
    for phase in phases:
        if phase.kind != "once":
            break
        found.append(phase)
    return found


class Wanted(NamedTuple):
    """Whose gradients somebody wants; those of start states always come along."""

    inputs: bool = True
    parameters: bool = True

    @property
    def left_out(self) -> list[str]:
        """What phases serve that nobody needs."""
        return [name for name, wanted in self._asdict().items() if not wanted]


EVERYTHING = Wanted()
