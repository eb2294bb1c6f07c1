"""Cells and arrays at a glance.  In: a class, a built cell, arrays by name.  Out: HTML.

Of a class: its head, docstring, equations, which MathJax sets, shapes, the number of its
parameters, and its picture.  Of a built cell: sizes, and every parameter as a small heat map, as
states, outputs and gradients have it:

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

from celldsl.ir.size import Size, product, shape_text
from celldsl.ir.spec import ArraySpec, CellSpec, ParamSpec, array_text
from celldsl.pictures.boxes import graph_of
from celldsl.pictures.latex import latex_text
from celldsl.pictures.svg import svg_text
from celldsl.questions import lowered_of
from celldsl.runtime.arrays.params import Parameters
from celldsl.runtime.cell.built import Gradients
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.cell.cell_class import CellClass
from celldsl.runtime.cell.wording import cell_line

# A picture of more would not be read in the width of a notebook.
MOST_NODES, WIDTH = 400, 900.0
LEFT = "text-align:left"
CARD = "background:#fff;border-radius:4px;max-width:100%;margin-top:6px"


def class_html(cls: CellClass) -> str | None:
    """None of a class that has no equations of its own: what must be set decides its structure."""
    described: Any = getattr(cls, "description", None)
    if described is None or not described.sources:
        return None
    lowered = lowered_of(described)
    spec = lowered.spec
    doc = f"<div>{escape(' '.join(spec.doc.split()))}</div>" if spec.doc else ""
    math = latex_text(lowered.program, lowered.notes)
    picture = ""
    if len(lowered.program.step) <= MOST_NODES:
        svg = svg_text(graph_of(lowered.program, lowered.notes), WIDTH, theme="light")
        data = b64encode(svg.encode()).decode()
        alt = escape(f"{spec.name} as a picture")
        picture = f'<img src="data:image/svg+xml;base64,{data}" alt="{alt}" style="{CARD}">'
    return (
        f"<div><b>{escape(head_text(spec))}</b></div>{doc}"
        f'<div style="overflow-x:auto">$$\n{escape(math, quote=False)}\n$$</div>'
        f"{_shapes(spec)}{picture}"
    )


def head_text(spec: CellSpec) -> str:
    """`GRU[I, H](activation=tanh)`"""
    dims = ", ".join(d.name if d.default is None else f"{d.name}={d.default}" for d in spec.dims)
    hypers = ", ".join(h.name if h.value is None else f"{h.name}={h.value}" for h in spec.hypers)
    return f"{spec.name}[{dims}]" + (f"({hypers})" if hypers else "")


def _shapes(spec: CellSpec) -> str:
    groups: list[tuple[str, tuple[ArraySpec | ParamSpec, ...]]] = [
        ("inputs", spec.inputs), ("states", spec.states), ("outputs", spec.outputs),
        ("parameters", spec.params), ("constants", spec.consts),
    ]  # fmt: skip
    rows = "".join(
        f'<tr><td style="{LEFT}">{title if k == 0 else ""}</td>'
        f'<td style="{LEFT}"><code>{escape(item.name)}</code></td>'
        f'<td style="{LEFT}"><code>{escape(_shape(item))}</code></td></tr>'
        for title, items in groups
        for k, item in enumerate(items)
    )
    total = sum((product(p.shape) for p in spec.params), Size.of(0))
    count = f'<tr><td></td><td></td><td style="{LEFT}">{escape(str(total))} numbers</td></tr>'
    return f"<table>{rows}{count if spec.params else ''}</table>"


def _shape(item: ArraySpec | ParamSpec) -> str:
    return array_text(item) if isinstance(item, ArraySpec) else shape_text(item.shape)


def cell_html(cell: Cell) -> str:
    values = {**cell.dims, **cell.hypers}
    return table_html(
        cell_line(cell.description, values, cell.dtype),
        [*cell.params.items(), *cell.consts.items()],
    )


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
