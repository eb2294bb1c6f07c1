"""What passes over inputs of one shape have in common.  In: kernels, a shape.  Out: tensors.

    ready = Ready(recipe, kernels, x.shape, given=True, reverse=False, axes=LAYERED)
    outputs, finals, tape = Call(ready, packed).run([x, *starts], keep=True)
    ready.run_at_once(packed, x, starts)        # outputs, then last states; None for a longer pass

A pass that is over at once has its arguments prepared: what is left is to say where the tensors of
a call are.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from celldsl.bridges.recipe import Recipe
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.exec.batch_layout import dense_layout
from celldsl.runtime.exec.executor import FORWARD_CACHED, Engine
from celldsl.runtime.threads.launch import LaunchPlan, PreparedCall
from celldsl.runtime.threads.thread_count import THREADS
from celldsl.torch.eager import wanted_of
from celldsl.torch.kernels import Kernels, tape_of
from celldsl.torch.plain import Options, plain_gradients
from celldsl.torch.weights import KEPT_SHAPES, Packed

Tensors = Sequence[torch.Tensor]
Cotangents = Sequence[torch.Tensor | None]
_threads = torch.get_num_threads
_from_numpy, _empty = torch.from_numpy, np.empty
_place_of = torch.Tensor.data_ptr


class Axes(NamedTuple):
    """How tensors of callers differ from (T, B, …) and, for states, (B, …)."""

    layers: bool = False  # states are (1, B, …)
    step: bool = False  # inputs and outputs are (B, …)


WHOLE, LAYERED, STEP = Axes(), Axes(layers=True), Axes(step=True)


class Ready:
    """All but weights and tensors; `x_shape` and `axes` say how a caller has these."""

    __slots__ = (
        "alone", "axes", "dtype", "engine", "given", "kept", "kernels", "nowhere", "once",
        "options", "outputs", "recipe", "results", "sizes", "state_shapes", "threads",
    )  # fmt: skip

    def __init__(
        self, recipe: Recipe, kernels: Kernels, x_shape: Sequence[int], given: bool, reverse: bool,
        axes: Axes,
    ) -> None:  # fmt: skip
        steps, batch = (1, x_shape[0]) if axes.step else x_shape[:2]
        engine: Engine = kernels.engine
        parts = kernels.layout(steps, batch, None, reverse, None).parts
        layout = dense_layout(steps, batch, parts, reverse)
        self.recipe, self.kernels, self.engine, self.given = recipe, kernels, engine, given
        self.axes, self.options, self.dtype = axes, Options(reverse), engine.dtype
        self.threads = THREADS.number, _threads()
        self.once = layout.plan(0, steps, False, given)
        self.kept = layout.plan(0, steps, True, given)
        self.sizes = engine.sizes_of(self.kept)
        self.outputs = len(engine.output_shapes)
        lead = (batch,) if axes.step else (steps, batch)
        rows = (1, batch) if axes.layers else (batch,)
        self.state_shapes = [(*rows, *each) for each in engine.state_shapes]
        self.results = [(*lead, *each) for each in engine.output_shapes] + self.state_shapes
        self.nowhere = [0] * len(self.state_shapes)
        self.alone = self._launch_at_once()

    def _launch_at_once(self) -> LaunchPlan | None:
        """That of a pass that nobody waits for, with what was derived from weights before."""
        engine = self.engine
        found = engine.sizes_of(self.once).launch_plan(FORWARD_CACHED, engine.ahead_again)
        return found if found.at_once and found.compiled.codes is not None else None

    def run_at_once(
        self, packed: Packed, x: torch.Tensor, starts: Tensors
    ) -> list[torch.Tensor] | None:
        """Outputs, then last states, for tensors that were checked."""
        call = self._idle_call(packed)
        if call is None:
            return None
        if not x.is_contiguous():
            x = x.contiguous()
        begun: Sequence[int] = self.nowhere
        if starts:
            starts = [each if each.is_contiguous() else each.contiguous() for each in starts]
            begun = [*map(_place_of, starts)]
        dtype, count = self.dtype, self.outputs
        found = [_from_numpy(_empty(shape, dtype)) for shape in self.results]
        places = [*map(_place_of, found)]
        call.run_at(array("q", (_place_of(x), *places[:count], *begun, *places[count:])))
        # One operation, and so safe among threads; another may have cleared the table meanwhile.
        packed.idle.setdefault(self, []).append(call)
        return found

    def _idle_call(self, packed: Packed) -> PreparedCall | None:
        """One that nobody uses at the moment."""
        try:
            return packed.idle[self].pop()
        except LookupError:
            pass
        fixed, launch_plan = packed.fixed, self.alone
        if fixed is None or launch_plan is None:
            return None
        if self not in packed.idle:
            if len(packed.idle) >= KEPT_SHAPES:
                packed.idle.clear()
            packed.idle[self] = []
        engine, sizes = self.engine, self.engine.sizes_of(self.once)
        own = [fixed, *map(engine.buffers.take, (sizes.tape, sizes.forward_work))]
        head = (*packed.numbers.arrays, *(each.array for each in own))
        return PreparedCall(launch_plan, head, 1 + len(self.results) + len(self.state_shapes), own)

    def shaped(self, arrays: Sequence[Values]) -> list[Values]:
        """Outputs (T, B, …) and states (B, …) as the caller has them."""
        pairs = zip(arrays, self.results, strict=True)
        return [each.reshape(shape) for each, shape in pairs] if any(self.axes) else list(arrays)


class Call:
    """One pass, with certain weights."""

    __slots__ = ("packed", "ready")
    key = None

    def __init__(self, ready: Ready, packed: Packed) -> None:
        self.ready, self.packed = ready, packed

    @property
    def recipe(self) -> Recipe:
        return self.ready.recipe

    def run(self, tensors: Tensors, keep: bool) -> tuple[Tensors, Tensors, torch.Tensor | None]:
        """Outputs, last states and the tape."""
        ready, packed = self.ready, self.packed
        engine, count = ready.engine, ready.outputs
        starts: Sequence[Values] = engine.no_starts
        if ready.given:
            starts = [_array(each) for each in tensors[1 : 1 + len(ready.state_shapes)]]
        run = engine.forward(
            ready.kept if keep else ready.once, (_array(tensors[0]),), starts, packed.numbers,
            packed.fixed,
        )  # fmt: skip
        packed.fixed = run.fixed
        found = [*map(_from_numpy, ready.shaped([*run.outputs, *run.finals]))]
        return found[:count], found[count:], tape_of(run) if keep else None

    def back(
        self, tensors: Tensors, tape: torch.Tensor, cotangents: Cotangents, wants: Sequence[bool]
    ) -> list[torch.Tensor | None]:
        """The gradients of inputs, start states and parameters."""
        ready = self.ready
        given = len(ready.state_shapes) if ready.given else 0
        wanted = wanted_of(wants, 1, given)
        count = ready.outputs
        ahead = [
            np.zeros(shape, ready.dtype) if each is None else _array(each)
            for each, shape in zip(cotangents[:count], ready.sizes.outputs, strict=True)
        ]
        ends = [None if each is None else _array(each) for each in cotangents[count:]]
        run = ready.kernels.kept_run(ready.kept, tape, self.packed.numbers)
        found, slopes = ready.kernels.gradients(run, (_array(tensors[0]),), ahead, ends, wanted)
        own = found.inputs[0] if wanted.inputs else None
        if own is not None and ready.axes.step:
            own = own[0]
        back: list[torch.Tensor | None] = [None if own is None else _from_numpy(own)]
        if ready.given:
            states = [each[None] for each in found.starts] if ready.axes.layers else found.starts
            back += map(_from_numpy, states)
        back += slopes
        return back

    def plain_back(
        self, tensors: Tensors, cotangents: Cotangents, wants: Sequence[bool]
    ) -> list[torch.Tensor | None]:
        """The same by plain code, which can be differentiated again."""
        ready = self.ready
        layers, step = ready.axes
        first = 1 + (len(ready.state_shapes) if ready.given else 0)
        x, *starts = tensors[:first]
        inward = [x[None] if step else x, *([s[0] for s in starts] if layers else starts)]
        cotangents = [
            each if each is None
            else each[None] if step and number < ready.outputs
            else each[0] if layers and number >= ready.outputs
            else each
            for number, each in enumerate(cotangents)
        ]  # fmt: skip
        own = [*inward, *tensors[first:]]
        slope, *found = plain_gradients(ready.recipe, own, ready.options, cotangents, wants)
        if step and slope is not None:
            slope = slope[0]
        if layers:
            outward = [None if each is None else each[None] for each in found[: first - 1]]
            found[: first - 1] = outward
        return [slope, *found]


def _array(tensor: torch.Tensor) -> Values:
    if tensor.requires_grad:
        tensor = tensor.detach()
    found: Values = (tensor if tensor.is_contiguous() else tensor.contiguous()).numpy()
    return found
