"""Inputs of integers, of truth values, and that last a sequence.  In: tensors.  Out: tensors.

    as_numbers(recipe, [words, picture], torch.float32)     # for kernels: all of one dtype
    as_passed(recipe, [words, picture])                     # for plain code: integers again

Kernels take integers and truth values as numbers, in which they are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from celldsl.bridges.recipe import Recipe

Tensors = Sequence[torch.Tensor]


def real_dtype(tensors: Iterable[torch.Tensor]) -> torch.dtype:
    """That of the first real tensor."""
    found = (each.dtype for each in tensors if each.is_floating_point())
    return next(found, torch.get_default_dtype())


def as_numbers(recipe: Recipe, inputs: Tensors, dtype: torch.dtype) -> list[torch.Tensor]:
    """Inputs of which integers and truth values have become numbers of a dtype."""
    pairs = zip(recipe.described.inputs, inputs, strict=True)
    return [value if each.kind == "real" else value.to(dtype) for each, value in pairs]


def as_passed(recipe: Recipe, inputs: Tensors) -> list[torch.Tensor]:
    """Inputs of which the integers are of int64 and the truth values of bool, in any case."""
    dtypes = {"int": torch.int64, "bool": torch.bool}
    pairs = zip(recipe.described.inputs, inputs, strict=True)
    return [value if each.kind == "real" else value.to(dtypes[each.kind]) for each, value in pairs]


def batch_axes(recipe: Recipe) -> list[int]:
    """Of each input the axis that has sequences: (T, B, …), or (B, …) where it lasts one."""
    return [0 if each.per == "sequence" else 1 for each in recipe.described.inputs]


def lead_of(recipe: Recipe, inputs: Tensors) -> tuple[int, int]:
    """T and B."""
    main = inputs[recipe.main]
    if recipe.described.inputs[recipe.main].per == "sequence":
        return 0, main.shape[0]
    return main.shape[0], main.shape[1]
