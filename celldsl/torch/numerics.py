"""Values that are not finite, made visible.  In: what a pass gave.  Out: nothing, or an error.

    look_at_pass(recipe, tensors, options, found)               # outputs, then last states
    look_at_gradients(recipe, tensors, options, cotangents, found)

For layers that are built while CELLDSL_CHECK_NUMERICS=1 is in the environment.  Results are looked
at first; only where one is not finite the pass runs once more in NumPy, which names the equation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from celldsl.bridges.in_numpy import raise_not_finite
from celldsl.bridges.recipe import Recipe
from celldsl.torch.check import has_values
from celldsl.torch.plain import Groups, Options
from celldsl.torch.values import as_passed, real_dtype

Tensors = Sequence[torch.Tensor]


def look_at_pass(recipe: Recipe, tensors: Tensors, options: Options, found: Tensors) -> None:
    """`tensors` are inputs, start states, parameters and consts.  Raises NonFiniteError."""
    if not _are_finite(found):
        _explain(recipe, tensors, options, None)


def look_at_gradients(
    recipe: Recipe,
    tensors: Tensors,
    options: Options,
    cotangents: Sequence[torch.Tensor | None],
    found: Iterable[torch.Tensor | None],
) -> None:
    """The same for gradients; `cotangents` are those of outputs and last states."""
    if not _are_finite([each for each in found if each is not None]):
        _explain(recipe, tensors, options, cotangents)


def _are_finite(tensors: Tensors) -> bool:
    """True also where nobody can look, since something compiles or transforms."""
    return all(not has_values(each) or bool(each.isfinite().all()) for each in tensors)


def _explain(
    recipe: Recipe,
    tensors: Tensors,
    options: Options,
    cotangents: Sequence[torch.Tensor | None] | None,
) -> None:
    groups, described = Groups.cut(recipe, tensors), recipe.described
    wide = real_dtype(tensors) is torch.float64
    dtype = torch.float64 if wide else torch.float32

    def array(tensor: torch.Tensor) -> Any:
        real = tensor.is_floating_point()
        kept = tensor.detach().to("cpu", dtype if real else tensor.dtype)
        return kept.contiguous().numpy()

    def named(arrays: Sequence[Any], given: Tensors) -> dict[str, Any]:
        pairs = zip(arrays, given, strict=True)
        return {each.name: array(tensor) for each, tensor in pairs}

    lengths, resets = options.lengths, options.resets
    raise_not_finite(
        recipe,
        "float64" if wide else "float32",
        named(described.params, groups.params),
        named(described.consts, groups.consts),
        [array(each) for each in as_passed(recipe, groups.inputs)],
        [array(each) for each in groups.starts] or None,
        None if cotangents is None else [None if c is None else array(c) for c in cotangents],
        reverse=options.reverse,
        lengths=None if lengths is None else array(lengths).astype(np.int64),
        resets=None if resets is None else array(resets),
    )
