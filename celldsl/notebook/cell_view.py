"""A cell at a glance.  In: a class, or a built cell.  Out: HTML, with equations that MathJax sets.

Of a class: its head, docstring, equations, shapes, the number of its parameters, and its picture.
Of a built cell: sizes, and every parameter as a small heat map.
"""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import Any

from celldsl.ir.size import Size, product, shape_text
from celldsl.ir.spec import ArraySpec, CellSpec, ParamSpec, array_text
from celldsl.notebook.array_view import table_html
from celldsl.pictures.graph import graph_of
from celldsl.pictures.latex import latex_text
from celldsl.pictures.svg import svg_text
from celldsl.questions import lowered_of
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
