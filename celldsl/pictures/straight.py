"""Lines that nearly are, straight.  In: layers whose items stand.  Out: their y, moved a little.

An item moves to where more of its lines are straight, as far as its neighbours in the column leave
room.  Rails stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from celldsl.pictures.items import Item

SWEEPS = 6
STRAIGHT = 0.5
# What a bend costs beside its height: a page is about so high.
FAR = 400.0
Line = tuple[Item, float, Item, float]


def straighten(layers: list[list[Item]], gap: float) -> None:
    lines = _lines(layers)
    for turn in range(SWEEPS):
        for layer in layers if turn % 2 == 0 else reversed(layers):
            for k, item in enumerate(layer):
                above = layer[k - 1] if k else None
                below = layer[k + 1] if k + 1 < len(layer) else None
                low = float("-inf") if above is None else above.y + above.height + gap
                high = float("inf") if below is None else below.y - gap - item.height
                if item.rail is None and low < high:
                    _settle(item, lines.get(id(item), []), low, high)


def _lines(layers: list[list[Item]]) -> dict[int, list[Line]]:
    """The lines of each item: its own height of the line, the other item and the height there."""
    found: dict[int, list[Line]] = {}
    for k in range(1, len(layers)):
        sources: dict[str, list[tuple[Item, float]]] = {}
        for item in layers[k - 1]:
            for value, dy in item.outs:
                sources.setdefault(value, []).append((item, dy))
        for item in layers[k]:
            for value, dy in item.ins:
                for source, from_dy in sources.get(value, []):
                    found.setdefault(id(item), []).append((item, dy, source, from_dy))
                    found.setdefault(id(source), []).append((source, from_dy, item, dy))
    return found


def _settle(item: Item, lines: list[Line], low: float, high: float) -> None:
    best, least = item.y, _cost(lines, item.y)
    for y in _places(lines):
        if low <= y <= high:
            cost = _cost(lines, y)
            if cost < least - 1e-6:
                best, least = y, cost
    item.y = best


def _places(lines: list[Line]) -> Iterator[float]:
    """Where one of the lines is straight."""
    for _, dy, other, other_dy in lines:
        yield other.y + other_dy - dy


def _cost(lines: list[Line], y: float) -> float:
    return sum(_bend(y + dy - other.y - other_dy) for _, dy, other, other_dy in lines)


def _bend(height: float) -> float:
    return 0.0 if abs(height) < STRAIGHT else 1.0 + abs(height) / FAR
