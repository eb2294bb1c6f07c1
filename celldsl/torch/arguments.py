"""What is passed to layers over sequences.  In: tensors as callers have them.  Out: checked ones.

    arguments = Arguments(recipes, batch_first=True, listed=False, directions=2)
    checked = arguments.check([x], state, lengths, resets, like)      # (T, B, …)
    arguments.outward(y, checked.alone)                               # as the caller has it

Everything is checked before anything runs.  A PackedSequence is a padded tensor with lengths inside
a layer: `padded` and `packed_like` take it apart and make another.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from celldsl.bridges.recipe import Recipe
from celldsl.runtime.arrays.signature import make_slots
from celldsl.runtime.arrays.validation import shape_words
from celldsl.runtime.errors import ArgumentTypeError
from celldsl.torch.check import (
    check_input,
    check_is_tensor,
    check_lengths,
    check_range,
    check_resets,
    check_shape,
    check_tensor,
)

Tensors = Sequence[torch.Tensor]


class Checked(NamedTuple):
    """What a pass over layers begins with: (T, B, …), and whether the caller had no batch.

    `starts` are for each layer its states (directions, B, …).
    """

    given: Tensors
    starts: list[list[torch.Tensor]] | None
    lengths: torch.Tensor | None
    resets: torch.Tensor | None
    alone: bool


class Arguments:
    """`recipes` are those of the layers; a list of cells has a state for each."""

    def __init__(
        self, recipes: Sequence[Recipe], batch_first: bool, listed: bool, directions: int
    ) -> None:
        first = recipes[0]
        self.inputs = make_slots(first.described.inputs, first.dims)
        self.names = tuple(slot.name for slot in self.inputs)
        self.main = first.main
        self._states = [make_slots(each.described.states, each.dims) for each in recipes]
        self._recipes = recipes
        self._first = batch_first
        self._listed = listed
        self._directions = directions

    @property
    def lead(self) -> tuple[str, str]:
        """What the first two axes are."""
        return ("B", "T") if self._first else ("T", "B")

    def lasts(self, number: int) -> bool:
        """Whether a value of this input lasts a sequence."""
        return self.inputs[number].per == "sequence"

    def outward(self, tensor: torch.Tensor, alone: bool) -> torch.Tensor:
        """(T, B, …) as the caller has it."""
        if alone:
            return tensor.squeeze(1)
        return tensor.transpose(0, 1) if self._first else tensor

    def check(
        self, given: list[Any], state: Any, lengths: Any, resets: Any, like: torch.Tensor | None
    ) -> Checked:
        """`like` is a parameter, where there is one.  Raises ArgumentError, ArgumentTypeError."""
        steps, batch = self._sizes(given, like)
        alone = batch is None
        size = (steps,) if batch is None else (batch, steps) if self._first else (steps, batch)
        if resets is not None:
            resets = check_resets(resets, ("T",) if alone else self.lead, size)
        starts = None if state is None else self._unpacked(state, batch, _real(given, like))
        given = [self._inward(number, each, alone) for number, each in enumerate(given)]
        if resets is not None:
            resets = resets.unsqueeze(1) if alone else resets.T if self._first else resets
        if lengths is not None:
            lengths = check_lengths(lengths, steps, 1 if batch is None else batch)
        return Checked(given, starts, lengths, resets, alone)

    def check_kinds(self, given: Sequence[Any]) -> None:
        """Raises for what is no tensor."""
        for slot, value in zip(self.inputs, given, strict=True):
            check_is_tensor(slot.name, value, lambda: "of any shape")

    def _inward(self, number: int, tensor: torch.Tensor, alone: bool) -> torch.Tensor:
        """An input as (T, B, …), or (B, …) where it lasts a sequence."""
        if self.lasts(number):
            return tensor.unsqueeze(0) if alone else tensor
        if alone:
            return tensor.unsqueeze(1)
        return tensor.transpose(0, 1) if self._first else tensor

    def _sizes(self, given: list[Any], like: torch.Tensor | None) -> tuple[int, int | None]:
        """T and B, None for a sequence without a batch."""
        for number, (slot, value) in enumerate(zip(self.inputs, given, strict=True)):
            check_input(slot, value, like, ("B",) if self.lasts(number) else self.lead)
        main = self.inputs[self.main]
        missing = given[self.main].ndim == len(main.shape) + (0 if self.lasts(self.main) else 1)
        sizes: dict[str, int | None] = dict.fromkeys(("T",) if missing else self.lead)
        for number, (slot, value) in enumerate(zip(self.inputs, given, strict=True)):
            own = [name for name in sizes if name == "B" or not self.lasts(number)]
            check_shape(slot.name, value, slot, own, [sizes[name] for name in own])
            sizes.update(zip(own, value.shape, strict=False))
            check_range(slot, value)
        return sizes["T"] or 0, None if missing else sizes["B"]

    def _unpacked(
        self, state: Any, batch: int | None, like: torch.Tensor | None
    ) -> list[list[torch.Tensor]]:
        """For each layer its states (directions, B, …)."""
        own, count = self._directions, len(self._states)
        if not self._listed:
            parts = self._parts(0, "state", state, own * count, batch, like)
            return [[each[k * own : (k + 1) * own] for each in parts] for k in range(count)]
        if not isinstance(state, list | tuple) or len(state) != count:
            raise ArgumentTypeError(f"state: expected a tuple of {count} states, one for each cell")
        return [
            self._parts(k, f"state[{k}]", each, own, batch, like) for k, each in enumerate(state)
        ]

    def _parts(
        self,
        number: int,
        what: str,
        state: Any,
        rows: int,
        batch: int | None,
        like: torch.Tensor | None,
    ) -> list[torch.Tensor]:
        slots = self._states[number]
        if isinstance(state, torch.Tensor) and len(slots) == 1:
            state = (state,)
        structure = self._recipes[number].cls._state_structure
        found: list[torch.Tensor] = structure.unpack(what, state)
        lead = ("layers*directions", "B") if batch is not None else ("layers*directions",)
        sizes = (rows, batch) if batch is not None else (rows,)
        for slot, value in zip(slots, found, strict=True):
            name = f"{what}.{slot.name}"
            check_tensor(
                name, value, like, partial(shape_words, (*lead, *slot.axes), (*sizes, *slot.shape))
            )
            check_shape(name, value, slot, lead, sizes)
        return found if batch is not None else [each.unsqueeze(1) for each in found]


def _real(given: Tensors, like: torch.Tensor | None) -> torch.Tensor | None:
    """The real tensor that states are to be like: an input, else a parameter."""
    return next((each for each in given if each.is_floating_point()), like)


def padded(packed: PackedSequence, batch_first: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """(T, B, …) or (B, T, …) in the order before they were sorted, and the lengths (B,)."""
    output, lengths = pad_packed_sequence(packed, batch_first)
    return output, lengths


def packed_like(packed: PackedSequence, output: torch.Tensor, batch_first: bool) -> PackedSequence:
    """Outputs packed as the inputs were."""
    _, lengths = pad_packed_sequence(packed, batch_first)
    order = packed.sorted_indices
    if order is not None:
        output = output.index_select(0 if batch_first else 1, order)
        lengths = lengths[order.to(lengths.device)]
    made = pack_padded_sequence(output, lengths, batch_first)
    return PackedSequence(made.data, packed.batch_sizes, order, packed.unsorted_indices)
