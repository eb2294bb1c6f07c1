"""The one canonical layout.  In: a source that parses.  Out: the same cells, laid out.

    format_source(Source("gru.cell", text))               what `celldsl fmt` writes
    format_source(Source("gru.cell", text), ascii=True)   names and operators in ASCII

Only layout changes: spaces, line breaks, blank lines, commas before a closing bracket.  Comments
stay where they are.  A second time changes nothing.

A `Line` is a statement or header with the comments in and behind it, or a comment by itself.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.errors import CellError
from celldsl.diagnostics.render import display_width
from celldsl.diagnostics.span import Source
from celldsl.structs import entity, field
from celldsl.syntax import ast
from celldsl.syntax.build import clean_docstring
from celldsl.syntax.format.statements import Piece, spaces_before, wrap
from celldsl.syntax.layout import lay_out
from celldsl.syntax.lexer import Token
from celldsl.syntax.names import check_tokens
from celldsl.syntax.parse import parse

_INDENT = 4
_CLOSERS = frozenset({"RPAR", "RSQB"})
_OPENERS = frozenset({"LPAR", "LSQB"})


def format_source(source: Source, ascii: bool = False) -> str:
    """The canonical text of a source; raises CellError where it does not parse."""
    report = Report()
    parse(source, report)
    if report.has_errors:
        raise CellError(report.diagnostics)
    written, comments = lay_out(source, report)
    spelled = check_tokens(written, source, report)
    lines = read_lines(source, spelled, comments)
    texts = {} if ascii else {id(new): str(old) for new, old in zip(spelled, written, strict=True)}
    return _Formatter(lines, texts).run()


def format_equations(source: Source) -> str:
    """The canonical text in ASCII, without comments, docstrings and blank lines: what a cell
    computes, and not how it is told.  Raises CellError where it does not parse."""
    report = Report()
    parse(source, report)
    if report.has_errors:
        raise CellError(report.diagnostics)
    written, _ = lay_out(source, report)
    lines = read_lines(source, check_tokens(written, source, report), [])
    kept = [line for line in lines if line.kind not in ("LONG_STRING", "STRING")]
    return "".join(f"{t}\n" for t in _Formatter(kept, {}).run().splitlines() if t)


class _Formatter:
    """`texts` has what a token is printed as, where that is not its ASCII spelling."""

    def __init__(self, lines: list[Line], texts: dict[int, str]) -> None:
        self.lines = lines
        self.texts = texts
        self.sizes: frozenset[str] = frozenset()

    def run(self) -> str:
        out: list[str] = []
        widths = self._target_widths()
        for at, line in enumerate(self.lines):
            if line.depth == 0 and line.tokens:
                self.sizes = _sizes(self.lines[at:])
            if at > 0:
                out += [""] * blank_lines(self.lines, at)
            out += self._line(line, widths.get(at, 0))
        return "".join(f"{text.rstrip()}\n" for text in out)

    def _line(self, line: Line, target_width: int) -> list[str]:
        indent = _INDENT * line.depth
        if line.comment:
            return [" " * indent + line.comment]
        if line.kind in ("LONG_STRING", "STRING"):
            text = _docstring(str(line.tokens[0]), indent)
        else:
            text = wrap(self._pieces(line, target_width), indent)
        if line.trailing:
            text[-1] += f"  {line.trailing}"
        return text

    def _pieces(self, line: Line, target_width: int) -> list[Piece]:
        tokens = line.tokens
        spaces = spaces_before(tokens, self.sizes)
        pieces: list[Piece] = []
        depth = 0
        for at, token in enumerate(tokens):
            text = self._text(token)
            closes = token.type in _CLOSERS
            depth -= closes
            piece = Piece(text, spaces[at], depth + closes, token.type in _OPENERS, closes)
            piece.comments = line.inside.get(at, [])
            depth += piece.opens
            if closes and tokens[at - 1].type == "COMMA":
                # A comma before a closing bracket says nothing.
                dropped = pieces.pop()
                pieces[-1].comments = [*pieces[-1].comments, *dropped.comments]
            pieces.append(piece)
        if target_width:
            pieces[0].text += " " * (target_width - display_width(pieces[0].text))
        return pieces

    def _text(self, token: Token) -> str:
        return self.texts.get(id(token), str(token))

    def _target_widths(self) -> dict[int, int]:
        """For every equation of one target, how wide the widest of its block is."""
        widths: dict[int, int] = {}
        group: list[int] = []
        for at, line in enumerate([*self.lines, Line(-1, 0, 0)]):
            joined = group and not line.blank_before and line.depth == self.lines[group[-1]].depth
            if not (_has_one_name(line) and joined):
                width = max((self._width(i) for i in group), default=0)
                widths |= dict.fromkeys(group, width)
                group = []
            if _has_one_name(line):
                group.append(at)
        return widths

    def _width(self, at: int) -> int:
        return display_width(self._text(self.lines[at].tokens[0]))


def _has_one_name(line: Line) -> bool:
    """`c = …` and `h' = …`; targets with an index or a comma stand by themselves."""
    return line.kind in ("NAME", "PRIMED") and line.tokens[1].type == "EQUAL"


def _sizes(lines: list[Line]) -> frozenset[str]:
    """The dims and loop indices of the cell or function that starts with the first line."""
    header = lines[0].tokens
    names: set[str] = set()
    depth = 0
    for token in header:
        depth += (token.type in _OPENERS) - (token.type in _CLOSERS)
        if token.type == "NAME" and depth and (header[0].type == "CELL" or token[0].isupper()):
            names.add(str(token))
    for line in lines[1:]:
        if line.depth == 0 and line.tokens:
            break
        pairs = zip(line.tokens, line.tokens[1:], strict=False)
        names |= {str(name) for word, name in pairs if word.type == "FOR"}
    return frozenset(names)


def blank_lines(lines: list[Line], at: int) -> int:
    """How many blank lines stand before a line: two around cells, at most one elsewhere."""
    before, line = lines[at - 1], lines[at]
    if line.depth > 0:
        opens = before.depth < line.depth and not before.comment
        return int(line.blank_before and not opens)
    if before.depth == 0 and before.comment and not line.blank_before:
        return 0
    if before.depth > 0 or _heads_block(lines, at):
        return 2
    kinds = {before.kind, line.kind} - {""}
    return int(line.blank_before or (len(kinds) > 1 and bool(before.tokens)))


def _heads_block(lines: list[Line], at: int) -> bool:
    """Whether a line, or the line that the comments from here on stand above, opens a block."""
    while lines[at].comment and at + 1 < len(lines) and not lines[at + 1].blank_before:
        at += 1
    following = lines[at + 1 :]
    return bool(following) and following[0].depth > 0 and bool(lines[at].tokens)


def _docstring(token: str, indent: int) -> list[str]:
    quotes = 3 if token.startswith('"""') else 1
    first, *rest = clean_docstring(token[quotes:-quotes]).split("\n")
    start = " " * indent
    if not rest and not first.endswith('"'):
        return [f'{start}"""{first}"""']
    return [f'{start}"""{first}', *(f"{start}{line}" for line in rest), f'{start}"""']


# ---------------------------------------------------------------- lines with their comments


@entity
class Line:
    """`inside` has the comments that stand behind a token of the line, by its place in it."""

    depth: int
    start: int
    end: int
    tokens: list[Token] = field(default_factory=list)
    inside: dict[int, list[str]] = field(default_factory=dict)
    trailing: str = ""
    comment: str = ""
    blank_before: bool = False

    @property
    def kind(self) -> str:
        """The type of its first token, or "" of a comment."""
        return self.tokens[0].type if self.tokens else ""


def read_lines(source: Source, tokens: list[Token], comments: list[ast.Comment]) -> list[Line]:
    """Statements and comments in the order of the file."""
    lines = _statements(tokens)
    alone = _place_comments(source, lines, comments)
    every = sorted([*lines, *alone], key=lambda line: line.start)
    _settle_depths(source, every)
    for before, line in pairwise(every):
        gap = source.line_column(line.start)[0] - source.line_column(before.end)[0]
        line.blank_before = gap > 1
    return every


def _statements(tokens: list[Token]) -> list[Line]:
    lines: list[Line] = []
    depth = 0
    current: list[Token] = []
    for token in tokens:
        match token.type:
            case "INDENT":
                depth += 1
            case "DEDENT":
                depth -= 1
            case "NEWLINE":
                start, end = current[0].start, current[-1].end
                lines.append(Line(depth, start, end, current))
                current = []
            case _:
                current.append(token)
    return lines


def _place_comments(source: Source, lines: list[Line], comments: list[ast.Comment]) -> list[Line]:
    """Puts comments into the lines that they stand in; gives those that stand by themselves."""
    alone: list[Line] = []
    at = 0
    for comment in comments:
        start = comment.span.start
        while at + 1 < len(lines) and lines[at + 1].start < start:
            at += 1
        line = lines[at] if lines and lines[at].start < start else None
        if line is not None and start < line.end:
            place = bisect_right(line.tokens, start, key=lambda token: token.end) - 1
            line.inside.setdefault(place, []).append(comment.text)
        elif line is not None and "\n" not in source.text[line.end : start]:
            line.trailing = comment.text
        else:
            alone.append(Line(-1, start, comment.span.end, comment=comment.text))
    return alone


def _settle_depths(source: Source, lines: list[Line]) -> None:
    """A comment belongs to the block below it; at the end of one, to the block it is in line with.

    Blocks that end between two statements are told apart by the column of the comment.
    """
    widths: list[int] = [0]
    waiting: list[Line] = []
    previous = 0
    for line in lines:
        if line.comment:
            waiting.append(line)
            continue
        _place_between(source, waiting, previous, line.depth, widths)
        waiting = []
        previous = line.depth
        del widths[line.depth :]
        widths.append(source.line_column(line.start)[1] - 1)
    _place_between(source, waiting, previous, 0, widths)


def _place_between(
    source: Source, comments: list[Line], before: int, after: int, widths: list[int]
) -> None:
    deepest = max(before, after)
    for comment in comments:
        column = source.line_column(comment.start)[1] - 1
        fitting = [d for d in range(after, before + 1) if widths[d] <= column]
        # Once a comment stands further out, those after it cannot go back in.
        deepest = min(deepest, max(fitting, default=after)) if after < before else after
        comment.depth = deepest
