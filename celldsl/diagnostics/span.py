"""Places in source text.  In: a text and character offsets.  Out: lines, columns, spans."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

from celldsl.structs import field, record


@record
class Source:
    """One text with the name it is known by: `Source("gru.cell", text)`."""

    name: str
    text: str

    @cached_property
    def line_starts(self) -> list[int]:
        """Where every line starts: an offset is a line and a column in a moment."""
        return [0, *(i + 1 for i, char in enumerate(self.text) if char == "\n")]

    def line_column(self, offset: int) -> tuple[int, int]:
        """The line and column of a character offset, both counted from 1."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """The text of a line (counted from 1) without its line end."""
        start = self.line_starts[line - 1]
        end = self.line_starts[line] - 1 if line < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r")


@record
class Span:
    """The characters `start` up to, not including, `end` of a source."""

    source: Source = field(repr=False)
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def until(self, other: Span) -> Span:
        """From the start of this span to the end of `other`."""
        return Span(self.source, min(self.start, other.start), max(self.end, other.end))
