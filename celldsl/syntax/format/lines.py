"""The lines of a file, with their comments.  In: a source.  Out: Line objects for the formatter.

    lines = read_lines(source, tokens, comments)

A `Line` is a statement or header with the comments in and behind it, or a comment by itself.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

from celldsl.diagnostics.span import Source
from celldsl.structs import entity, field
from celldsl.syntax import ast
from celldsl.syntax.lexer import Token


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
