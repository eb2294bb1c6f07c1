"""A pass under `torch.func`.  In: tensors that transforms have wrapped.  Out: the same.

    outputs_and_finals = transformed_pass(text, reverse, lengths, resets, key, tensors)

Operators do the work, one level below; here it is said what their gradients are, and what they do
with an axis more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from celldsl.bridges.recipe import recipe_from
from celldsl.torch.batching import folded
from celldsl.torch.ops import backward_op, forward_op
from celldsl.torch.plain import Options, plain_pullback, refuse_masks, second_pullback

Tensors = Sequence[torch.Tensor]


class TransformedPass(torch.autograd.Function):
    """The results of the forward operator."""

    @staticmethod
    def forward(
        text: str, reverse: bool, lengths: Any, resets: Any, key: Any, *tensors: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        return tuple(forward_op(tensors, lengths, resets, key, text, reverse, True))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensors) -> None:
        ctx.text, ctx.reverse, lengths, resets, key, *tensors = inputs
        ctx.save_for_backward(*tensors, lengths, resets, key, output[-1])
        ctx.mark_non_differentiable(output[-1])

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor) -> tuple[Any, ...]:
        *tensors, lengths, resets, key, tape = ctx.saved_tensors
        given = cotangents[:-1]
        if any(is_batched(each) for each in (*tensors, *given)):
            recipe = recipe_from(ctx.text)
            refuse_masks(recipe, key is not None)
            found = plain_pullback(recipe, tensors, Options(ctx.reverse, lengths, resets), given)
        else:
            options = lengths, resets, key
            apply: Any = TransformedGradients.apply
            found = apply(ctx.text, ctx.reverse, *options, len(tensors), tape, *tensors, *given)
        none: list[Any] = [None] * (len(tensors) - len(found))
        return None, None, None, None, None, *found, *none

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, text: str, reverse: bool, lengths: Any, resets: Any, key: Any,
        *tensors: torch.Tensor,
    ) -> Any:  # fmt: skip
        def run(*arguments: Any) -> tuple[torch.Tensor, ...]:
            return transformed_pass(text, reverse, *arguments)

        dims = in_dims[5:], *in_dims[2:5]
        found, axes = folded(recipe_from(text), info, dims, run, tensors, lengths, resets, key)
        return tuple(found), tuple(axes)


class TransformedGradients(torch.autograd.Function):
    """The results of the backward operator."""

    @staticmethod
    def forward(
        text: str, reverse: bool, lengths: Any, resets: Any, key: Any, count: int, tape: Any,
        *values: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:  # fmt: skip
        tensors, cotangents = values[:count], values[count:]
        own = lengths, resets, key, text, reverse, True, True
        return tuple(backward_op(tensors, tape, cotangents, *own))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensors) -> None:
        ctx.text, ctx.reverse, lengths, resets, key, ctx.count, _, *values = inputs
        ctx.masked = key is not None
        ctx.save_for_backward(*values, lengths, resets)

    @staticmethod
    def backward(ctx: Any, *seconds: torch.Tensor) -> tuple[Any, ...]:
        *values, lengths, resets = ctx.saved_tensors
        recipe = recipe_from(ctx.text)
        refuse_masks(recipe, ctx.masked)
        tensors, cotangents = values[: ctx.count], values[ctx.count :]
        options = Options(ctx.reverse, lengths, resets)
        first, second = second_pullback(recipe, tensors, options, cotangents, seconds)
        return None, None, None, None, None, None, None, *first, *second


def transformed_pass(
    text: str, reverse: bool, lengths: Any, resets: Any, key: Any, tensors: Tensors
) -> tuple[torch.Tensor, ...]:
    """Outputs, last states and the tape."""
    apply: Any = TransformedPass.apply
    found: tuple[torch.Tensor, ...] = apply(text, reverse, lengths, resets, key, *tensors)
    return found


def is_batched(tensor: Any) -> bool:
    """Whether `torch.vmap` goes over a tensor, at any level of transforms."""
    core = torch._C._functorch
    while isinstance(tensor, torch.Tensor) and core.is_functorch_wrapped_tensor(tensor):
        if core.is_batchedtensor(tensor):
            return True
        tensor = core.get_unwrapped(tensor)
    return False
