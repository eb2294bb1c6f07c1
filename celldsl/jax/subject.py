"""A built cell as passes see it.  In: a cell.  Out: a Subject, and the Pass over a batch.

    subject = subject_of(cell)
    how = Pass(subject, "float32", steps=100, batch=32, given=False)

A Subject has the numbers that the cell has at that moment: programs that JAX keeps know it by
identity, and one for other numbers is another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from celldsl.bridges.plain_code import plain_module
from celldsl.bridges.recipe import recipe_of
from celldsl.jax.handler_abi import MOST_AXES
from celldsl.jax.interface import interface
from celldsl.jax.masks import dropout_mask, zoneout_mask
from celldsl.jit.checked import checked_mode
from celldsl.jit.forks import COMPILING
from celldsl.jit.functions import Routine
from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.arrays.signature import Slot, make_slots
from celldsl.runtime.arrays.state_structure import StateStructure
from celldsl.runtime.buffers import aligned_array
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.cell.compiler import cell_with_states
from celldsl.runtime.description import Description
from celldsl.runtime.exec.executor import Engine

KERNEL_DTYPES = ("float32", "float64")


class Subject:
    """The facts of a built cell with the hyperparameters and constants of one moment."""

    def __init__(self, cell: Cell) -> None:
        self.recipe = recipe_of(cell)
        self.description: Description = cell.description
        self.dims, self.hypers = self.recipe.dims, self.recipe.hypers
        self.constants = {name: np.array(cell.consts[name]) for name in cell.consts}
        self.made_by = cell._engine.made_by
        described = self.description
        self.params = make_slots(described.params, self.dims)
        self.inputs = make_slots(described.inputs, self.dims)
        self.outputs = make_slots(described.outputs, self.dims)
        self.states = make_slots(described.states, self.dims)
        self.state_structure: StateStructure = cell._state_structure
        self.output_structure: StateStructure = cell._output_structure
        self._engines: dict[str, Engine] = {}

    @cached_property
    def no_kernels(self) -> str | None:
        """Why compiled passes cannot be called, whatever the arrays are; None where they can."""
        if interface() is None:
            return "the installed jaxlib has an interface for foreign functions that is not known"
        if self.made_by != "llvm":
            return f'the cell was built with engine="{self.made_by}"'
        if checked_mode():
            return "CELLDSL_CHECKED=1 runs kernels in Python"
        described = self.description
        if not all(isinstance(p.run, Routine) for p in (*described.forward, *described.backward)):
            return "the cell's kernels are written by hand"
        if any(len(slot.shape) > MOST_AXES for slot in self.params):
            return f"a parameter has more than {MOST_AXES} axes"
        return None

    def engine(self, dtype: str) -> Engine:
        """What runs kernels of a dtype, over no parameters of its own."""
        with COMPILING:
            if dtype not in self._engines:
                self._engines[dtype] = self._new_engine(np.dtype(dtype))
            return self._engines[dtype]

    def _new_engine(self, dtype: np.dtype[Any]) -> Engine:
        described, dims = self.description, self.dims
        flat = aligned_array(described.lengths.parameters(**dims), dtype)
        constants = aligned_array(described.lengths.constants(**dims), dtype)
        constants[:] = 0
        own = Parameters(constants, described.consts, dims)
        for name, array in self.constants.items():
            own[name][...] = array
        values = [float(self.hypers[h.name]) for h in described.hypers if not h.fixed]
        params = Parameters(flat, described.params, dims)
        return Engine(described, dims, values, flat, constants, params, self.made_by)

    @cached_property
    def plain(self) -> ModuleType:
        """The cell in JAX's own operations."""
        found = plain_module(self.recipe, "jax")
        # The masks are then those of kernels.
        vars(found).update(dropout_mask=dropout_mask, zoneout_mask=zoneout_mask)
        return found


_SUBJECTS: WeakKeyDictionary[Cell, dict[tuple[Any, ...], Subject]] = WeakKeyDictionary()


def subject_of(cell: Cell) -> Subject:
    """The same one as long as no hyperparameter changes."""
    known = _SUBJECTS.setdefault(cell, {})
    key = tuple(cell.hypers.values())
    if key not in known:
        known[key] = Subject(cell)
    return known[key]


def subject_with_states(cell: Cell) -> Subject:
    """That of the same cell with the states after every step behind its outputs."""
    known = _SUBJECTS.setdefault(cell, {})
    key = ("states", *cell.hypers.values())
    if key not in known:
        known[key] = Subject(cell_with_states(cell))
    return known[key]


@dataclass(frozen=True, slots=True)
class Operands:
    """What primitives take: lists of arrays, of none or one where something need not be passed.

    `lengths` (B,) are integers, `resets` (T, B) truth values.  `rest` is a tape and what follows.
    """

    key: list[Any]
    params: list[Any]
    inputs: list[Any]
    starts: list[Any]
    lengths: list[Any]
    resets: list[Any]
    rest: list[Any]

    @property
    def primals(self) -> list[Any]:
        """All but the rest."""
        first = [*self.key, *self.params, *self.inputs, *self.starts]
        return [*first, *self.lengths, *self.resets]


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass over `steps` steps of `batch` sequences.

    `given` says whether start states are passed, `lengths` and `resets` whether these are, `masked`
    whether masks are drawn; sequences that are a multiple of `period` apart have the same ones.
    """

    subject: Subject
    dtype: str
    steps: int
    batch: int
    given: bool
    reverse: bool = False
    masked: bool = False
    period: int = 0
    threads: int = 1
    lengths: bool = False
    resets: bool = False

    @property
    def differentiable(self) -> int:
        """How many operands have tangents: parameters, inputs and start states."""
        subject = self.subject
        starts = len(subject.states) if self.given else 0
        return len(subject.params) + len(subject.inputs) + starts

    def split(self, operands: Sequence[Any]) -> Operands:
        """Operands of a primitive by what they are."""
        rest, subject = list(operands), self.subject

        def take(count: int) -> list[Any]:
            found = rest[:count]
            del rest[:count]
            return found

        return Operands(
            take(self.masked), take(len(subject.params)), take(len(subject.inputs)),
            take(len(subject.states) if self.given else 0),
            take(self.lengths), take(self.resets), rest,
        )  # fmt: skip

    def shapes(self, slots: Sequence[Slot], lead: tuple[int, ...]) -> list[tuple[int, ...]]:
        return [(*lead, *slot.shape) for slot in slots]
