"""Compiled passes over tensors.  In: a recipe, a dtype, tensors.  Out: tensors.

    kernels = kernels_of(recipe.text, torch.float32)
    packed = kernels.pack(None, params, consts)
    call = kernels.layout(T, B, lengths, reverse, resets)
    done = kernels.forward(packed, call, inputs, starts, key)       # outputs, last states, tape
    back = kernels.backward(packed, call, inputs, starts, done.tape, cotangents, key)

Tensors are contiguous, on the CPU, and of the right shapes: other files look to that.  Nothing is
copied but what `lengths` and `resets` make ragged.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch

from celldsl.bridges.recipe import Recipe, recipe_from
from celldsl.runtime.arrays.params import Parameters, view_of
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.buffers import PooledBuffer, aligned_array
from celldsl.runtime.errors import ArgumentError
from celldsl.runtime.exec.batch_layout import (
    BatchLayout,
    dense_layout,
    layout_with_resets,
    packed_layout,
)
from celldsl.runtime.exec.executor import BackwardRun, Engine, ForwardRun
from celldsl.runtime.exec.kept_numbers import Numbers, with_masks
from celldsl.runtime.exec.phase_code import EVERYTHING, Wanted
from celldsl.runtime.row_plan import RowPlan
from celldsl.runtime.threads.thread_count import parts_for
from celldsl.torch.weights import Packed, Weights

Tensors = Sequence[torch.Tensor]
DTYPES: dict[torch.dtype, np.dtype[Any]] = {
    torch.float32: np.dtype("float32"),
    torch.float64: np.dtype("float64"),
}


class Done(NamedTuple):
    """What a forward pass leaves: (T, B, …) and (B, …); `tape` is None where nothing is kept."""

    outputs: list[torch.Tensor]
    finals: list[torch.Tensor]
    tape: torch.Tensor | None


class Back(NamedTuple):
    """Gradients; None of integers and truth values, and of what nobody wants."""

    inputs: list[torch.Tensor | None]
    starts: list[torch.Tensor]
    params: list[torch.Tensor] | list[None]


@cache
def kernels_of(text: str, dtype: torch.dtype) -> Kernels:
    """The kernels of a recipe, which all layers of that recipe share."""
    return Kernels(recipe_from(text), DTYPES[dtype])


class Kernels:
    """The compiled passes of one cell, without parameters.  Safe among threads."""

    def __init__(self, recipe: Recipe, dtype: np.dtype[Any]) -> None:
        described, dims = recipe.described, recipe.dims
        self.recipe = recipe
        self.lengths = described.lengths
        own = int(self.lengths.parameters(**dims)), int(self.lengths.constants(**dims))
        # Never touched: every pass brings its own.
        flat, constants = (aligned_array(length, dtype) for length in own)
        mapping = Parameters(flat, described.params, dims)
        self.engine = Engine(described, dims, recipe.numbers, flat, constants, mapping)
        params, consts = (
            [view_of(each, dims, dtype.itemsize) for each in arrays]
            for arrays in (described.params, described.consts)
        )
        self.weights = Weights(self.engine, params, consts, own, recipe.numbers)

    def pack(self, known: Packed | None, tensors: Tensors) -> Packed:
        """The weights of parameters, then consts; the `known` where they are the same.

        Raises ArgumentError where one has not the shape that it was built with.
        """
        self._check(tensors)
        tensors = [t if t.is_contiguous() else t.contiguous() for t in tensors]
        if known is not None and known.holds(tensors):
            return known
        return self.weights.pack(tensors)

    def _check(self, tensors: Tensors) -> None:
        """Kernels read as many numbers as there should be, whoever put another tensor there."""
        for number, (each, shape) in enumerate(zip(tensors, self.weights.shapes, strict=True)):
            if each.shape != shape:
                described = self.recipe.described
                name = (*described.params, *described.consts)[number].name
                raise ArgumentError(
                    f"{name}: expected {shape}, as the layer was built, got {tuple(each.shape)}"
                )

    def layout(
        self, steps: int, batch: int, lengths: Values | None, reverse: bool, resets: Values | None
    ) -> BatchLayout:
        """Which rows there are; `lengths` (B,) of int64, `resets` (T, B) of bool, or None."""
        work = steps * batch if lengths is None else int(lengths.sum())
        parts = min(parts_for(batch, self.engine.flop_estimate(work)), torch.get_num_threads())
        if lengths is not None:
            indexed = self.engine.description.indexed
            layout = packed_layout(lengths, steps, parts, reverse, indexed, indexed)
        else:
            layout = dense_layout(steps, batch, parts, reverse)
        if resets is not None and resets.any():
            return layout_with_resets(layout, resets)
        return layout

    def tape_length(self, steps: Any, batch: Any) -> Any:
        """How long the tape is of a pass in which every sequence has all steps."""
        rows = steps * batch
        sizes = {"_R": rows, "_B": batch, "_S": rows, "_K": rows, "_parts": 1}
        return self.lengths.tape(**self.engine.dims, **sizes)

    def forward(
        self,
        packed: Packed,
        layout: BatchLayout,
        lead: tuple[int, int],
        inputs: Tensors,
        starts: Tensors | None,
        key: int | None,
        keep: bool,
    ) -> Done:
        """All steps; with `keep` there is a tape.  Masks are drawn where there is a `key`."""
        engine = self.engine
        numbers = packed.numbers if key is None else with_masks(packed.numbers, key)
        rows = self._rows(layout, inputs)
        dealt = None if starts is None else [layout.dealt(each.numpy()) for each in starts]
        plan = layout.plan(0, layout.steps, keep, starts is not None)
        given = engine.no_starts if dealt is None else dealt
        if key is None:
            run = engine.forward(plan, rows, given, numbers, packed.fixed)
            packed.fixed = run.fixed
        else:  # what is derived may depend on whether masks are drawn
            run = engine.forward(plan, rows, given, numbers)
        outputs = [torch.from_numpy(layout.results_out(each, lead)) for each in run.outputs]
        finals = [torch.from_numpy(layout.undealt(each)) for each in run.finals]
        return Done(outputs, finals, tape_of(run) if keep else None)

    def backward(
        self,
        packed: Packed,
        layout: BatchLayout,
        lead: tuple[int, int],
        inputs: Tensors,
        starts: bool,
        tape: torch.Tensor,
        cotangents: Sequence[torch.Tensor | None],
        key: int | None,
        wanted: Wanted = EVERYTHING,
    ) -> Back:
        """`cotangents` are those of outputs, then of last states; None stands for zeros."""
        engine = self.engine
        numbers = packed.numbers if key is None else with_masks(packed.numbers, key)
        plan = layout.plan(0, layout.steps, True, starts)
        rows = self._rows(layout, inputs)
        count = len(engine.output_shapes)
        ahead = [
            np.zeros((*lead, *shape), engine.dtype) if each is None else each.numpy()
            for each, shape in zip(cotangents[:count], engine.output_shapes, strict=True)
        ]
        ends = [None if each is None else layout.dealt(each.numpy()) for each in cotangents[count:]]
        run = self.kept_run(plan, tape, numbers)
        ahead = [layout.results_in(each) for each in ahead]
        found, slopes = self.gradients(run, rows, ahead, ends, wanted)
        return Back(
            self._slopes_of_inputs(layout, lead, found.inputs)
            if wanted.inputs
            else [None] * len(inputs),
            [torch.from_numpy(layout.undealt(each)) for each in found.starts],
            slopes,
        )

    def _rows(self, layout: BatchLayout, inputs: Tensors) -> list[Values]:
        return [
            layout.dealt(value.numpy())
            if each.per == "sequence"
            else layout.inputs_in(value.numpy())
            for each, value in zip(self.engine.inputs, inputs, strict=True)
        ]

    def _slopes_of_inputs(
        self, layout: BatchLayout, lead: tuple[int, int], found: Sequence[Values]
    ) -> list[torch.Tensor | None]:
        slopes: list[torch.Tensor | None] = []
        for each, array in zip(self.engine.inputs, found, strict=True):
            if each.kind != "real":
                slopes.append(None)
            elif each.per == "sequence":
                slopes.append(torch.from_numpy(layout.undealt(array)))
            else:
                slopes.append(torch.from_numpy(layout.results_out(array, lead)))
        return slopes

    def kept_run(self, plan: RowPlan, tape: torch.Tensor, numbers: Numbers) -> ForwardRun:
        """The pass that left a tape, as far as the way back needs it."""
        engine = self.engine
        # Kernels keep other things there on the way back than on the way forth.
        fixed = engine.buffers.take(engine.fixed_length)
        memory = PooledBuffer(tape.numpy(), [])
        return ForwardRun(engine.sizes_of(plan), plan, [], [], memory, fixed, numbers)

    def gradients(
        self,
        run: ForwardRun,
        inputs: Sequence[Values],
        ahead: Sequence[Values],
        ends: Sequence[Values | None],
        wanted: Wanted,
    ) -> tuple[BackwardRun, list[torch.Tensor] | list[None]]:
        """What the engine finds, and the gradients of parameters one by one."""
        engine, flat = self.engine, None
        owns = self.weights.views and wanted.parameters
        if not owns:  # else gradients stay in the memory that they are added up in
            flat = engine.buffers.take(engine.parameters.size)
        memory = None if flat is None else flat.array
        found = engine.backward(run, inputs, ahead, ends, memory, wanted)
        if not wanted.parameters:
            return found, [None] * self.weights.count
        return found, self.weights.unpack(found.parameters)


class _Tape(np.ndarray[Any, Any]):
    """A part of a pooled buffer, which goes back when nobody has the array any more."""

    __slots__ = ("buffer",)
    buffer: PooledBuffer


def tape_of(run: ForwardRun) -> torch.Tensor:
    """What a pass keeps, as a tensor that can be saved; with it its memory goes back."""
    kept = run.tape.array[: run.sizes.tape].view(_Tape)
    kept.buffer = run.tape
    return torch.from_numpy(kept)
