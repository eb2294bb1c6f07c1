"""Weights from and to other libraries.  In: a cell, arrays, a layout.  Out: a cell, or arrays.

    load_from(cell, torch_lstm.state_dict(), "torch")
    arrays = arrays_for(cell, "torch")

A layout (`table`) says what the library's arrays hold of each gate, `gates` where a cell has it,
and `fitted` puts the two side by side.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np

from celldsl.layouts.agreement import LARGEST, difference, warn_of_another_function
from celldsl.layouts.fitted import Fitted, Wanted, found_arrays, prefixes
from celldsl.layouts.gates import fitting_modules
from celldsl.layouts.sources import arrays_of
from celldsl.layouts.table import DIRECTION, Part, layout
from celldsl.runtime.arrays.validation import Values
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.errors import WeightsError, WeightsWarning, caller_level


def load_from(
    cell: Cell,
    source: object,
    library: str,
    *,
    layer: int | None = None,
    reverse: bool | None = None,
    prefix: str | None = None,
    gates: Mapping[str, str] | None = None,
    module: str | None = None,
) -> None:
    """Copies the weights of another library's cell into `cell`: all or none.

    Raises ArgumentError for an unknown layout or gate, WeightsError for arrays that do not fit.
    """
    candidates = _fitted(cell, library, gates, module or _class_of(source, library))
    arrays, wanted = arrays_of(source), Wanted(layer or 0, bool(reverse))
    # Modules of one library differ in the names of their arrays.
    held = (each for each in candidates if prefixes(each.module, arrays, wanted))
    fitted = next(held, candidates[0])
    found = found_arrays(fitted, arrays, wanted, prefix)
    new = {name: np.zeros_like(array) for name, array in cell.params.items()}
    biases: dict[str, list[Values]] = {}
    for name, parts in fitted.module.arrays.items():
        if name not in found:
            continue
        label, array = found[name]
        for part in parts:
            _take(fitted, new, label, _entry(part, array, wanted.reverse, label), part, biases)
    for gate, terms in biases.items():
        _add_biases(fitted, new, gate, terms)
    cell.params.assign(new)
    _warn_of_zeros(fitted, [name for name in fitted.module.arrays if name not in found], wanted)
    _warn_of_more(fitted, arrays, found, layer, reverse)
    warn_of_another_function(cell, fitted.table, fitted.module, tuple((gates or {}).items()))
    joined = sorted(gate for gate, terms in biases.items() if sum(map(np.any, terms)) > 1)
    if joined:
        warnings.warn(
            f"{fitted.table.title} has two biases for {', '.join(joined)} and "
            f"{cell.description.name} has one: it is their sum, which comes back as the sum and "
            "zeros",
            WeightsWarning,
            stacklevel=caller_level(),
        )


def _class_of(source: object, library: str) -> str | None:
    """The module that a layer of the library itself is; arrays alone do not say."""
    kind = type(source)
    known = (
        kind.__module__.partition(".")[0] == library and kind.__name__ in layout(library).modules
    )
    return kind.__name__ if known else None


def _warn_of_more(
    fitted: Fitted,
    arrays: Mapping[str, Values],
    found: Mapping[str, tuple[str, Values]],
    layer: int | None,
    reverse: bool | None,
) -> None:
    """Layers and directions that the source has too, where nobody said which one is meant."""
    taken = Wanted(layer or 0, bool(reverse))
    above, back = Wanted(taken.layer + 1, taken.reverse), Wanted(taken.layer, True)
    more = []
    if layer is None and _has(fitted, arrays, found, taken, above):
        more.append(f"several layers, of which layer {taken.layer} was taken (`layer=`)")
    if reverse is None and _has(fitted, arrays, found, taken, back):
        more.append("two directions, of which the forward one was taken (`reverse=`)")
    if more:
        told = f"{fitted.table.title}'s {fitted.module.name} has {' and '.join(more)}"
        warnings.warn(told, WeightsWarning, stacklevel=caller_level())


def _has(
    fitted: Fitted,
    arrays: Mapping[str, Values],
    found: Mapping[str, tuple[str, Values]],
    taken: Wanted,
    other: Wanted,
) -> bool:
    """Whether arrays of another layer or direction stand beside those that were found."""
    for name, (label, array) in found.items():
        own, others = taken.filled(name), other.filled(name)
        if own != others and label.endswith(own) and label.removesuffix(own) + others in arrays:
            return True
        in_one = other.reverse and fitted.module.arrays[name][0].index == DIRECTION
        if in_one and array.shape[0] > 1:
            return True
    return False


def _warn_of_zeros(fitted: Fitted, missing: list[str], wanted: Wanted) -> None:
    """Vectors that the source has not.  That a cell has no biases is usual, and is not said."""
    for name in missing:
        tokens = [token for part in fitted.module.arrays[name] for token in part.axes[0]]
        vectors = [token for token in tokens if not fitted.module.needs(token)]
        if vectors:
            warnings.warn(
                f"{fitted.table.title}'s {fitted.module.name}: there is no {wanted.filled(name)} "
                f"there: {', '.join(vectors)} are zeros",
                WeightsWarning,
                stacklevel=caller_level(),
            )


def arrays_for(
    cell: Cell,
    library: str,
    *,
    layer: int = 0,
    reverse: bool = False,
    gates: Mapping[str, str] | None = None,
    module: str | None = None,
) -> dict[str, object]:
    """The cell's weights as the library names and arranges them, copied.

    Where the library has two biases and the cell one, the second is zeros.
    """
    fitted = _fitted(cell, library, gates, module)[0]
    wanted = Wanted(layer, reverse)
    params = {name: np.array(array) for name, array in cell.params.items()}
    given: set[str] = set()
    made: dict[str, object] = {}
    for name, parts in fitted.module.arrays.items():
        pieces = [_put(fitted, params, part, given) for part in parts]
        array = np.stack(pieces) if parts[0].index is not None else pieces[0]
        _insert(made, wanted.filled(name), array, fitted.table.nested)
    for gate in fitted.gates.keys() - given:
        bias = fitted.block(params, None, gate)
        if bias is not None and np.any(bias):
            raise WeightsError(
                f"{fitted.table.title}'s {fitted.module.name} has no bias for {gate}, and this "
                f"cell's {fitted.gates[gate].bias} is not zero"
            )
    warn_of_another_function(cell, fitted.table, fitted.module, tuple((gates or {}).items()))
    return made


def _fitted(
    cell: Cell, library: str, gates: Mapping[str, str] | None, module: str | None
) -> list[Fitted]:
    table = layout(library)
    fitting = fitting_modules(table, cell, dict(gates or {}), module)
    if len(fitting) > 1:
        # Gates of several may be called alike, in another order: who computes the same is meant.
        names = tuple((gates or {}).items())
        fitting.sort(key=lambda each: difference(cell, table, each[0], names) > LARGEST)
    return [Fitted(cell.params, table, *each) for each in fitting]


def _entry(part: Part, array: Values, reverse: bool, label: str) -> Values:
    """What the part is of: the array, or an entry of its first axis."""
    if part.index is None:
        return array
    index = int(reverse) if part.index == DIRECTION else int(part.index)
    if array.ndim != len(part.axes) + 1 or index >= array.shape[0]:
        what = "a first axis of directions" if part.index == DIRECTION else "a first axis of two"
        raise WeightsError(f"{label}: expected {what}, got {array.shape}")
    entry: Values = array[index]
    return entry


def _take(
    fitted: Fitted,
    new: Mapping[str, Values],
    label: str,
    array: Values,
    part: Part,
    biases: dict[str, list[Values]],
) -> None:
    """Copies the blocks of weights into `new`, and collects those of biases."""
    sizes = fitted.sizes(part)
    shape = tuple(map(sum, sizes))
    if array.shape != shape:
        axes = ", ".join(
            f"{total} ({' '.join(axis)})" for total, axis in zip(shape, part.axes, strict=True)
        )
        raise WeightsError(
            f"{label}: expected ({axes}) for {fitted.module.name} of {fitted.table.title} in this "
            f"cell, got {array.shape}"
        )
    for inside, source, gate, transposed in fitted.blocks(part):
        block = _as_float(array[inside], fitted.params.dtype, label)
        if source is None:
            biases.setdefault(gate, []).append(block)
            continue
        target = fitted.block(new, source, gate)
        assert target is not None
        target[...] = block.T if transposed else block


def _as_float(block: Values, dtype: np.dtype[np.float64], label: str) -> Values:
    """The same numbers in the cell's dtype.  Raises WeightsError where they do not fit into it."""
    if block.dtype.kind != "f" or not np.can_cast(block.dtype, dtype, "safe"):
        raise WeightsError(
            f"{label}: {block.dtype} does not fit into this cell's {dtype}; "
            f'build the cell with dtype="{block.dtype}", or pass arrays of {dtype}'
        )
    found: Values = block.astype(dtype)
    return found


def _add_biases(fitted: Fitted, new: Mapping[str, Values], gate: str, terms: list[Values]) -> None:
    target = fitted.block(new, None, gate)
    total = sum(terms[1:], terms[0]) + np.asarray(
        fitted.module.offsets.get(gate, 0.0), terms[0].dtype
    )
    if target is not None:
        target[...] = total
    elif np.any(total):
        raise WeightsError(
            f"{fitted.table.title} has a bias for {gate}, and this cell has none there; "
            "give its `linear` a bias"
        )


def _put(fitted: Fitted, params: Mapping[str, Values], part: Part, given: set[str]) -> Values:
    array = np.zeros(tuple(map(sum, fitted.sizes(part))), fitted.params.dtype)
    for inside, source, gate, transposed in fitted.blocks(part):
        block = fitted.block(params, source, gate)
        if source is not None:
            assert block is not None
            array[inside] = block.T if transposed else block
        elif gate not in given:
            given.add(gate)
            offset = fitted.module.offsets.get(gate, 0.0)
            array[inside] = (0.0 if block is None else block) - np.asarray(offset, array.dtype)
    return array


def _insert(made: dict[str, object], name: str, array: Values, nested: bool) -> None:
    *outer, last = name.split(".") if nested else [name]
    for step in outer:
        made = made.setdefault(step, {})  # type: ignore[assignment]
    made[last] = array
