"""One step of any cell.  In: a cell.  Out: what takes the place of `nn.LSTMCell`.

step = Cell(GRU, I=28, H=128)
y, state = step(x)                      # (B, 28) -> (B, 128), State(h=(B, 128))
y, state = step(x, state)
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from inspect import Signature
from typing import Any

import torch

from celldsl.bridges.recipe import recipe_of
from celldsl.bridges.signatures import OwnSignature, by_name, layer_signature, tuple_of
from celldsl.runtime.arrays.options import refuse_hidden, refuse_unknown
from celldsl.runtime.arrays.signature import Slot, make_slots
from celldsl.runtime.arrays.validation import check_integer, shape_words
from celldsl.runtime.errors import ArgumentError
from celldsl.torch.check import (
    ANSWERS,
    check_input,
    check_range,
    check_resets,
    check_shape,
    check_tensor,
    checked_dtype,
    given_settings,
    given_tensors,
    refuse_in_order,
    refuse_tracing,
)
from celldsl.torch.form import checked_form
from celldsl.torch.layer import CellLayer
from celldsl.torch.plain import Options
from celldsl.torch.ready import STEP
from celldsl.torch.stack import one_cell
from celldsl.torch.values import pack_like, tell_pytree

KEYWORDS = ("state", "resets")


class Cell(CellLayer):
    """Any cell, a step at a time.  State dicts have the cell's own names: `r_u.W_x`.

    `cell` is a class, a path, or a built cell, whose parameters are copied; sizes and
    hyperparameters go by keyword, or in `settings`.  `form` is "kernels" or "plain" where only that
    may run.  Raises ArgumentError and ArgumentTypeError, which name the argument.
    """

    def __init__(
        self,
        cell: Any,
        *in_order: Any,
        settings: Mapping[str, Any] | None = None,
        form: str | None = None,
        device: Any = None,
        dtype: torch.dtype | None = None,
        **sizes: Any,
    ) -> None:
        refuse_in_order("Cell", in_order)
        dtype = checked_dtype(dtype)
        built = one_cell(cell, given_settings(settings, sizes), dtype)
        super().__init__(recipe_of(built), built, dtype, device)
        self._form = checked_form(form)
        recipe = self._recipe
        tell_pytree(recipe)
        self._inputs = make_slots(recipe.described.inputs, recipe.dims)
        self._names = tuple(slot.name for slot in self._inputs)
        self._states = make_slots(recipe.described.states, recipe.dims)
        self._quick = None if form else self._made_quick(STEP)

    __signature__ = OwnSignature(lambda step: _signature(step))

    def forward(
        self,
        inputs: Any = None,
        state: Any = None,
        /,
        *,
        resets: torch.Tensor | None = None,
        **named: Any,
    ) -> tuple[Any, Any]:
        """x (B, I) to (y (B, H), the next state); without a state from the cell's own start.

        Rows where `resets` (B,) is true start there too.  Without a batch all is one row.
        `inspect.signature(step)` has the names of the cell's own inputs.
        """
        quick = self._quick
        usual = not named and resets is None
        if quick is not None and usual and not torch.compiler.is_compiling():
            found = quick.run(self, inputs, state)
            if found is not None:
                return found
        refuse_tracing()
        refuse_hidden(inputs, self._names, KEYWORDS)
        if named:
            refuse_unknown("Cell.forward()", named, (*self._names, *KEYWORDS), ANSWERS)
            state = named.pop("state", state)
        given = given_tensors(inputs, named, self._names)
        batch = self._check(given)
        if resets is not None:
            if batch is None:
                raise ArgumentError("resets: are for a batch; leave the state out instead")
            resets = check_resets(resets, ("B",), (batch,))[None]
        starts = [] if state is None else self._unpacked(state, batch)
        given = [self._inward(*pair, batch) for pair in zip(self._inputs, given, strict=True)]
        options = Options(resets=resets, training=self.training)
        outputs, finals = self._pass(given, starts, options, self._form)
        alone = batch is None
        rows = [each[0, 0] if alone else each[0] for each in outputs]
        ends = [each[0] if alone else each for each in finals]
        cls = self._recipe.cls
        own = rows[0] if len(rows) == 1 else pack_like(cls._output_structure, rows)
        return own, pack_like(cls._state_structure, ends)

    def _inward(self, slot: Slot, value: torch.Tensor, batch: int | None) -> torch.Tensor:
        """(1, B, …), or (B, …) where it lasts a sequence."""
        rows = value[None] if batch is None else value
        return rows if slot.per == "sequence" else rows[None]

    def _check(self, given: list[Any]) -> int | None:
        """B, None for one row without a batch.  Raises before anything runs."""
        like = next(iter(self._tensors()), None)
        for slot, value in zip(self._inputs, given, strict=True):
            check_input(slot, value, like, ("B",))
        alone = given[0].ndim == len(self._inputs[0].shape)
        lead, sizes = ((), ()) if alone else (("B",), (None,))
        for slot, value in zip(self._inputs, given, strict=True):
            check_shape(slot.name, value, slot, lead, sizes)
            sizes = tuple(value.shape[: len(lead)])
            check_range(slot, value)
        return sizes[0] if sizes else None

    def _unpacked(self, state: Any, batch: int | None) -> list[torch.Tensor]:
        like = next(iter(self._tensors()), None)
        if isinstance(state, torch.Tensor) and len(self._states) == 1:
            state = (state,)
        found = self._recipe.cls._state_structure.unpack("state", state)
        lead, sizes = (("B",), (batch,)) if batch is not None else ((), ())
        for slot, value in zip(self._states, found, strict=True):
            name = f"state.{slot.name}"
            words = partial(shape_words, (*lead, *slot.axes), (*sizes, *slot.shape))
            check_tensor(name, value, like, words)
            check_shape(name, value, slot, lead, sizes)
        return found if batch is not None else [each[None] for each in found]

    def initial_state(self, batch: int) -> Any:
        """The cell's own start for a batch: a named tuple of (B, …), with its gradient."""
        size = check_integer("batch", batch, 0)
        weights = self._tensors()
        like = weights[0] if weights else torch.empty(())
        none = [
            like.new_zeros(
                (size, *slot.shape) if slot.per == "sequence" else (0, size, *slot.shape)
            )
            for slot in self._inputs
        ]
        _, finals = self._pass(none, [], Options(), self._form)
        return pack_like(self._recipe.cls._state_structure, finals)

    def form(self, inputs: Any = None, /, **named: Any) -> str:
        """Which form would run: "kernels", or "plain: …" with the reason."""
        given = given_tensors(inputs, named, self._names)
        return self._told_form(given, self._form)

    def reset_parameters(self) -> None:
        """Draws all parameters anew, as the cell's initialisers say (`torch.manual_seed`)."""
        self._reset()

    def extra_repr(self) -> str:
        return self._told()


def _signature(step: Cell) -> Signature:
    """What a call takes, with the names of the cell's inputs and the types of its tuples."""
    cls = step._recipe.cls
    state, outputs = cls._state_structure.type, cls._output_structure.type
    single = len(step._recipe.described.outputs) == 1
    found = tuple_of(torch.Tensor if single else outputs, state)
    options = [by_name("resets", torch.Tensor | None)]
    return layer_signature(step._names, torch.Tensor, state, options, found)
