"""Passes under `torch.vmap`.  In: tensors with an axis more.  Out: the same.

    results, axes = folded(recipe, info, in_dims, run, tensors, lengths, resets, key)

A batch of inputs and states is folded into the batch that kernels have anyway.  Where parameters
have the axis, or gradients are wanted for each of its entries, plain code runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from celldsl.bridges.recipe import Recipe, recipe_from
from celldsl.torch.inputs import batch_axes
from celldsl.torch.ops import backward_op, forward_op
from celldsl.torch.plain import Groups, Options, plain_pass, plain_pullback, refuse_masks

Tensors = Sequence[torch.Tensor]


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
