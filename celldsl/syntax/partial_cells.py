"""What cannot be read of a cell with mistakes in it.  In: tokens and errors.  Out: cells to check.

    a = 2x            this line is left out, and nothing is said of `a` or `x` where it is not known
    b = tahn(x)       this one is checked, as if the line above it were right

So a file with a `;` too many hears of its shapes in the same run.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import attrgetter

from celldsl.diagnostics.diagnostic import Diagnostic
from celldsl.structs import record, replace
from celldsl.syntax import ast
from celldsl.syntax.lexer import Token

# After these nobody knows what belongs to which block.
_STRUCTURE = frozenset({"E0004", "E0007", "E0009", "E0021"})
# The line was read all the same.
_HARMLESS = frozenset({"E0006", "E0011"})


@record
class Lost:
    """Text from `start` to `end` that is not checked, and the names in it."""

    start: int
    end: int
    names: frozenset[str]


def lost_parts(tokens: list[Token], errors: Iterable[Diagnostic]) -> list[Lost]:
    """The lines with an error in them, and the blocks that such a line heads; none overlap."""
    places = sorted(e.primary.span.start for e in errors if not _is_read(e))
    found: list[Lost] = []
    at = 0
    for first, last in _lines(tokens):
        end = tokens[last].end
        while at < len(places) and places[at] < tokens[first].start:
            at += 1
        if at == len(places):
            break
        if places[at] <= end and not (found and tokens[first].start <= found[-1].end):
            last = _block_end(tokens, last)
            names = (str(t).rstrip("'") for t in tokens[first : last + 1] if _is_name(t))
            found.append(Lost(tokens[first].start, tokens[last].end, frozenset(names)))
    return found


def readable(cell: ast.Cell, lost: list[Lost], errors: Iterable[Diagnostic]) -> ast.Cell | None:
    """The cell without what is lost; None where its head or its blocks are not known."""
    inside = [e for e in errors if cell.span.start <= e.primary.span.start <= cell.span.end]
    lost = [part for part in lost if part.end >= cell.span.start and part.start <= cell.span.end]
    header = any(part.start <= cell.span.start for part in lost)
    requires = any(_text(cell, part).startswith("require") for part in lost)
    if header or requires or any(e.code in _STRUCTURE for e in inside):
        return None
    names = {name for part in lost for name in part.names}
    names |= {e.primary.span.text for e in inside if _is_timed_name(e)}
    return replace(cell, body=_kept(cell.body, lost), unread=tuple(sorted(names)))


def _kept(body: tuple[ast.Statement, ...], lost: list[Lost]) -> tuple[ast.Statement, ...]:
    """Statements that begin where nothing is lost, and so do those of their blocks."""
    found: list[ast.Statement] = []
    for s in body:
        before = bisect_right(lost, s.span.start, key=attrgetter("start"))
        if before and s.span.start <= lost[before - 1].end:
            continue
        match s:
            case ast.For(body=inside):
                s = replace(s, body=_kept(inside, lost))
            case ast.If(body=yes, orelse=no):
                other = None if no is None else _kept(no, lost)
                s = replace(s, body=_kept(yes, lost), orelse=other)
        found.append(s)
    return tuple(found)


def _is_read(e: Diagnostic) -> bool:
    ends_line = e.fix is not None and e.fix.replacement == "" and e.primary.span.text == ";"
    return e.severity == "warning" or e.code in _HARMLESS or _is_timed_name(e) or ends_line


def _is_timed_name(e: Diagnostic) -> bool:
    """`h_prev`, which was said to be `h`."""
    return e.code == "E0016" and e.primary.span.text.isidentifier()


def _is_name(token: Token) -> bool:
    return token.type in ("NAME", "PRIMED")


def _text(cell: ast.Cell, part: Lost) -> str:
    return cell.span.source.text[part.start : part.end]


def _lines(tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """The first and the last token of every line."""
    first = None
    for at, token in enumerate(tokens):
        if token.type == "NEWLINE" and first is not None:
            yield first, at
            first = None
        elif first is None and token.type not in ("INDENT", "DEDENT", "NEWLINE"):
            first = at
    if first is not None:
        yield first, len(tokens) - 1


def _block_end(tokens: list[Token], at: int) -> int:
    """The end of the block that the line before it heads, or the line's own end."""
    depth, end = 0, at
    for here in range(at + 1, len(tokens)):
        depth += {"INDENT": 1, "DEDENT": -1}.get(tokens[here].type, 0)
        if depth <= 0:
            break
        end = here
    return end
