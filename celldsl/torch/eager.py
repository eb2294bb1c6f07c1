"""A pass by kernels, as autograd knows it.  In: a call, tensors.  Out: tensors with a history.

    results = apply_pass(call, *tensors)        # outputs, then last states

`call` says what is run, over inputs, start states, parameters and consts, in this order.  They and
the tape are saved as PyTorch saves tensors: what is written to in between is an error of PyTorch's,
and memory goes back when a graph has been gone through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from celldsl.bridges.recipe import Recipe
from celldsl.runtime.exec.batch_layout import BatchLayout
from celldsl.runtime.exec.phase_code import EVERYTHING, Wanted
from celldsl.torch.kernels import Kernels
from celldsl.torch.numerics import look_at_gradients
from celldsl.torch.plain import Options, plain_gradients, refuse_masks
from celldsl.torch.weights import Packed

Tensors = Sequence[torch.Tensor]
_transforms = torch._C._functorch.peek_interpreter_stack


class KernelPass(torch.autograd.Function):
    """Outputs and last states of a call."""

    @staticmethod
    def forward(ctx: Any, call: Any, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs, finals, tape = call.run(tensors, True)
        ctx.call = call
        ctx.save_for_backward(*tensors, tape)
        ctx.set_materialize_grads(False)
        return (*outputs, *finals)

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor | None) -> tuple[Any, ...]:
        *tensors, tape = ctx.saved_tensors
        call, wanted = ctx.call, ctx.needs_input_grad[1:]
        # Somebody wants gradients of these, or goes over many cotangents at once.
        if torch.is_grad_enabled() or _transforms() is not None or goes_over_cotangents():
            refuse_masks(call.recipe, call.key is not None)
            return None, *call.plain_back(tensors, cotangents, wanted)
        found = call.back(tensors, tape, cotangents, wanted)
        found += [None] * (len(tensors) - len(found))  # of consts
        if all(wanted):
            return None, *found
        return None, *[each if want else None for each, want in zip(found, wanted, strict=True)]


def goes_over_cotangents() -> bool:
    """Whether the older `vmap` is at work, as in `torch.autograd.grad(is_grads_batched=True)`.

    It says so nowhere else than in the level that comes back.
    """
    level = torch._C._vmapmode_increment_nesting()
    torch._C._vmapmode_decrement_nesting()
    return bool(level > 1)


apply_pass: Any = KernelPass.apply
# The same where nothing transforms, for tensors that no transform has left behind.
quick_apply: Any = super(torch.autograd.Function, KernelPass).apply


WANTED = {(i, p): Wanted(i, p) for i in (False, True) for p in (False, True)}
WANTED[True, True] = EVERYTHING


@dataclass(slots=True, eq=False)
class Call:
    """One pass by kernels: everything but its tensors.  `given` is how many states were passed."""

    recipe: Recipe
    kernels: Kernels
    packed: Packed
    layout: BatchLayout
    lead: tuple[int, int]
    options: Options
    key: int | None
    inputs: int
    given: int
    checked: bool

    def run(self, tensors: Tensors, keep: bool) -> Any:
        """Outputs, last states and the tape."""
        first, second = self.inputs, self.inputs + self.given
        inputs = [each.detach() for each in tensors[:first]]
        starts = [each.detach() for each in tensors[first:second]] if self.given else None
        where = self.packed, self.layout, self.lead
        return self.kernels.forward(*where, inputs, starts, self.key, keep)

    def back(
        self,
        tensors: Tensors,
        tape: torch.Tensor,
        cotangents: Sequence[torch.Tensor | None],
        wants: Sequence[bool],
    ) -> list[torch.Tensor | None]:
        """The gradients of inputs, start states and parameters."""
        wanted = wanted_of(wants, self.inputs, self.given)
        inputs = [each.detach() for each in tensors[: self.inputs]]
        given = [None if each is None else each.contiguous() for each in cotangents]
        where = self.packed, self.layout, self.lead
        back = self.kernels.backward(*where, inputs, self.given > 0, tape, given, self.key, wanted)
        found = [*back.inputs, *(back.starts if self.given else ()), *back.params]
        if self.checked:
            look_at_gradients(self.recipe, tensors, self.options, given, found)
        return found

    def plain_back(
        self,
        tensors: Tensors,
        cotangents: Sequence[torch.Tensor | None],
        wants: Sequence[bool],
    ) -> list[torch.Tensor | None]:
        """The same by plain code, which can be differentiated again."""
        return plain_gradients(self.recipe, tensors, self.options, cotangents, wants)


def wanted_of(wants: Sequence[bool], inputs: int, given: int) -> Wanted:
    """Whose gradients are wanted, of so many inputs and start states and of parameters."""
    return WANTED[any(wants[:inputs]), any(wants[inputs + given :])]


def run_kernels(call: Call, tensors: Tensors) -> tuple[Tensors, Tensors]:
    """Outputs and last states; nothing is kept where nothing wants a gradient."""
    if torch.is_grad_enabled() and any(each.requires_grad for each in tensors):
        found = apply_pass(call, *tensors)
        count = len(call.kernels.engine.output_shapes)
        return found[:count], found[count:]
    outputs, finals, _ = call.run(tensors, False)
    return outputs, finals
