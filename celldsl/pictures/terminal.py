"""A picture for a terminal.  In: a Graph.  Out: lines of text.

    x  h
    ├──┼──●      σ linear      [2H]
    │  │  ├──●   split         r [H], u [H]

Every column is a value that is still read further down, and every row a box, in an order in which
all is made before it is read.  `●` is where a box begins to give; a line that only crosses another
leaves it whole (`─│─`), one that takes from it does not (`┼`, or `┴` where it is the last to).
Where the order of what a box reads matters, digits in the place of these say it.
"""

from __future__ import annotations

from celldsl.ir.notes import Frame
from celldsl.pictures.graph import Box, End, Graph
from celldsl.pictures.layout import labels_of

WIDE = 3


def text_picture(graph: Graph) -> str:
    return "\n".join(_Drawing(graph).lines()) + "\n"


class _Drawing:
    def __init__(self, graph: Graph) -> None:
        self.graph, self.labels = graph, labels_of(graph)
        self.left: dict[str, int] = {}
        for value in (*(v for b in graph.boxes for v in b.reads), *(e.value for e in graph.goes)):
            self.left[value] = self.left.get(value, 0) + 1
        self.columns: list[str | None] = []
        self.rows: list[tuple[str, str, str, tuple[Frame, ...]]] = []

    def lines(self) -> list[str]:
        for end in self.graph.comes:
            self._come(end)
        for box in self.graph.boxes:
            self._box(box)
        for end in self.graph.goes:
            self._go(end)
        drawn = max((len(row[0]) for row in self.rows), default=0) + 2
        named = max((len(row[1]) for row in self.rows), default=0) + 2
        found: list[str] = []
        frame: tuple[Frame, ...] = ()
        for art, label, told, inside in self.rows:
            if inside != frame:
                found.append(
                    f"{'':{drawn}}[{' / '.join(f.name for f in inside) or self.graph.title}]"
                )
                frame = inside
            found.append(f"{art:{drawn}}{label:{named}}{told}".rstrip())
        return found

    def _place(self, value: str) -> int:
        if None in self.columns:
            column = self.columns.index(None)
            self.columns[column] = value
            return column
        self.columns.append(value)
        return len(self.columns) - 1

    def _come(self, end: End) -> None:
        if not self.left.get(end.value):
            return
        column = self._place(end.value)
        told = f"{end.kind} {self._shape(end.value)}"
        self.rows.append((self._art({}, column, column, "○"), end.label, told, ()))

    def _shape(self, value: str) -> str:
        return self.graph.shapes[value]

    def _go(self, end: End) -> None:
        column = self.columns.index(end.value)
        self.left[end.value] -= 1
        kind = {"both": "state and output"}.get(end.kind, end.kind)
        self.rows.append((self._art({}, column, column, "◉"), end.label, kind, ()))
        if not self.left[end.value]:
            self.columns[column] = None

    def _box(self, box: Box) -> None:
        marks: dict[int, bool] = {}
        for value in box.reads:
            column = self.columns.index(value)
            self.left[value] -= 1
            marks[column] = self.left[value] > 0
        ended = [c for c, stays in marks.items() if not stays]
        gives = [v for v in box.gives if self.left.get(v)]
        # Columns that end here are free below this row, and the box may stand in one of them.
        before = list(self.columns)
        for column in ended:
            self.columns[column] = None
        order = list(marks) if box.ordered and len(marks) > 1 else []
        places = [self._place(v) for v in gives]
        art = self._row(before, marks, places, order)
        told = ", ".join(self.labels.get(v, "") for v in box.gives).strip(", ")
        label = " ".join((*box.words, box.label, box.note)).strip()
        self.rows.append((art, label, told, box.frame))

    def _row(
        self, before: list[str | None], marks: dict[int, bool], places: list[int], order: list[int]
    ) -> str:
        used = [*marks, *places]
        low, high = (min(used), max(used)) if used else (0, -1)
        cells = []
        for column in range(max(len(self.columns), len(before))):
            alive = column < len(before) and before[column] is not None
            if column in places:
                sign = "●"
            elif column in order[:9]:
                sign = str(order.index(column) + 1)
            elif column in marks:
                sign = _joint(column, low, high, marks[column])
            else:
                sign = "│" if alive else "─" if low < column < high else " "
            cells.append(sign + ("─" if low <= column < high else " ") * (WIDE - 1))
        return "".join(cells).rstrip()

    def _art(self, marks: dict[int, bool], low: int, high: int, sign: str) -> str:
        cells = [
            (sign if c == low else "│" if v is not None else " ") + " " * (WIDE - 1)
            for c, v in enumerate(self.columns)
        ]
        return "".join(cells).rstrip()


def _joint(column: int, low: int, high: int, stays: bool) -> str:
    if column == low:
        return "├" if stays else "╰"
    if column == high:
        return "┤" if stays else "╯"
    return "┼" if stays else "┴"
