"""A pass under `torch.func`.  In: tensors that transforms have wrapped.  Out: the same.

    outputs_and_finals = transformed_pass(text, reverse, lengths, resets, key, tensors)

Operators do the work, one level below; here it is said what their gradients are, and what they do
with an axis more: a batch of inputs and states is folded into the batch that kernels have anyway.
Where parameters have the axis, or gradients are wanted for each of its entries, plain code runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from celldsl.bridges.recipe import Recipe, recipe_from
from celldsl.torch.ops import backward_op, forward_op
from celldsl.torch.plain import (
    Groups,
    Options,
    plain_pass,
    plain_pullback,
    refuse_masks,
    second_pullback,
)
from celldsl.torch.values import batch_axes

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


def _axis_in(tensor: torch.Tensor, dim: int | None, size: int, place: int) -> torch.Tensor:
    """The tensor with the mapped axis at `place`, and it and the next axis as one."""
    if dim is None:
        tensor = tensor.unsqueeze(place)
        shape = [*tensor.shape]
        shape[place] = size
        moved = tensor.expand(shape)
    else:
        moved = tensor.movedim(dim, place)
    return moved.flatten(place, place + 1)


def _places(recipe: Recipe, dims: Any) -> Any:
    """The mapped axes of tensors by what those are."""
    return Groups.cut(recipe, dims)


def folded(
    recipe: Recipe,
    info: Any,
    in_dims: Any,
    run: Callable[..., Sequence[torch.Tensor]],
    tensors: Tensors,
    lengths: Any,
    resets: Any,
    key: Any,
) -> tuple[list[torch.Tensor], list[int | None]]:
    """`run(lengths, resets, key, tensors)` over a larger batch, and where results have the axis."""
    size = info.batch_size
    groups, places = Groups.cut(recipe, tensors), _places(recipe, in_dims[0])
    if any(d is not None for d in (*places.params, *places.consts, in_dims[3])):
        raise RuntimeError(f"{recipe.described.name}: torch.vmap over parameters is plain code's")
    own = zip(groups.inputs, places.inputs, batch_axes(recipe), strict=True)
    inputs = [_axis_in(t, d, size, axis) for t, d, axis in own]
    starts = [_axis_in(t, d, size, 0) for t, d in zip(groups.starts, places.starts, strict=True)]
    flat = [*inputs, *starts, *groups.params, *groups.consts]
    if lengths is not None:
        lengths = _axis_in(lengths, in_dims[1], size, 0)
    if resets is not None:
        resets = _axis_in(resets, in_dims[2], size, 1)
    *results, tape = run(lengths, resets, key, flat)
    count = len(recipe.described.outputs)
    outputs = [each.unflatten(1, (size, -1)) for each in results[:count]]
    finals = [each.unflatten(0, (size, -1)) for each in results[count:]]
    return [*outputs, *finals, tape], [*([1] * count), *([0] * len(finals)), None]


@forward_op.register_vmap
def _(info: Any, in_dims: Any, *arguments: Any) -> tuple[list[torch.Tensor], list[int | None]]:
    tensors, lengths, resets, key, text, reverse, keep = arguments
    recipe = recipe_from(text)
    places = _places(recipe, in_dims[0])
    if any(d is not None for d in (*places.params, *places.consts)):
        return _over_weights(recipe, in_dims, arguments)

    def run(lengths: Any, resets: Any, key: Any, flat: Tensors) -> list[torch.Tensor]:
        found: list[torch.Tensor] = forward_op(flat, lengths, resets, key, text, reverse, keep)
        return found

    return folded(recipe, info, in_dims, run, tensors, lengths, resets, key)


def _over_weights(
    recipe: Recipe, in_dims: Any, arguments: Any
) -> tuple[list[torch.Tensor], list[int | None]]:
    tensors, lengths, resets, key, _, reverse, _ = arguments
    refuse_masks(recipe, key is not None)

    def plain(own: Any, lengths: Any, resets: Any) -> tuple[torch.Tensor, ...]:
        options = Options(reverse, lengths, resets)
        outputs, finals = plain_pass(recipe, Groups.cut(recipe, own), options)
        return (*outputs, *finals)

    mapped = torch.vmap(plain, (list(in_dims[0]), in_dims[1], in_dims[2]))
    found = mapped(list(tensors), lengths, resets)
    return [*found, tensors[0].new_empty(0)], [*([0] * len(found)), None]


@backward_op.register_vmap
def _(info: Any, in_dims: Any, *arguments: Any) -> tuple[list[torch.Tensor], list[int]]:
    tensors, _, cotangents, lengths, resets, key, text, reverse, *_ = arguments
    recipe = recipe_from(text)
    refuse_masks(recipe, key is not None)

    def plain(own: Any, given: Any, lengths: Any, resets: Any) -> tuple[torch.Tensor, ...]:
        return plain_pullback(recipe, own, Options(reverse, lengths, resets), given)

    dims = (list(in_dims[0]), list(in_dims[2]), in_dims[3], in_dims[4])
    found = torch.vmap(plain, dims)(list(tensors), list(cotangents), lengths, resets)
    return list(found), [0] * len(found)
