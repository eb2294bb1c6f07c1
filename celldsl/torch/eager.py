"""A pass by kernels, as autograd knows it.  In: a call, tensors.  Out: tensors with a history.

    outputs, finals = run_kernels(call, tensors)

`call` says what is run; tensors are inputs, start states, parameters, consts, in this order.  They
and the tape are saved as PyTorch saves tensors: what is written to in between is an error of
PyTorch's, and memory goes back when a graph has been gone through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from celldsl.bridges.recipe import Recipe
from celldsl.runtime.exec.batch_layout import BatchLayout
from celldsl.torch.kernels import Kernels
from celldsl.torch.plain import Options, plain_gradients, refuse_masks
from celldsl.torch.weights import Packed

Tensors = Sequence[torch.Tensor]


@dataclass(slots=True, eq=False)
class Call:
    """One pass by kernels: everything but its tensors.  `given` says whether a state was passed."""

    recipe: Recipe
    kernels: Kernels
    packed: Packed
    layout: BatchLayout
    lead: tuple[int, int]
    options: Options
    key: int | None
    inputs: int
    given: int


class KernelPass(torch.autograd.Function):
    """Outputs and last states of a call."""

    @staticmethod
    def forward(ctx: Any, call: Call, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs, finals, tape = _forward(call, tensors, keep=True)
        ctx.call = call
        ctx.save_for_backward(*tensors, tape)
        ctx.set_materialize_grads(False)
        return (*outputs, *finals)

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor | None) -> tuple[Any, ...]:
        *tensors, tape = ctx.saved_tensors
        call, wanted = ctx.call, ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():  # somebody wants gradients of these
            refuse_masks(call.recipe, call.key is not None)
            return None, *plain_gradients(call.recipe, tensors, call.options, cotangents, wanted)
        inputs = [each.detach() for each in tensors[: call.inputs]]
        back = call.kernels.backward(
            call.packed, call.layout, call.lead, inputs, call.given > 0, tape,
            [None if each is None else each.contiguous() for each in cotangents], call.key,
        )  # fmt: skip
        found = [*back.inputs, *(back.starts if call.given else ()), *back.params]
        found += [None] * (len(tensors) - len(found))
        return None, *(each if want else None for each, want in zip(found, wanted, strict=True))


def run_kernels(call: Call, tensors: Tensors) -> tuple[Tensors, Tensors]:
    """Outputs and last states; nothing is kept where nothing wants a gradient."""
    if torch.is_grad_enabled() and any(each.requires_grad for each in tensors):
        apply: Any = KernelPass.apply
        found = apply(call, *tensors)
        count = len(call.kernels.engine.output_shapes)
        return found[:count], found[count:]
    outputs, finals, _ = _forward(call, tensors, keep=False)
    return outputs, finals


def _forward(call: Call, tensors: Tensors, keep: bool) -> Any:
    first, second = call.inputs, call.inputs + call.given
    inputs = [each.detach() for each in tensors[:first]]
    starts = [each.detach() for each in tensors[first:second]] if call.given else None
    return call.kernels.forward(call.packed, call.layout, call.lead, inputs, starts, call.key, keep)
