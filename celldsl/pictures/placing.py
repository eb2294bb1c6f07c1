"""Where items of a band stand.  In: items in layers.  Out: their order and y, by barycentres.

Each layer is sorted by where its neighbours stand, to and fro, and then moved towards them as far
as the order and the gaps allow; lines that pass through count more, so that they stay straight.  At
last an item moves to where more of its lines are straight, as far as its neighbours in the column
leave room; rails stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from celldsl.pictures.items import GAP, PORT, Item, Port

SWEEPS, ROUNDS = 12, 14
RAIL = 52.0
MOST = 34.0
Layers = list[list[Item]]


def place(layers: Layers) -> float:
    """Sets `y` of all items and returns the height of the band."""
    _order(layers)
    heights = _rails(layers)
    for layer in layers:
        y = 0.0
        for item in layer:
            item.y = y
            y += item.height + GAP
    for turn in range(ROUNDS):
        if turn == ROUNDS - 4:
            # The last moves are for lines as they meet the boxes.
            _sort_ports(layers)
        forward = turn % 2 == 0
        steps = range(1, len(layers)) if forward else range(len(layers) - 2, -1, -1)
        for k in steps:
            _move(layers[k], _wishes(layers, k, forward, turn >= ROUNDS - 2, heights))
    _sort_ports(layers)
    straighten(layers, GAP - 2)
    _close_up(layers)
    return max((i.y + i.height for layer in layers for i in layer), default=0.0)


def _rails(layers: Layers) -> dict[int, float]:
    """How far below the top each rail runs, so that what stands on them finds room."""
    above: dict[int, float] = {}
    below: dict[int, float] = {}
    for layer in layers:
        for item in layer:
            if item.rail is not None:
                above[item.rail] = max(above.get(item.rail, 0.0), item.level)
                below[item.rail] = max(below.get(item.rail, 0.0), item.height - item.level)
    found, y = {}, 0.0
    for k, rail in enumerate(sorted(above)):
        y += max(RAIL, below[sorted(above)[k - 1]] + GAP + above[rail]) if k else 0.0
        found[rail] = y
    return found


def _ends(items: Sequence[Item], side: Callable[[Item], list[Port]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for item in items:
        for value, dy in side(item):
            found.setdefault(value, []).append(item.y + dy)
    return found


def _outs(item: Item) -> list[Port]:
    return item.outs


def _ins(item: Item) -> list[Port]:
    return item.ins


def _any_ins(item: Item) -> list[Port]:
    """A box takes its lines in the order in which they come, where that says nothing."""
    if item.kind != "box" or (item.box is not None and item.box.ordered):
        return item.ins
    return [(value, item.height / 2) for value, _ in item.ins]


def _order(layers: Layers) -> None:
    for layer in layers:
        layer.sort(key=_rail)
        _number(layer)
    for turn in range(SWEEPS):
        forward = turn % 2 == 0
        steps = range(1, len(layers)) if forward else range(len(layers) - 2, -1, -1)
        for k in steps:
            near = layers[k - 1] if forward else layers[k + 1]
            places = _ends(near, _outs if forward else _any_ins)
            side = _ins if forward else _outs

            def key(item: Item, places: dict[str, list[float]] = places,
                    side: Callable[[Item], list[Port]] = side) -> tuple[float, float]:  # fmt: skip
                met = [y for value, _ in side(item) for y in places.get(value, [])]
                return _rail(item), sum(met) / len(met) if met else item.y

            layers[k].sort(key=key)
            _number(layers[k])
    for _ in range(SWEEPS // 2):
        for k in range(len(layers)):
            _swap(layers, k)


def _swap(layers: Layers, k: int) -> None:
    """Neighbours in a column change places where fewer lines cross then."""
    layer = layers[k]
    before = _ends(layers[k - 1], _outs) if k else {}
    after = _ends(layers[k + 1], _any_ins) if k + 1 < len(layers) else {}

    def met(item: Item) -> tuple[list[float], list[float]]:
        return ([y for v, _ in item.ins for y in before.get(v, [])],
                [y for v, _ in item.outs for y in after.get(v, [])])  # fmt: skip

    for n in range(len(layer) - 1):
        a, b = layer[n], layer[n + 1]
        if a.rail is not None or b.rail is not None:
            continue
        pairs = list(zip(met(a), met(b), strict=True))
        crossed = sum(p > q for left, right in pairs for p in left for q in right)
        swapped = sum(p < q for left, right in pairs for p in left for q in right)
        if swapped < crossed:
            layer[n], layer[n + 1] = b, a
    _number(layer)


def _rail(item: Item) -> float:
    return float("inf") if item.rail is None else item.rail


def _number(layer: list[Item]) -> None:
    for k, item in enumerate(layer):
        item.y = float(k) * 40


def _wishes(
    layers: Layers, k: int, forward: bool, both: bool, rails: Mapping[int, float]
) -> list[tuple[float, float]]:
    """Where each item would be straight with its neighbours, and how much that counts."""
    sides = []
    if (forward or both) and k > 0:
        sides.append((_ends(layers[k - 1], _outs), _ins))
    if (not forward or both) and k + 1 < len(layers):
        sides.append((_ends(layers[k + 1], _ins), _outs))
    found = []
    for item in layers[k]:
        if item.rail is not None:
            found.append((rails[item.rail] - item.level, 1e6))
            continue
        met = sorted(
            y - dy
            for places, side in sides
            for value, dy in side(item)
            for y in places.get(value, [])
        )
        weight = 6.0 if item.kind == "pass" else 1.0
        # A median, not a mean: one straight line and a bent one are better than two bent ones.
        found.append((met[(len(met) - 1) // 2], weight) if met else (item.y, 0.05))
    return found


def _move(layer: list[Item], wishes: list[tuple[float, float]]) -> None:
    """The least squares of all wishes under the order and the gaps (pool adjacent violators)."""
    offsets, offset = [], 0.0
    for item in layer:
        offsets.append(offset)
        offset += item.height + _gap(item)
    pools: list[list[float]] = []
    for (wish, weight), start in zip(wishes, offsets, strict=True):
        pools.append([wish - start, weight, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            z, w, n = pools.pop()
            z0, w0, n0 = pools[-1]
            pools[-1] = [(z0 * w0 + z * w) / (w0 + w), w0 + w, n0 + n]
    places = [z for z, _, n in pools for _ in range(int(n))]
    for item, z, start in zip(layer, places, offsets, strict=True):
        item.y = z + start


def _gap(item: Item) -> float:
    return GAP if item.kind != "pass" else GAP - 2


def _sort_ports(layers: Layers) -> None:
    """Lines meet an item in the order in which they come, and a rail in its middle."""
    for k, layer in enumerate(layers):
        if k == 0:
            continue
        places = _ends(layers[k - 1], _outs)
        for item in layer:
            if item.box is None or item.box.ordered or len(item.ins) < 2:
                continue
            wanted = sorted(item.reads, key=lambda v: min(places.get(v, [item.y])))
            first = item.height / 2 - PORT * (len(wanted) - 1) / 2
            if item.rail is not None:
                on = [v for i in layers[k - 1] if i.rail == item.rail for v in i.gives]
                middle = next((n for n, v in enumerate(wanted) if v in on), 0)
                first = item.height / 2 - PORT * middle
            item.ins = [(value, first + PORT * n) for n, value in enumerate(wanted)]


def _close_up(layers: Layers) -> None:
    """Empty stripes right across a band become narrow."""
    items = sorted((item for layer in layers for item in layer), key=lambda item: item.y)
    lowest, shift = items[0].y if items else 0.0, 0.0
    shift = -lowest
    moved = []
    for item in items:
        shift -= max(item.y - lowest - MOST, 0.0)
        lowest = max(lowest, item.y + item.height)
        moved.append((item, item.y + shift))
    for item, y in moved:
        item.y = y


STRAIGHTENINGS = 6
STRAIGHT = 0.5
# What a bend costs beside its height: a page is about so high.
FAR = 400.0
Line = tuple[Item, float, Item, float]


def straighten(layers: list[list[Item]], gap: float) -> None:
    lines = _lines(layers)
    for turn in range(STRAIGHTENINGS):
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
