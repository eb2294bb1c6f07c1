"""Which cells a layer is made of.  In: what was passed for cells, and sizes.  Out: built cells.

    stack = build_stack(GRU, {"I": 28, "H": 128}, layers=2, directions=2, dtype=torch.float32)
    stack[1][0].dims        # {"I": 256, "H": 128}

Later layers take what earlier ones give: the one dim that is the input's shape has its size.
Integers, truth values and what lasts a sequence go to all layers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from celldsl.api import load
from celldsl.bridges.recipe import flows
from celldsl.runtime.arrays.options import refuse_unknown
from celldsl.runtime.arrays.validation import axes_of
from celldsl.runtime.cell.construction import accepted_keywords
from celldsl.runtime.description import Array
from celldsl.runtime.errors import ArgumentError, ArgumentTypeError
from celldsl.torch.check import ANSWERS
from celldsl.torch.layer import made

Shapes = list[tuple[int, ...]]
OF_CELL = ("settings", "form", "device", "dtype")  # keywords that are none of a cell's
OF_RNN = ("num_layers", "bidirectional", "dropout", "batch_first", "residual", *OF_CELL)


def build_stack(
    cells: Any, settings: Mapping[str, Any], layers: int, directions: int, dtype: Any
) -> list[list[Any]]:
    """For each layer a cell for each direction.

    Raises ArgumentError where one layer's outputs are no inputs of the next, and whatever building
    a cell raises.
    """
    if isinstance(cells, list | tuple):
        if layers != 1:
            raise ArgumentError("num_layers: a list of cells has a layer for each; leave it out")
        if not cells:
            raise ArgumentError("cell: the list is empty")
        wanted = [_class_or_cell(cell) for cell in cells]
    else:
        wanted = [_class_or_cell(cells)] * layers
    _refuse_unknown("RNN()", wanted, settings, OF_RNN)
    found: list[list[Any]] = []
    for number, cell in enumerate(wanted):
        before = _outputs(found[-1][0], directions) if found else None
        found.append(_layer(cell, settings, before, directions, dtype, number))
        _check_common(found[0][0], found[-1][0], number)
    return found


def one_cell(cell: Any, settings: Mapping[str, Any], dtype: Any) -> Any:
    """A built cell, for one step."""
    found = _class_or_cell(cell)
    if not isinstance(found, type):
        if settings:
            raise ArgumentTypeError(
                f"{next(iter(settings))}: a built cell has its settings already"
            )
        return found
    _refuse_unknown("Cell()", [found], settings, OF_CELL)
    return made(found, settings, dtype)


def _class_or_cell(cell: Any) -> Any:
    if isinstance(cell, str | os.PathLike):
        return load(cell)
    if isinstance(cell, type) and hasattr(cell, "variants"):
        return cell
    if hasattr(cell, "description") and not isinstance(cell, type):
        return cell
    raise ArgumentTypeError(
        f"cell: expected the class of a cell, celldsl.load(…), a built cell, or a list of them, "
        f"got {cell!r}"
    )


def _refuse_unknown(
    where: str, wanted: Sequence[Any], settings: Mapping[str, Any], own: Sequence[str]
) -> None:
    """In a list every setting is for the cells that know it, and for one of them at least."""
    known: dict[str, None] = {}
    for cell in wanted:
        if not hasattr(cell, "description"):
            return  # its structure decides what it knows
        known |= dict.fromkeys(accepted_keywords(cell.description))
    names = [name for name in known if name not in ("dtype", "seed", "engine")]
    for name in settings:
        if name in own and name not in names:
            told = f"{name}: no cell here has such a setting; pass it beside settings={{…}}"
            raise ArgumentTypeError(told)
    refuse_unknown(where, settings, (*names, *own), ANSWERS)
    for name in settings:
        if not any(isinstance(cell, type) and name in _known_to(cell, settings) for cell in wanted):
            raise ArgumentTypeError(f"{name}: a built cell has its settings already")


def _layer(
    cell: Any,
    settings: Mapping[str, Any],
    before: Shapes | None,
    directions: int,
    dtype: Any,
    number: int,
) -> list[Any]:
    if not isinstance(cell, type):
        found = [cell] * directions
    else:
        own = _known_to(cell, settings)
        if before is not None:
            own |= _resized(cell, before)
        found = [made(cell, own, dtype) for _ in range(directions)]
    if before is not None and _inputs(found[0]) != before:
        raise ArgumentError(_misfit(found[0], before, number))
    return found


def _check_common(first: Any, cell: Any, number: int) -> None:
    """Raises where a layer has an input that all layers have in common and the first one has not.

    Those are integers, truth values and what lasts a sequence.
    """
    known = {each.name: each for each in _common(first)}
    for each in _common(cell):
        other = known.get(each.name)
        if other is None or _held(other, first) != _held(each, cell):
            raise ArgumentError(
                f"cell: layer {number} has the input {each.name}: {each.text}, which is passed to "
                f"all layers, and {first.description.name}, the first, has no such input"
            )


def _common(cell: Any) -> list[Array]:
    return [each for each in cell.description.inputs if not flows(each)]


def _held(each: Array, cell: Any) -> tuple[Any, ...]:
    limit: int | None = None if each.limit is None else int(each.limit(**cell.dims))
    return each.kind, each.per, limit, tuple(map(int, each.shape(**cell.dims)))


def _known_to(cell: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    if not hasattr(cell, "description"):
        return dict(settings)
    known = accepted_keywords(cell.description)
    return {name: value for name, value in settings.items() if name in known}


def _resized(cell: Any, before: Shapes) -> dict[str, int]:
    """The size of the one dim that is the shape of the cell's only real input of each step."""
    described: Any = getattr(cell, "description", None)
    own = [] if described is None else [each for each in described.inputs if flows(each)]
    if len(own) != 1 or len(before) != 1 or len(before[0]) != 1:
        return {}
    axes = axes_of(own[0].text)
    names = {dim.name for dim in described.dims}
    return {axes[0]: before[0][0]} if len(axes) == 1 and axes[0] in names else {}


def _inputs(cell: Any) -> Shapes:
    """Shapes of real inputs of each step: what comes of the layer before."""
    described = cell.description.inputs
    return [tuple(map(int, each.shape(**cell.dims))) for each in described if flows(each)]


def _outputs(cell: Any, directions: int) -> Shapes:
    """Of both directions, side by side on the last axis."""
    shapes = [tuple(map(int, each.shape(**cell.dims))) for each in cell.description.outputs]
    if directions == 1:
        return shapes
    return [(*shape[:-1], shape[-1] * directions) if shape else () for shape in shapes]


def _misfit(cell: Any, before: Shapes, number: int) -> str:
    name = cell.description.name
    told = ", ".join(str(list(shape)) for shape in before)
    inputs = ", ".join(f"{each.name}: {each.text}" for each in cell.description.inputs)
    return (
        f"num_layers: layer {number} would get {told} of the one before, and {name} has {inputs}: "
        "say what each layer is by a list of cells, RNN([A(…), B(…)])"
    )


def check_states(stack: Sequence[Sequence[Any]]) -> None:
    """Raises where states of the layers of one cell have several shapes: no tensor has them all."""
    shapes = [
        [tuple(map(int, each.shape(**layer[0].dims))) for each in layer[0].description.states]
        for layer in stack
    ]
    if any(other != shapes[0] for other in shapes):
        raise ArgumentError(
            f"num_layers: layers of {stack[0][0].description.name} would have states of different "
            "shapes, since a size of its input is one of its states too: pass a list of cells"
        )


def check_residual(stack: Sequence[Sequence[Any]]) -> None:
    """Raises where a layer's outputs have other shapes than its inputs."""
    for number, own in enumerate(stack[1:], 1):
        inputs, outputs = _inputs(own[0]), _outputs(own[0], len(own))
        if inputs != outputs:
            raise ArgumentError(
                f"residual: layer {number} has inputs {inputs} and outputs {outputs}, which "
                "cannot be added"
            )


def check_directions(cell: Any) -> None:
    """Raises where two directions cannot lie side by side."""
    for each in cell.description.outputs:
        if not axes_of(each.text):
            raise ArgumentError(
                f"bidirectional: the output {each.name} of {cell.description.name} is one number, "
                "which has no axis for two directions"
            )
