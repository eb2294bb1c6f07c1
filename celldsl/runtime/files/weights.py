"""Files in the safetensors format.  In: names, arrays and metadata.  Out: a file, and back.

    write_weights("gru.safetensors", {"r_u.b": array}, {"cell": "GRU"})
    arrays, metadata = read_weights("gru.safetensors")

The format is a length, a JSON header and the numbers, little-endian: simple enough to need no
library, so that a module that stands alone can save.  A file is written whole or not at all.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from celldsl.runtime.checks.arguments import Values
from celldsl.runtime.errors import WeightsError
from celldsl.runtime.files.replace import replace_file

STORED: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
LONGEST_HEADER = 100_000_000


def write_weights(
    path: str | os.PathLike[str], arrays: Mapping[str, Values], metadata: Mapping[str, str]
) -> None:
    """Writes float32 and float64 arrays and a mapping of strings."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
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
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"{path}: not a safetensors file ({error})") from None


def _parse_weights(data: bytes) -> tuple[dict[str, Values], dict[str, str]]:
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(LONGEST_HEADER, len(data) - 8):
        raise ValueError("the header is cut off")
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    body = memoryview(data)[8 + length :]
    return {name: _stored_array(entry, body) for name, entry in header.items()}, dict(metadata)


def _stored_array(entry: Any, body: memoryview) -> Values:
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
