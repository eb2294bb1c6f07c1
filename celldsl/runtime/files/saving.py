"""Cells in files.  In: a built cell.  Out: a safetensors file with all that builds it again.

    save_cell(cell, "gru.safetensors")
    cell = cell_from_file(GRU, "gru.safetensors")

The metadata holds the cell's name, sizes, hyperparameters and dtype, so that a file needs nothing
beside it but the class.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from celldsl.runtime.checks.arguments import Values
from celldsl.runtime.errors import ArgumentError, WeightsError
from celldsl.runtime.files.weights import read_weights, write_weights


def save_cell(cell: Any, path: str | os.PathLike[str]) -> None:
    """Writes parameters, consts and settings, whole or not at all."""
    metadata = {
        "format": "celldsl",
        "cell": cell.description.name,
        "digest": cell.description.digest,
        "version": cell.description.version,
        "settings": json.dumps({**cell.dims, **cell.hypers}),
        "dtype": str(cell.dtype),
        "seed": str(cell.seed),
    }
    write_weights(path, {**cell.params, **cell.consts}, metadata)


def cell_from_file(cls: Any, path: str | os.PathLike[str]) -> Any:
    """Builds a cell of `cls` and fills it.  Raises WeightsError, saying what differs."""
    name = cls.description.name
    arrays, metadata = read_weights(path)
    settings = saved_settings(name, metadata, path)
    consts = {c.name: arrays[c.name] for c in cls.description.consts if c.name in arrays}
    try:
        cell = cls(**settings, **consts, dtype=metadata["dtype"], seed=int(metadata["seed"]))
    except (KeyError, TypeError, ArgumentError) as error:
        raise WeightsError(f"{path}: {name} cannot be built from it: {error}") from error
    fill_cell(cell, arrays, path)
    return cell


def saved_settings(name: str, metadata: Mapping[str, str], path: Any) -> dict[str, Any]:
    """The sizes and hyperparameters of the cell `name` in a file.  Raises WeightsError."""
    if metadata.get("cell") != name:
        found = metadata.get("cell", "nothing that celldsl saved")
        raise WeightsError(f"{path}: expected weights of {name}, found {found}")
    try:
        return dict(json.loads(metadata["settings"]))
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: {name} cannot be built from it: {error}") from error


def fill_cell(cell: Any, arrays: Mapping[str, Values], path: Any) -> None:
    """Copies arrays in, all or none."""
    wanted = {**cell.params, **cell.consts}
    differences = [f"{name} is missing" for name in wanted if name not in arrays]
    differences += [f"{name} is not of this cell" for name in arrays if name not in wanted]
    for name, array in wanted.items():
        found = arrays.get(name)
        if found is not None and (found.shape, found.dtype) != (array.shape, array.dtype):
            differences.append(
                f"{name} is {found.shape} of {found.dtype}, not {array.shape} of {array.dtype}"
            )
    if differences:
        raise WeightsError(f"{path}: " + "; ".join(differences))
    for name in cell.params:
        cell.params[name] = arrays[name]
