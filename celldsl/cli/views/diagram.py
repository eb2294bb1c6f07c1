"""A cell as a picture.  In: a syntax tree.  Out: SVG.

    Path("gru.svg").write_text(diagram(cell))

Inputs and states come in at the left; an arrow leads from a value to what reads it; dashed lines
carry states to the next step.  Equations with products are shaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from celldsl.structs import record
from celldsl.syntax import ast
from celldsl.syntax.dataflow import Box, Flow, flow_of

LETTER, LINE, PAD, GAP_X, GAP_Y, LANE, MARGIN = 7.3, 17, 10, 56, 22, 14, 32
LONGEST = 48
COLOURS = {
    "input": "#dbeafe", "state": "#fef3c7", "value": "#ffffff", "product": "#e5e7eb",
    "next": "#fde68a",
}  # fmt: skip
STYLE = (
    "text{font:12px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#111827}"
    ".name{font-weight:bold}rect{stroke:#374151}"
    "path{fill:none;stroke:#6b7280;marker-end:url(#tip)}.state{stroke-dasharray:5 4}"
)
TIP = (
    '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0 8 4 0 8z" style="fill:#6b7280;stroke:none;marker-end:none"/>'
    "</marker>"
)


@record
class Placed:
    """A box with its lines of text and where it is drawn."""

    box: Box
    lines: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float


def diagram(cell: ast.Cell) -> str:
    """The whole text of an SVG file; the same for the same cell."""
    flow = flow_of(cell)
    placed = list(_placed(flow))
    at = {name: p for p in reversed(placed) for name in p.box.names}
    right = max((p.x + p.width for p in placed), default=0) + GAP_X + MARGIN
    bottom = max((p.y + p.height for p in placed), default=0)
    lanes = _lanes(flow, bottom)
    under = max([bottom, *lanes.values()])
    height = under + LANE * len(flow.states) + MARGIN
    body = [*_arrows(placed, at, lanes), *_loops(flow, at, under), *_outputs(flow, at)]
    body += [line for p in placed for line in _drawn(p)]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right:.0f} {height:.0f}" '
        f'width="{right:.0f}" height="{height:.0f}">',
        f"<title>{escape(cell.name.id)}</title>",
        f"<style>{STYLE}</style>", f"<defs>{TIP}</defs>",
        f'<rect width="{right:.0f}" height="{height:.0f}" style="fill:#fff;stroke:none"/>',
        *body, "</svg>", "",
    ])  # fmt: skip


def _placed(flow: Flow) -> Iterator[Placed]:
    x = float(MARGIN)
    for column in flow.columns:
        texts = [_lines(box) for box in column]
        width = max(len(line) for lines in texts for line in lines) * LETTER + 2 * PAD
        y = float(MARGIN)
        for box, lines in zip(column, texts, strict=True):
            height = len(lines) * LINE + PAD
            yield Placed(box, lines, x, y, width, height)
            y += height + GAP_Y
        x += width + GAP_X


def _lines(box: Box) -> tuple[str, ...]:
    """The names, and what they are, in lines that are not too long."""
    lines, words = [", ".join(box.names)], box.text.split()
    open_line = ""
    for word in words:
        if open_line and len(open_line) + len(word) >= LONGEST:
            lines.append(open_line)
            open_line = "  "
        open_line += word if not open_line.strip() else f" {word}"
    return (*lines, open_line) if open_line else tuple(lines)


def _drawn(p: Placed) -> Iterator[str]:
    fill = COLOURS[p.box.kind]
    yield (
        f'<rect x="{p.x:.1f}" y="{p.y:.1f}" width="{p.width:.1f}" height="{p.height:.1f}" '
        f'rx="5" style="fill:{fill}"/>'
    )
    for i, line in enumerate(p.lines):
        kind = "" if i else ' class="name"'
        y = p.y + PAD / 2 + LINE * (i + 0.75)
        space = ' xml:space="preserve"' if line.startswith(" ") else ""
        yield f'<text{kind}{space} x="{p.x + PAD:.1f}" y="{y:.1f}">{escape(line)}</text>'


def _arrows(placed: list[Placed], at: dict[str, Placed], lanes: dict[str, float]) -> Iterator[str]:
    for p in placed:
        sources = {at[n].box.names[0]: at[n] for n in p.box.reads if n in at and at[n] is not p}
        for name, source in sources.items():
            yield f'<path d="{_way(source, p, lanes.get(name))}"/>'


def _way(source: Placed, target: Placed, lane: float | None) -> str:
    """From the right side of a box to the left side of another; in a lane past those between."""
    x, y = source.x + source.width, source.y + source.height / 2
    to_x, to_y = target.x, target.y + target.height / 2
    half = GAP_X / 2
    if lane is None or to_x - x <= GAP_X + 1 or target.x < x:
        bend = max((to_x - x) / 2, half)
        return f"M{x:.1f} {y:.1f}C{x + bend:.1f} {y:.1f} {to_x - bend:.1f} {to_y:.1f} " \
               f"{to_x:.1f} {to_y:.1f}"  # fmt: skip
    return (
        f"M{x:.1f} {y:.1f}C{x + half:.1f} {y:.1f} {x + half:.1f} {lane:.1f} {x + GAP_X:.1f} "
        f"{lane:.1f}H{to_x - GAP_X:.1f}C{to_x - half:.1f} {lane:.1f} {to_x - half:.1f} {to_y:.1f} "
        f"{to_x:.1f} {to_y:.1f}"
    )


def _lanes(flow: Flow, bottom: float) -> dict[str, float]:
    """A height below all for each box that one further than the next column reads."""
    column = {name: i for i, boxes in enumerate(flow.columns) for b in boxes for name in b.names}
    first = {name: b.names[0] for boxes in flow.columns for b in boxes for name in b.names}
    far = [
        first[name]
        for i, boxes in enumerate(flow.columns)
        for box in boxes
        for name in box.reads
        if name in column and i > column[name] + 1
    ]
    return {name: bottom + LANE * (i + 1) for i, name in enumerate(dict.fromkeys(far))}


def _loops(flow: Flow, at: dict[str, Placed], bottom: float) -> Iterator[str]:
    """From what goes out of a step to what comes into the next one, below everything."""
    for i, (going, coming) in enumerate(flow.states):
        a, b, y = at[going], at[coming], bottom + LANE * (i + 1)
        start, left = a.x + a.width / 2 + 9 * i, MARGIN - 6 * (i + 1) % MARGIN
        yield (
            f'<path class="state" d="M{start:.1f} {a.y + a.height:.1f}V{y:.1f}H{left:.1f}'
            f'V{b.y + b.height / 2:.1f}H{b.x:.1f}"/>'
        )


def _outputs(flow: Flow, at: dict[str, Placed]) -> Iterator[str]:
    for name in flow.outputs:
        if name in at:
            p = at[name]
            y, x = p.y + p.height / 2, p.x + p.width
            yield f'<path d="M{x:.1f} {y:.1f}H{x + GAP_X / 2:.1f}"/>'
