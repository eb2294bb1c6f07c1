"""Cells in files.  In: a built cell.  Out: a safetensors file with all that builds it again.

    save_cell(cell, "gru.safetensors")
    cell = cell_from_file(GRU, "gru.safetensors")
    arrays, metadata = read_weights("gru.safetensors")      # any file of the format

The metadata holds the cell's name, sizes, hyperparameters and dtype, so that a file needs nothing
beside it but the class.  The format is a length, a JSON header and the numbers, little-endian:
simple enough to need no library, so that a module that stands alone can save.  (safetensors 0.8
writes transposed and strided arrays with their values in wrong places.)  A file is written whole
or not at all.

A file that was saved from other equations ends in a WeightsWarning that says which: compared is the
formatted text of all files of a cell, without comments and docstrings.
"""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import Any

import numpy as np

from celldsl.files import replace_file
from celldsl.runtime.arrays.validation import DType, Values
from celldsl.runtime.cell.built import BuiltCell
from celldsl.runtime.cell.compiler import compiler
from celldsl.runtime.description import Description
from celldsl.runtime.errors import (
    ArgumentError,
    ArgumentTypeError,
    WeightsError,
    WeightsWarning,
    caller_level,
)

# Ends of files that other formats are known by.
OF_OTHERS = (".npz", ".npy", ".pt", ".pth", ".pkl", ".h5", ".keras", ".onnx", ".msgpack", ".cell")


def save_cell(cell: BuiltCell, path: str | os.PathLike[str]) -> None:
    """Writes parameters, consts and settings, whole or not at all."""
    _check_path(path)
    if Path(path).suffix in OF_OTHERS:
        better = Path(path).with_suffix(".safetensors").name
        raise ArgumentError(f"path: cells are saved as safetensors, {path} names another: {better}")
    metadata = {
        "format": "celldsl",
        "cell": cell.description.name,
        "digest": cell.description.digest,
        "version": cell.description.version,
        "settings": json.dumps({**cell.dims, **cell.hypers, **_rounding(cell)}),
        "dtype": str(cell.dtype),
        "seed": str(cell.seed),
        "sources": json.dumps(cell.description.sources),
        "given": json.dumps(sorted(cell.hypers.given)),
    }
    write_weights(path, {**cell.params, **cell.consts}, metadata)


def _rounding(cell: BuiltCell) -> dict[str, str]:
    """`products`, where operands of products are rounded."""
    return {"products": cell.description.products} if cell.description.products else {}


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
    warn_of_other_equations(cls.description, metadata, path)
    fill_cell(cell, arrays, path)
    if "given" in metadata:
        # The others follow the hyperparameters, as they did in the cell that was saved.
        cell.hypers.given = frozenset(json.loads(metadata["given"])) & frozenset(consts)
    return cell


def _check_path(path: object) -> None:
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        told = repr(path) if isinstance(path, str) else type(path).__name__
        raise ArgumentTypeError(f"path: expected that of a safetensors file, got {told}")


def load_into(cell: BuiltCell, path: str | os.PathLike[str]) -> None:
    """Copies the parameters of a file into a cell: all or none.

    The file is one that `save` wrote for a cell of this name, or one of others that has the same
    names.  Raises WeightsError where it does not fit, and gives a WeightsWarning where it was saved
    from other equations or with other hyperparameters.
    """
    _check_path(path)
    arrays, metadata = read_weights(path)
    described = cell.description
    settings: dict[str, object] = {}
    if "cell" in metadata:
        settings = saved_settings(described.name, metadata, path)
        _check_structure(cell, settings, path)
        warn_of_other_equations(described, metadata, path)
        _warn_of_other_numbers(cell, settings, path)
    for name, const in cell.consts.items():
        if not np.array_equal(arrays.setdefault(name, const), const):
            told = f"{path}: {name} is a const and has other values in this cell"
            raise WeightsError(f"{told}{_cause(cell, settings)}")
    fill_cell(cell, arrays, path)


def _cause(cell: BuiltCell, settings: Mapping[str, object]) -> str:
    """Numbers that a const may be made of and that are others in the file."""
    differ = _other_numbers(cell, settings)
    if not differ:
        return ""
    saved = ", ".join(f"{name}={settings[name]}" for name in differ)
    own = ", ".join(f"{name}={cell.hypers[name]}" for name in differ)
    write = ", ".join(f'cell.hypers["{name}"] = {settings[name]}' for name in differ)
    return f": it was saved with {saved}, and this cell has {own}; set {write} first"


def _other_numbers(cell: BuiltCell, settings: Mapping[str, object]) -> list[str]:
    names = [h.name for h in cell.description.hypers if not h.fixed]
    return [n for n in names if n in settings and settings[n] != cell.hypers[n]]


def _check_structure(
    cell: BuiltCell, settings: Mapping[str, object], path: str | os.PathLike[str]
) -> None:
    own = {**cell.dims, **{h.name: cell.hypers[h.name] for h in cell.description.hypers if h.fixed}}
    differ = [n for n, value in own.items() if n in settings and settings[n] != value]
    if differ:
        told = ", ".join(f"{n}={settings[n]}, not {own[n]}" for n in differ)
        call = f"{cell.description.name}.from_file(…) builds that one"
        raise WeightsError(f"{path}: saved from a cell with {told}; {call}")


def _warn_of_other_numbers(
    cell: BuiltCell, settings: Mapping[str, object], path: str | os.PathLike[str]
) -> None:
    for name in _other_numbers(cell, settings):
        warnings.warn(
            f"{path} was saved with {name}={settings[name]}, and this cell keeps "
            f"{name}={cell.hypers[name]}; set cell.hypers[{name!r}] for the other",
            WeightsWarning,
            stacklevel=caller_level(),
        )


def saved_settings(
    name: str, metadata: Mapping[str, str], path: str | os.PathLike[str]
) -> dict[str, Any]:
    """The sizes and hyperparameters of the cell `name` in a file.  Raises WeightsError."""
    if metadata.get("cell") != name:
        found = metadata.get("cell", "nothing that celldsl saved")
        raise WeightsError(f"{path}: expected weights of {name}, found {found}")
    try:
        return dict(json.loads(metadata["settings"]))
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: {name} cannot be built from it: {error}") from error


def fill_cell(cell: BuiltCell, arrays: Mapping[str, Values], path: str | os.PathLike[str]) -> None:
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
    cell.params.assign({name: arrays[name] for name in cell.params})


STORED: dict[str, DType] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
OTHER_DTYPES = ("F16", "BF16", "F8_E4M3", "F8_E5M2", "I8", "U8", "I16", "I32", "I64", "BOOL")
LONGEST_HEADER = 100_000_000


def write_weights(
    path: str | os.PathLike[str], arrays: Mapping[str, Values], metadata: Mapping[str, str]
) -> None:
    """Writes float32 and float64 arrays and a mapping of strings."""
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    stored = []
    end = 0
    for name, array in arrays.items():
        kind = "F32" if array.dtype.itemsize == 4 else "F64"
        data = np.ascontiguousarray(array, dtype=STORED[kind])
        place = [end, end + data.nbytes]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": place}
        stored.append(data)
        end += data.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=True).encode()
    text += b" " * (-len(text) % 8)
    replace_file(path, [len(text).to_bytes(8, "little"), text, *(a.data for a in stored)])


def read_weights(path: str | os.PathLike[str]) -> tuple[dict[str, Values], dict[str, str]]:
    """The arrays and the metadata of a file.  Raises WeightsError for what is not such a file."""
    data = Path(path).read_bytes()
    try:
        return _parse_weights(data)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"{path}: not a safetensors file ({error})") from None


def _parse_weights(data: bytes) -> tuple[dict[str, Values], dict[str, str]]:
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(LONGEST_HEADER, len(data) - 8):
        raise ValueError("the header is cut off")
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    body = memoryview(data)[8 + length :]
    arrays = {name: _stored_array(name, entry, body) for name, entry in header.items()}
    return arrays, dict(metadata)


def _stored_array(name: str, entry: dict[str, Any], body: memoryview) -> Values:
    if entry["dtype"] not in STORED and entry["dtype"] in OTHER_DTYPES:
        raise WeightsError(
            f"{name} is stored as {entry['dtype']}; cells have F32 and F64: convert it first"
        )
    dtype = STORED[entry["dtype"]]
    shape = tuple(int(size) for size in entry["shape"])
    start, stop = (int(edge) for edge in entry["data_offsets"])
    if min(shape, default=0) < 0 or not 0 <= start <= stop <= len(body):
        raise ValueError("an array lies outside the file")
    if stop - start != math.prod(shape) * dtype.itemsize:
        raise ValueError("an array has another size than its shape says")
    stored = np.frombuffer(body[start:stop], dtype=dtype).reshape(shape)
    found: Values = stored.astype(dtype.newbyteorder("="))
    return found


Sources = Sequence[Sequence[str]]


def warn_of_other_equations(
    described: Description, metadata: Mapping[str, str], path: str | os.PathLike[str]
) -> None:
    """Gives a WeightsWarning with a diff where a file was saved from other equations."""
    told = f"{path} was saved from other equations of {described.name}"
    if "sources" in metadata:
        saved = _read(metadata["sources"], path)
        if [tuple(each) for each in saved] == [tuple(each) for each in described.sources]:
            return  # as a rule, and then no compiler is needed
        before, after = equations_of(saved), equations_of(described.sources)
        if before == after:
            return
        diff = unified_diff(
            before.splitlines(), after.splitlines(), "saved", "now", lineterm="", n=1
        )
        told = "\n".join([f"{told}:", *(f"    {line}" for line in diff)])
    elif metadata.get("digest", described.digest) == described.digest:
        return
    else:
        told += ", or of another layout; it is of an older celldsl and does not hold them"
    warnings.warn(told, WeightsWarning, stacklevel=caller_level())


def equations_of(sources: Sources) -> str:
    """What is compared; the text as it is where no compiler is installed."""
    asked = compiler()
    if asked is not None:
        return str(asked.equations(sources))
    return "\n".join(text for _, text in sources)


def _read(text: str, path: str | os.PathLike[str]) -> Sources:
    try:
        return [(str(name), str(content)) for name, content in json.loads(text)]
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path}: the sources in it cannot be read ({error})") from None
