"""What layers ask a cell in NumPy.  In: a recipe and arrays.  Out: arrays by name, or an error.

    values_over_time(recipe, "float32", params, consts, [x], None, names=["r"], lengths=lengths)
    raise_not_finite(recipe, "float32", params, consts, [x], None, lengths=lengths)
    # NonFiniteError: GRU: not finite first at step 3, row 1, in `c = log(x)` (line 6): …

A cell is built of the arrays for it, and runs once: to be traced as `cell.trace` does, or, where
what a pass gave is seen to be not finite, without masks as `check_numerics=True` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from celldsl.bridges.recipe import Recipe
from celldsl.runtime.errors import NonFiniteError

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


def raise_not_finite(
    recipe: Recipe,
    dtype: Any,
    params: Arrays,
    consts: Arrays,
    inputs: Sequence[Any],
    starts: Sequence[Any] | None,
    cotangents: Sequence[Any | None] | None = None,
    **options: Any,
) -> NoReturn:
    """Raises NonFiniteError; `cotangents` of outputs and final states are those of a way back."""
    cell = recipe.cell(dtype, params, consts)
    own = {"training": False, "check_numerics": True, **options}
    _, _, tape = cell.forward(tuple(inputs), recipe.state(starts), **own)
    name = recipe.described.name
    if cotangents is None:
        raise NonFiniteError(
            f"{name}: what a pass gave is not finite, and without masks, in {cell.dtype}, it is"
        )
    count = len(recipe.described.outputs)
    ends = cotangents[count:]
    dstate = dict(zip((each.name for each in recipe.described.states), ends, strict=True))
    given = {name: each for name, each in dstate.items() if each is not None}
    cell.backward(tape, tuple(cotangents[:count]), given or None, check_numerics=True)
    raise NonFiniteError(
        f"{name}: a gradient is not finite, and without masks, in {cell.dtype}, it is"
    )
