"""Values of a cell over time, for layers.  In: a recipe and arrays.  Out: arrays by name.

    values_over_time(recipe, "float32", params, consts, [x], None, names=["r"], lengths=lengths)

A cell is built of the arrays for it, and traced as `cell.trace` does; there are no gradients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from celldsl.bridges.recipe import Recipe

Arrays = Mapping[str, Any]


def values_over_time(
    recipe: Recipe,
    dtype: Any,
    params: Arrays,
    consts: Arrays,
    inputs: Sequence[Any],
    starts: Sequence[Any] | None,
    **options: Any,
) -> dict[str, Any]:
    """(T, B, …) for each name; `options` are those of `cell.trace`.

    Raises UnknownNameError.
    """
    cell = recipe.cell(dtype, params, consts)
    found: dict[str, Any] = cell.trace(tuple(inputs), state=recipe.state(starts), **options)
    return found
