"""A built cell's arrays, by name and shape.  In: what a user passes.  Out: checked arrays.

signature = Signature(description, dims, dtype, State, Outputs)
arrays, lead = signature.inputs(x, {}, ("T", "B"))      # lead is (100, 32)
starts = signature.states("state", state, 32)           # None where no state was passed
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from celldsl.runtime.arrays.inputs import check_limit, integers, lead_of, truths
from celldsl.runtime.arrays.options import ALL_KEYWORDS, refuse_hidden, refuse_unknown
from celldsl.runtime.arrays.state_structure import Nested, StateStructure, gradients_given
from celldsl.runtime.arrays.validation import (
    DType,
    Values,
    axes_of,
    by_name,
    check_array,
    is_plain,
    shape_words,
)
from celldsl.runtime.description import Array, Description, Param
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError

_AFTER_EACH_STEP = ', a cotangent for each step after states="all"'
Own = Callable[[Values, bool], Values]  # a copy of somebody's array; whether it has rows (T, B, …)


@dataclass(frozen=True, slots=True)
class Slot:
    """One input, output or state of a built cell."""

    name: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    kind: str = "real"
    per: str = "step"
    limit: int = 0

    @property
    def plain(self) -> bool:
        """Whether it is of numbers, of each step."""
        return self.kind == "real" and self.per == "step"

    def check(
        self, name: str, value: object, dtype: DType, lead: Mapping[str, int | None], why: str = ""
    ) -> Values:
        shape = (*lead.values(), *self.shape)

        def words() -> str:
            return shape_words((*lead, *self.axes), shape) + why

        match self.kind:
            case "int":
                return integers(name, value, dtype, shape, self.limit, words)
            case "bool":
                return truths(name, value, dtype, shape, words)
        return check_array(name, value, dtype, shape, words)

    def check_rows(self, array: Values, batch: int) -> None:
        """That an array of one step that was checked has this many rows."""
        if len(array) != batch:
            words = shape_words(("B", *self.axes), (batch, *self.shape))
            raise ArgumentError(f"{self.name}: expected {words}, got {array.shape}")


class Signature:
    """Checks arrays against the declared shapes of one built cell."""

    def __init__(
        self,
        description: Description,
        dims: Mapping[str, int],
        dtype: DType,
        state: StateStructure,
        output: StateStructure,
    ) -> None:
        self.cell_name = description.name
        self.dtype = dtype
        self.state_structure = state
        self.output_structure = output
        self.input_slots = make_slots(description.inputs, dims)
        for slot in self.input_slots:
            check_limit(slot.name, slot.limit, dtype)
        self.output_slots = make_slots(description.outputs, dims)
        self.state_slots = make_slots(description.states, dims)
        self.input_names = tuple(slot.name for slot in self.input_slots)
        self._may_be_hidden = not ALL_KEYWORDS.isdisjoint(self.input_names)
        self.output_names = tuple(slot.name for slot in self.output_slots)
        self._no_cotangents: list[Values | None] = [None] * len(self.state_slots)
        self.without_gradients = [s.name for s in self.input_slots if s.kind != "real"]
        self.single = len(self.input_slots) == 1 and self.input_slots[0].plain
        self._input_shape = self.input_slots[0].shape if self.single else ()

    def check_keywords(self, where: str, named: Mapping[str, object], known: Sequence[str]) -> None:
        """Raises ArgumentTypeError for a keyword that is no input and none of those known.

        `where` says what was called, with {} for the name of the cell.
        """
        if named:
            refuse_unknown(where.format(self.cell_name), named, (*self.input_names, *known))

    def check_hidden(self, value: object, known: Sequence[str]) -> None:
        """Raises ArgumentTypeError for an input that cannot have been passed: see `refuse_hidden`.

        `known` are the keywords of the call.
        """
        if self._may_be_hidden:
            refuse_hidden(value, self.input_names, known)

    def inputs(
        self,
        value: object,
        named: Mapping[str, object],
        lead: Sequence[str],
        own: tuple[Collection[str], Own] | None = None,
    ) -> tuple[list[Values], tuple[int, ...]]:
        """The inputs, passed as one value or by keyword, and the sizes of their leading axes.

        `own` has names of inputs of which copies are to be made where they are the caller's, and
        what makes them.
        """
        if self.single and not named and type(value) is np.ndarray:
            size = value.shape[: len(lead)]
            if len(size) == len(lead) and is_plain(value, size + self._input_shape, self.dtype):
                copied = own is not None and self.input_names[0] in own[0]
                return [own[1](value, True) if own is not None and copied else value], size
        sizes: dict[str, int | None] = dict.fromkeys(lead)
        found = []
        for slot, given in zip(self.input_slots, self.given(value, named), strict=True):
            if given is None:
                raise ArgumentTypeError(f"{slot.name}: no array was passed")
            here = {name: sizes[name] for name in lead_of(slot.per, lead)}
            array = slot.check(slot.name, given, self.dtype, here)
            sizes.update(zip(here, array.shape, strict=False))
            if own is not None and slot.name in own[0] and array is given:
                array = own[1](array, slot.per != "sequence")
            found.append(array)
        return found, tuple(int(size or 0) for size in sizes.values())

    def given(self, value: object, named: Mapping[str, object]) -> list[object]:
        """What was passed for each input, None where there is nothing."""
        if value is not None and named:
            raise ArgumentTypeError("inputs: pass them in order or by keyword, not both")
        if value is None:
            return [named.get(name) for name in self.input_names]
        return by_name("inputs", value, self.input_names)

    def states(
        self, what: str, value: object, batch: int, own: Own | None = None
    ) -> list[Values] | None:
        """The states (B, …) of a named tuple; None where nothing was passed.

        `own` makes copies of those that are the caller's.
        """
        if value is None:
            return None
        if isinstance(value, np.ndarray) and len(self.state_slots) == 1:
            value = (value,)
        found = []
        parts = self.state_structure.unpack(what, value)
        for slot, part in zip(self.state_slots, parts, strict=True):
            if part is None:
                raise ArgumentTypeError(f"{what}.{slot.name}: no array was passed")
            array = slot.check(f"{what}.{slot.name}", part, self.dtype, {"B": batch})
            found.append(own(array, False) if own is not None and array is part else array)
        return found

    def output_cotangents(self, dy: object, steps: int, batch: int) -> list[Values]:
        """`dy` (T, B, …) for each output, zeros for those left out."""
        parts = gradients_given(dy, self.output_names, "dy")
        names = ["dy" if len(parts) == 1 else f"dy.{name}" for name in self.output_names]
        size = (steps, batch)
        return [
            np.zeros(size + slot.shape, self.dtype)
            if part is None
            else self._fitting(slot, name, part, ("T", "B"), size)
            for slot, name, part in zip(self.output_slots, names, parts, strict=True)
        ]

    def state_cotangents(self, dstate: object, batch: int) -> list[Values | None]:
        """`dstate` (B, …) for each state, None for those left out."""
        if dstate is None:
            return self._no_cotangents
        return self._of_states(dstate, ("B",), (batch,))

    def all_state_cotangents(self, dstate: object, steps: int, batch: int) -> list[Values]:
        """`dstate` (T, B, …) for each state, zeros for those left out."""
        size = (steps, batch)
        found = self._no_cotangents
        if dstate is not None:
            found = self._of_states(dstate, ("T", "B"), size, _AFTER_EACH_STEP)
        return [
            np.zeros(size + slot.shape, self.dtype) if array is None else array
            for slot, array in zip(self.state_slots, found, strict=True)
        ]

    def _of_states(
        self, dstate: object, lead: tuple[str, ...], size: tuple[int, ...], why: str = ""
    ) -> list[Values | None]:
        if isinstance(dstate, np.ndarray) and len(self.state_slots) == 1:
            dstate = (dstate,)
        parts = self.state_structure.unpack("dstate", dstate)
        return [
            None if p is None else self._fitting(slot, f"dstate.{slot.name}", p, lead, size, why)
            for slot, p in zip(self.state_slots, parts, strict=True)
        ]

    def _fitting(
        self,
        slot: Slot,
        name: str,
        value: object,
        lead: tuple[str, ...],
        size: tuple[int, ...],
        why: str = "",
    ) -> Values:
        if is_plain(value, size + slot.shape, self.dtype):
            return value
        return slot.check(name, value, self.dtype, dict(zip(lead, size, strict=True)), why)

    def pack_outputs(self, arrays: Sequence[Values]) -> Nested:
        """One output as an array, several as a named tuple."""
        return arrays[0] if len(arrays) == 1 else self.output_structure.pack(arrays)


def make_slots(arrays: Sequence[Array | Param], dims: Mapping[str, int]) -> tuple[Slot, ...]:
    return tuple(_slot(each, dims) for each in arrays)


def _slot(each: Array | Param, dims: Mapping[str, int]) -> Slot:
    axes, shape = axes_of(each.text), tuple(each.shape(**dims))
    if isinstance(each, Param):
        return Slot(each.name, axes, shape)
    limit = 0 if each.limit is None else int(each.limit(**dims))
    return Slot(each.name, axes, shape, each.kind, each.per, limit)
