"""A picture as SVG.  In: a Graph.  Out: the text of a file that needs nothing else.

    Path("gru.svg").write_text(svg_text(graph))

Colours follow the reader's light or dark scheme, or `theme`.  Every line says what it carries
(`data-value`) and every box what it stands for (`data-gives`).
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Literal

from celldsl.pictures.graph import Box, Graph
from celldsl.pictures.items import Item, words_width
from celldsl.pictures.layout import PAD, TITLE, Picture, arrange, labels_of
from celldsl.pictures.routing import Wire

Theme = Literal["auto", "light", "dark"]
MARGIN, CORNER = 18.0, 6.0
# How wide a page is, and one of a picture with many boxes.
PAGE, WIDE, MANY = 960.0, 1280.0, 45
# kind: what the legend says, and its fill in light and dark.
KINDS = {
    "input": ("input", "#cfe3ff", "#1d3f66"),
    "state": ("state", "#cdeccf", "#1f4d2a"),
    "output": ("output", "#ffffff", "#22262c"),
    "gate": ("function", "#ffe9a8", "#5c4a10"),
    "product": ("product", "#ffd0a6", "#663a12"),
    "point": ("arithmetic", "#ffc9d3", "#642a38"),
    "reduce": ("reduction", "#c5ebe9", "#17494a"),
    "choice": ("choice", "#ddd3ff", "#3e3270"),
    "move": ("moves elements", "#dfe3e8", "#3a414b"),
    "random": ("random", "#f6d5f2", "#552a51"),
    "source": ("constant", "#eceff2", "#30363d"),
    "frame": ("folded", "#eceff2", "#30363d"),
    "saved": ("on the tape", "#eceff2", "#30363d"),
    "param": ("gradient of a parameter", "#fff3cd", "#4d4320"),
    "tag": ("goes on below", "#ffffff", "#22262c"),
}
ORDERED = "ordered"
TOLD = {"both": "state that is an output", ORDERED: "− ÷ < …: inputs in order, from the top"}
SAME = {"both": "state", "sequence_input": "input"}
INK = {
    "ink": ("#1f2328", "#e6edf3"),
    "line": ("#57606a", "#9aa4b0"),
    "soft": ("#6e7781", "#8b949e"),
    "paper": ("#ffffff", "#0d1117"),
    "edge": ("#8c959f", "#6e7681"),
    "frame": ("#f6f8fa", "#161b22"),
}
FONT = "13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,'DejaVu Sans',sans-serif"


def svg_text(graph: Graph, width: float | None = None, theme: Theme = "auto") -> str:
    """The whole text of an SVG file; the same for the same graph."""
    if width is None:
        width = PAGE if len(graph.boxes) <= MANY else WIDE
    picture = arrange(graph, width - 2 * MARGIN)
    labels = labels_of(graph)
    used = sorted(dict.fromkeys(_kinds(picture)), key=ORDERED.__eq__)
    legend, lowest = _legend(used, max(picture.width, 260.0), picture.height + 34)
    wide = max(picture.width, 260.0) + 2 * MARGIN
    high = lowest + 2 * MARGIN
    body = list(_picture(picture, labels))
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}" '
        f'width="{wide:.0f}" height="{high:.0f}" role="img">',
        f"<title>{escape(graph.title)}</title>",
        f"<style>{_style(theme)}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
        'markerHeight="6" orient="auto"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>',
        f'<rect class="paper" width="{wide:.0f}" height="{high:.0f}" rx="8"/>',
        f'<g transform="translate({MARGIN:.0f} {MARGIN:.0f})">', *body, *legend, "</g>", "</svg>",
        "",
    ])  # fmt: skip


def _style(theme: Theme) -> str:
    """Colours are written out for each scheme: many viewers of SVG know no variables."""
    first = 1 if theme == "dark" else 0
    dark = f"@media(prefers-color-scheme:dark){{{_colours(1)}}}" if theme == "auto" else ""
    return (
        f"text{{font:{FONT};text-anchor:middle}}.small{{font-size:10px}}.left{{text-anchor:start}}"
        ".shape{stroke-width:1}.wire{fill:none;stroke-width:1.4}.tip,.dot{stroke:none}"
        ".frame{stroke-dasharray:5 3}.k-tag{stroke-dasharray:3 2}.ring{stroke-width:1.8}"
        f"{_colours(first)}{dark}"
    )


def _colours(k: int) -> str:
    ink, line, soft, paper, edge, frame = (pair[k] for pair in INK.values())
    fills = "".join(f".k-{kind}{{fill:{entry[k + 1]}}}" for kind, entry in KINDS.items())
    return (
        f"{fills}text{{fill:{ink}}}.small{{fill:{soft}}}.paper{{fill:{paper}}}"
        f".shape{{stroke:{edge}}}.wire{{stroke:{line}}}.tip,.dot{{fill:{line}}}"
        f".frame{{fill:{frame};stroke:{edge}}}.ring{{stroke:{ink}}}"
    )


def _picture(picture: Picture, labels: dict[str, str]) -> Iterator[str]:
    for item in picture.items:
        if item.kind == "frame":
            yield from _frame(item, labels)
    yield from (_wire(wire) for wire in picture.wires)
    for x, y in picture.dots:
        yield f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="2.8"/>'
    for item in picture.items:
        match item.kind:
            case "box":
                yield from _box(item)
            case "come" | "go" if item.note != "port":
                yield from _end(item)
        if item.kind == "box":
            yield from _labels(item, labels)


def _frame(item: Item, labels: dict[str, str]) -> Iterator[str]:
    inside = item.inside
    assert isinstance(inside, Picture)
    yield (
        f'<rect class="frame" x="{item.x:.1f}" y="{item.y:.1f}" width="{item.width:.1f}" '
        f'height="{item.height:.1f}" rx="8"/>'
    )
    x, y = item.x + 8, item.y + 13
    yield f'<text class="small left" x="{x:.1f}" y="{y:.1f}">{escape(item.label)}</text>'
    for value, y in inside.ins:
        yield _stub(value, item.x, item.x + PAD, item.y + TITLE + y)
    for value, y in inside.outs:
        yield _stub(value, item.x + item.width - PAD, item.x + item.width, item.y + TITLE + y)
    yield f'<g transform="translate({item.x + PAD:.1f} {item.y + TITLE:.1f})">'
    yield from _picture(inside, labels)
    yield "</g>"


def _stub(value: str, x: float, to: float, y: float) -> str:
    return f'<path class="wire" data-value="{escape(value)}" d="M{x:.1f} {y:.1f}H{to:.1f}"/>'


def _wire(wire: Wire) -> str:
    first, *rest = wire.points
    path = f"M{first[0]:.1f} {first[1]:.1f}"
    if len(rest) == 1:
        path += f"H{rest[0][0]:.1f}"
    else:
        (x, y), (_, to), (end, _) = rest
        turn = min(CORNER, abs(to - y) / 2)
        way = turn if to > y else -turn
        path += f"H{x - turn:.1f}Q{x:.1f} {y:.1f} {x:.1f} {y + way:.1f}V{to - way:.1f}"
        path += f"Q{x:.1f} {to:.1f} {x + turn:.1f} {to:.1f}H{end:.1f}"
    tip = wire.target.kind not in ("pass", "frame") and wire.target.note != "port"
    ends = "" if not tip else ' marker-end="url(#tip)"'
    return (
        f'<path class="wire" data-value="{escape(wire.value)}" '
        f'data-to="{escape(" ".join(wire.target.gives))}" d="{path}"{ends}/>'
    )


def _box(item: Item) -> Iterator[str]:
    box = item.box
    assert box is not None
    kind = SAME.get(box.kind, box.kind)
    yield (
        f'<rect class="shape k-{kind}" data-reads="{escape(" ".join(box.reads))}" '
        f'data-gives="{escape(" ".join(box.gives))}" x="{item.x:.1f}" y="{item.y:.1f}" '
        f'width="{item.width:.1f}" height="{item.height:.1f}" rx="{item.radius:.0f}"/>'
    )
    if box.label == "split":
        return
    yield from _box_text(item, box)


def _box_text(item: Item, box: Box) -> Iterator[str]:
    room = words_width(box) if box.words else 0.0
    for word, (_, dy) in zip(box.words, item.ins, strict=False):
        x, y = item.x + 6, item.y + dy + 3.5
        yield f'<text class="small left" x="{x:.1f}" y="{y:.1f}">{word}</text>'
    x, y = item.x + (room + item.width) / 2, item.y + item.height / 2
    if box.label:
        yield f'<text x="{x:.1f}" y="{y + (0 if box.note else 4.5):.1f}">{escape(box.label)}</text>'
    if box.note:
        yield f'<text class="small" x="{x:.1f}" y="{y + 13:.1f}">{escape(box.note)}</text>'


def _end(item: Item) -> Iterator[str]:
    kind = SAME.get(item.note, item.note)
    ring = " ring" if item.note in ("both", "output") else ""
    yield (
        f'<rect class="shape k-{kind}{ring}" x="{item.x:.1f}" y="{item.y:.1f}" '
        f'width="{item.width:.1f}" height="{item.height:.1f}" rx="12"/>'
    )
    x, y = item.x + item.width / 2, item.y + item.height / 2 + 4.5
    yield f'<text x="{x:.1f}" y="{y:.1f}">{escape(item.label)}</text>'


def _labels(item: Item, labels: dict[str, str]) -> Iterator[str]:
    for value, dy in item.outs:
        if value in labels:
            x, y = item.x + item.width + 4, item.y + dy - 4
            yield f'<text class="small left" x="{x:.1f}" y="{y:.1f}">{escape(labels[value])}</text>'


def _kinds(picture: Picture) -> Iterator[str]:
    for item in picture.items:
        if isinstance(item.inside, Picture):
            yield from _kinds(item.inside)
        elif item.box is not None:
            yield item.box.kind
            if item.box.ordered and len(item.ins) > 1 and not item.box.words:
                yield ORDERED
        elif item.kind in ("come", "go") and item.note != "port":
            yield SAME.get(item.note, item.note)
            if item.note == "both":
                yield "both"


def _legend(kinds: list[str], width: float, y: float) -> tuple[list[str], float]:
    """Rows of samples, and where the last of them ends."""
    lines: list[str] = []
    x = 0.0
    for kind in kinds:
        told = TOLD.get(kind) or KINDS[kind][0]
        shown, ring = SAME.get(kind, kind), kind in ("both", "output")
        wide = 26 + len(told) * 6.2
        if x + wide > width and x > 0:
            x, y = 0.0, y + 20
        if kind != ORDERED:
            lines.append(
                f'<rect class="shape k-{shown}{" ring" if ring else ""}" x="{x:.1f}" '
                f'y="{y - 9:.1f}" width="14" height="12" rx="4"/>'
            )
        at = x + 19 * (kind != ORDERED)
        lines.append(f'<text class="small left" x="{at:.1f}" y="{y + 1:.1f}">{escape(told)}</text>')
        x += wide
    return lines, y
