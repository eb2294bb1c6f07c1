"""Places as editors count them.  In: a source and how columns are counted.  Out: lines, columns.

    positions = Positions(source, "utf-16")
    positions.line_column(offset)       (3, 7), both from 0, in units of UTF-16
    positions.offset(3, 7)

Python counts characters; an editor may count units of UTF-16, in which 𝜎 are two, or bytes.
"""

from __future__ import annotations

from celldsl.diagnostics.span import Source

WIDTHS = {"utf-8": 1, "utf-16": 2}


class Positions:
    def __init__(self, source: Source, encoding: str = "utf-16") -> None:
        self.source, self.encoding = source, encoding

    def units(self, text: str) -> int:
        """How wide a piece of a line is."""
        if text.isascii() or self.encoding not in WIDTHS:
            return len(text)
        name = "utf-16-le" if self.encoding == "utf-16" else "utf-8"
        return len(text.encode(name, "surrogatepass")) // WIDTHS[self.encoding]

    def line_column(self, offset: int) -> tuple[int, int]:
        line, column = self.source.line_column(offset)
        start = self.source.line_starts[line - 1]
        return line - 1, self.units(self.source.text[start : start + column - 1])

    def offset(self, line: int, column: int) -> int:
        """A place behind the end of a line is that end; one behind the text is its end."""
        starts = self.source.line_starts
        if line >= len(starts):
            return len(self.source.text)
        text = self.source.line_text(line + 1)
        if text.isascii():
            return starts[line] + min(column, len(text))
        width = 0
        for index, char in enumerate(text):
            if width >= column:
                return starts[line] + index
            width += self.units(char)
        return starts[line] + len(text)
