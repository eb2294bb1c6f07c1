"""A statement as lines.  In: its pieces of text.  Out: lines no longer than they must be.

    wrap(pieces, indent=4)

A line breaks only inside brackets, where it is longest-lived to read: at the outermost bracket
that helps, as far right as fits.  What follows stands under the first thing in the bracket.
"""

from __future__ import annotations

from celldsl.diagnostics.render import display_width
from celldsl.structs import entity, field

WIDTH = 100
_FAR = 60


@entity
class Piece:
    """A token's text; `depth` is how many brackets are open before it."""

    text: str
    space: bool
    depth: int
    opens: bool = False
    closes: bool = False
    comments: list[str] = field(default_factory=list)


def wrap(pieces: list[Piece], indent: int) -> list[str]:
    """The lines of a statement, with its indentation."""
    lines: list[str] = []
    brackets: list[int] = []
    at, start = 0, indent
    while at < len(pieces):
        end = _line_end(pieces, at, start)
        text = " " * start + _text(pieces[at:end])
        _follow(pieces, at, end, start, indent, brackets)
        comments = pieces[end - 1].comments
        if end < len(pieces):
            start = brackets[-1] if brackets else indent
        lines.append("  ".join([text, *comments[:1]]))
        lines += [" " * start + comment for comment in comments[1:]]
        at = end
    return lines


def _line_end(pieces: list[Piece], at: int, start: int) -> int:
    """The index of the first piece that goes to the next line."""
    column, best = start, (0, -1)
    for here in range(at, len(pieces)):
        piece = pieces[here]
        if here > at:
            column += piece.space
            if _may_break(pieces, here) and (best[1] < 0 or piece.depth <= best[0]):
                best = (piece.depth, here)
        column += display_width(piece.text)
        if column > WIDTH and best[1] > 0:
            return best[1]
        if piece.comments:
            return here + 1
    return len(pieces)


def _may_break(pieces: list[Piece], here: int) -> bool:
    """Before a piece that has a space before it, inside brackets; a name keeps its default."""
    if "=" in (pieces[here].text, pieces[here - 1].text):
        return False
    return pieces[here].depth > 0 and pieces[here].space


def _text(pieces: list[Piece]) -> str:
    parts = [(" " if piece.space and at else "") + piece.text for at, piece in enumerate(pieces)]
    return "".join(parts)


def _follow(
    pieces: list[Piece], at: int, end: int, start: int, indent: int, brackets: list[int]
) -> None:
    """Notes, for every bracket that is open at `end`, the column that its lines start at."""
    column = start
    for here in range(at, end):
        piece = pieces[here]
        column += (piece.space and here > at) + display_width(piece.text)
        if piece.opens:
            last_of_line = here == end - 1
            far = column > _FAR or last_of_line
            brackets.append(indent + 4 * (len(brackets) + 1) if far else column)
        elif piece.closes and brackets:
            brackets.pop()
