"""One statement, laid out.  In: its tokens, or pieces of text.  Out: lines, and where spaces stand.

    wrap(pieces, indent=4)         lines no longer than they must be
    spaces_before(tokens, names)   for `y = f(v, 2*H)[k-1]`, what has a space before it

A line breaks only inside brackets: at the outermost bracket that helps, as far right as fits.  What
follows stands under the first thing in the bracket.
Operators between sizes (dims, loop indices and integers) are set tight inside brackets and in
the bounds of a loop; all others have spaces.
"""

from __future__ import annotations

from collections.abc import Container

from celldsl.diagnostics.render import display_width
from celldsl.structs import entity, field
from celldsl.syntax.lexer import Token

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


# ---------------------------------------------------------------- spaces

_OPENERS = frozenset({"LPAR", "LSQB"})
_CLOSERS = frozenset({"RPAR", "RSQB"})
_ARITHMETIC = frozenset({"PLUS", "MINUS", "STAR", "SLASH"})
_OPERATORS = _ARITHMETIC | {"PERCENT", "AT", "POWER", "LESS", "GREATER", "LESS_EQUAL"}
_BINARY = _OPERATORS | {"GREATER_EQUAL", "EQUAL_EQUAL", "NOT_EQUAL", "EQUAL", "AND", "OR"}
_WORDS = frozenset({"IN", "IF", "REQUIRE", "RETURN", "NOT", "AND", "OR", "FROM", "AS", "OUTPUT"})
_TIGHT = frozenset({"DOT", "DOTS"})
_SIZE = _ARITHMETIC | {"NUMBER", "NAME", "LPAR", "RPAR"}


def spaces_before(tokens: list[Token], sizes: Container[str]) -> list[bool]:
    """Whether a space stands before each token of a statement."""
    tight = tight_operators(tokens, sizes)
    brackets: list[int] = []
    out: list[bool] = []
    for at, token in enumerate(tokens):
        if token.type in _CLOSERS and brackets:
            brackets.pop()
        inside = tokens[brackets[-1]].type if brackets else ""
        out.append(at > 0 and _space(tokens, at, inside, brackets, tight))
        if token.type in _OPENERS:
            brackets.append(at)
    return out


def _space(tokens: list[Token], at: int, inside: str, brackets: list[int], tight: set[int]) -> bool:
    before, token = tokens[at - 1].type, tokens[at].type
    if before in _OPENERS or token in _CLOSERS or token == "COMMA":
        return False
    if before in _TIGHT or token in _TIGHT or {at, at - 1} & tight:
        return False
    if before == "COMMA":
        return True
    if token == "COLON" or (before == "COLON" and inside == "LSQB"):
        return False
    if "EQUAL" in (before, token) and brackets:
        return _is_hyper(tokens, brackets)
    if is_sign(tokens, at - 1):
        return False
    if token in _OPENERS and before not in _BINARY | _WORDS:
        return before == "COLON"
    return True


def _is_hyper(tokens: list[Token], brackets: list[int]) -> bool:
    """Inside the round brackets of a cell's header: `(activation = tanh)`."""
    header = tokens[0].type == "CELL" and len(brackets) == 1
    return header and tokens[brackets[0]].type == "LPAR"


def is_sign(tokens: list[Token], at: int) -> bool:
    """Whether a `-` or `+` stands before its operand rather than between two."""
    if tokens[at].type not in ("PLUS", "MINUS"):
        return False
    before = tokens[at - 1].type if at > 0 else "EQUAL"
    return before in _BINARY | _OPENERS | _WORDS | {"COMMA", "COLON", "DOTS"}


def tight_operators(tokens: list[Token], sizes: Container[str]) -> set[int]:
    """The places of operators that are set without spaces."""
    out: set[int] = set()
    for low, high in _items(tokens):
        if all(_is_size(token, sizes) for token in tokens[low:high]):
            out |= {at for at in range(low, high) if tokens[at].type in _ARITHMETIC}
    return {at for at in out if not is_sign(tokens, at)}


def _is_size(token: Token, sizes: Container[str]) -> bool:
    if token.type == "NAME":
        return str(token) in sizes
    return token.type in _SIZE and (token.type != "NUMBER" or token.isdigit())


def _items(tokens: list[Token]) -> list[tuple[int, int]]:
    """The ranges between delimiters, of what stands in brackets or in a loop's bounds."""
    found: list[tuple[int, int]] = []
    loop = bool(tokens) and tokens[0].type == "FOR"
    starts: list[int] = [0]
    for at, token in enumerate(tokens):
        if token.type in _OPENERS:
            starts.append(at + 1)
        elif token.type in _CLOSERS or not _joins(token):
            if len(starts) > 1 or loop:
                found.append((starts[-1], at))
            if token.type in _CLOSERS and len(starts) > 1:
                starts.pop()
            else:
                starts[-1] = at + 1
    return found


def _joins(token: Token) -> bool:
    """Whether a token is part of an operand or of arithmetic, not a delimiter between items."""
    if token.type in ("COMMA", "COLON", "EQUAL", "DOTS", "IN", "FOR", "AND", "OR", "NOT"):
        return False
    return token.type not in ("LESS", "GREATER", "LESS_EQUAL", "GREATER_EQUAL", "EQUAL_EQUAL")
