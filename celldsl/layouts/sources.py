"""Arrays from wherever they are.  In: a mapping, a module, a path.  Out: arrays by dotted names.

    arrays_of(lstm.state_dict())["weight_ih_l0"]
    arrays_of("model.safetensors")
    arrays_of("model.keras")["layers.lstm.cell.vars.0"]

Weights are data: no pickle is opened, and no code of a file is run.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from celldsl.runtime.cell.saving import read_weights
from celldsl.runtime.errors import ArgumentTypeError, WeightsError

if TYPE_CHECKING:
    from celldsl.runtime.arrays.validation import Values

PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle", ".npy")


def arrays_of(source: object) -> dict[str, Values]:
    """The arrays by names; those of dicts in dicts are joined by dots.

    Raises ArgumentTypeError for what holds no arrays, WeightsError for a file that is none of ours
    or would run code.
    """
    if isinstance(source, str | os.PathLike):
        return _of_file(Path(source))
    state = getattr(source, "state_dict", None)
    if callable(state):
        source = state()
    if is_dataclass(source) and not isinstance(source, type):
        source = {each.name: getattr(source, each.name) for each in fields(source)}
    if not isinstance(source, Mapping):
        raise ArgumentTypeError(
            "source: expected a mapping of names to arrays, a state_dict, or the path of a "
            f".safetensors, .npz, .keras or .h5 file, got {type(source).__name__}"
        )
    return dict(_flat(source, ""))


def _flat(source: Mapping[object, object], before: str) -> Iterator[tuple[str, Values]]:
    for key, value in source.items():
        name = f"{before}{str(key).replace('/', '.')}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        else:
            array = _array(value)
            if array is not None:
                yield name, array


def _array(value: object) -> Values | None:
    """A tensor or an array as NumPy's; None for a number or a text beside them."""
    value = getattr(value, "value", value) if not hasattr(value, "dtype") else value
    if hasattr(value, "detach"):  # a tensor: off its device, and bfloat16 as a float32
        tensor = value.detach().cpu()
        value = (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
    if not hasattr(value, "dtype") or not hasattr(value, "shape"):
        return None
    return cast("Values", np.asarray(value))


def _of_file(path: Path) -> dict[str, Values]:
    """Raises WeightsError where there is something else, or half of it, or what holds objects."""
    try:
        return _read(path)
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, WeightsError):
            raise
        kind = path.suffix.lower()
        raise WeightsError(f"{path}: no {kind} file of plain arrays ({error})") from None


def _read(path: Path) -> dict[str, Values]:
    match path.suffix.lower():
        case ".safetensors":
            return read_weights(path)[0]
        case ".npz":
            # NumPy leaves open what it cannot read.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
                return {name: held[name] for name in held.files}
        case ".keras":
            with zipfile.ZipFile(path) as packed:
                return _of_h5(io.BytesIO(packed.read("model.weights.h5")), path)
        case ".h5" | ".hdf5":
            return _of_h5(path, path)
        case suffix if suffix in PICKLES:
            raise WeightsError(
                f"{path}: such a file can hold code, so it is not opened here; pass what it holds: "
                f"torch.load({str(path)!r}, weights_only=True)"
            )
    raise WeightsError(f"{path}: expected a .safetensors, .npz, .keras or .h5 file")


def _of_h5(file: object, path: Path) -> dict[str, Values]:
    try:
        import h5py
    except ImportError:
        raise WeightsError(f"{path}: reading it needs h5py: pip install h5py") from None
    found: dict[str, Values] = {}

    def visit(name: str, entry: object) -> None:
        if isinstance(entry, h5py.Dataset):
            found[name.replace("/", ".")] = np.asarray(entry)

    with h5py.File(file, "r") as held:
        held.visititems(visit)
    return found
