"""Arrays by name, at a glance.  In: states, outputs, gradients, parameters.  Out: HTML.

name        shape       min     mean    max     norm
r_u.W_x     (28, 256)   -0.14   0.00    0.14    6.9     a heat map, one pixel a number

Blue is below 0, red above, white is 0; what is not finite is black.  A scale goes to the largest
amount in its array.
"""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.cell.built import Gradients

Array = NDArray[Any]
WIDEST, HIGHEST, LARGEST = 128, 48, 8
BELOW, ABOVE = (33.0, 102.0, 172.0), (178.0, 24.0, 43.0)
COLUMNS = ("name", "shape", "min", "mean", "max", "norm", "")
STYLE = (
    "font-variant-numeric:tabular-nums;border-collapse:collapse;text-align:right",
    "text-align:left;font-family:monospace",
    "image-rendering:pixelated;border:1px solid #8884;vertical-align:middle;background:#fff",
)


def has_arrays(value: object) -> bool:
    """Whether it is a named tuple of arrays, or of such tuples: a state, or outputs."""
    if not isinstance(value, tuple) or not hasattr(value, "_fields"):
        return False
    return all(isinstance(part, np.ndarray) or has_arrays(part) for part in value)


def arrays_html(value: object, title: str = "") -> str:
    return table_html(title or type(value).__name__, _named(value))


def parameters_html(params: Parameters) -> str:
    return table_html("", params.items())


def gradients_html(grads: Gradients) -> str:
    groups = [
        ("gradients of parameters", list(grads.params.items())),
        ("gradients of inputs", list(grads.inputs.items())),
        ("gradients of the state", list(_named(grads.state))),
    ]
    return "".join(table_html(title, items) for title, items in groups if items)


def _named(value: Any, before: str = "") -> Iterator[tuple[str, Array]]:
    for name, part in zip(value._fields, value, strict=True):
        if isinstance(part, np.ndarray):
            yield before + name, part
        else:
            yield from _named(part, f"{before}{name}.")


def table_html(title: str, items: Iterable[tuple[str, Array]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in COLUMNS)
    rows = "".join(_row(name, array) for name, array in items)
    told = f"<div><b>{escape(title)}</b></div>" if title else ""
    return f'{told}<table style="{STYLE[0]}"><tr>{head}</tr>{rows}</table>'


def _row(name: str, array: Array) -> str:
    shape = " × ".join(map(str, array.shape)) or "a number"
    cells = [f"{shape} {array.dtype}", *summary(array), picture_html(array)]
    texts = "".join(f"<td>{text}</td>" for text in cells)
    return f'<tr><td style="{STYLE[1]}">{escape(name)}</td>{texts}</tr>'


def summary(array: Array) -> list[str]:
    """Smallest, mean, largest, norm; and how many are not finite, which the others leave out."""
    finite = array[np.isfinite(array)].astype(np.float64)
    lost = array.size - finite.size
    note = f" <b>{lost:,} not finite</b>" if lost else ""
    if not finite.size:
        return ["", "", "", note]
    numbers = (finite.min(), finite.mean(), finite.max(), np.linalg.norm(finite))
    texts = [f"{number:.3g}" for number in numbers]
    return [*texts[:3], texts[3] + note]


# ------------------------------------------------------------------ pictures


def picture_html(array: Array) -> str:
    if not array.size:
        return ""
    pixels = colours(as_matrix(array))
    high, wide = pixels.shape[:2]
    scale = max(1, min(LARGEST, WIDEST // wide, HIGHEST // high))
    data = b64encode(png(pixels)).decode()
    return (
        f'<img src="data:image/png;base64,{data}" width="{wide * scale}" height="{high * scale}" '
        f'style="{STYLE[2]}">'
    )


def as_matrix(array: Array) -> Array:
    """Two axes, the longer one across; large ones by the mean of blocks, where what is not finite
    stays."""
    wide = array.shape[-1] if array.ndim else 1
    matrix = array.reshape(-1, wide).astype(np.float64)
    matrix = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    short: Array = _blocks(_blocks(matrix, HIGHEST).T, WIDEST).T
    return short


def _blocks(matrix: Array, most: int) -> Array:
    """At most so many rows, each the mean of some that lie together."""
    count = matrix.shape[0]
    if count <= most:
        return matrix
    cuts = np.linspace(0, count, most + 1).astype(int)
    return np.stack([matrix[a:b].mean(axis=0) for a, b in pairwise(cuts)])


def colours(matrix: Array) -> NDArray[np.uint8]:
    """(rows, columns, 3)"""
    finite = np.isfinite(matrix)
    largest = np.abs(matrix[finite]).max(initial=0.0) or 1.0
    amount = np.where(finite, matrix, 0.0)[..., None] / largest
    ends = np.where(amount < 0, np.array(BELOW), np.array(ABOVE))
    pixels = 255.0 + np.abs(amount) * (ends - 255.0)
    found: NDArray[np.uint8] = np.where(finite[..., None], pixels, 0.0).round().astype(np.uint8)
    return found


def png(pixels: NDArray[np.uint8]) -> bytes:
    """The file of a picture (rows, columns, 3)."""
    high, wide = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    parts: Mapping[bytes, bytes] = {b"IHDR": header, b"IDAT": zlib.compress(rows), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts.items())


def _chunk(kind: bytes, data: bytes) -> bytes:
    whole = kind + data
    return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))
