"""Lines and blocks.  In: a source.  Out: its tokens with NEWLINE, INDENT and DEDENT, and comments.

    tokens, comments = lay_out(source, report)

A line end inside brackets is no NEWLINE.  Every token keeps its place in the source; INDENT,
DEDENT and the last NEWLINE are empty.  A DEDENT stands where its block ends, not where the next
line begins, so that the span of a block is what a reader sees as the block.
"""

from __future__ import annotations

import re

from celldsl.diagnostics.diagnostic import Fix, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.syntax import ast
from celldsl.syntax.hints.brackets import CLOSERS, OPENERS, unclosed_ends
from celldsl.syntax.lexer import Token, raw_tokens

MAX_NESTING = 64


def lay_out(source: Source, report: Report) -> tuple[list[Token], list[ast.Comment]]:
    """The tokens of a source and, apart, its comments."""
    raw = raw_tokens(source.text)
    comments = [_comment(token, source) for token in raw if token.type == "COMMENT"]
    tokens = [token for token in raw if token.type != "COMMENT"]
    return _Layout(source, report, unclosed_ends(tokens, source, report)).run(tokens), comments


def token_span(token: Token, source: Source) -> Span:
    return Span(source, token.start, token.end)


def empty_token(kind: str, at: int) -> Token:
    """A token that stands for no text: `INDENT`, `DEDENT`, or one that a repair puts in."""
    return Token(kind, "", at, at)


def _comment(token: Token, source: Source) -> ast.Comment:
    span = token_span(token, source)
    line_start = source.text.rfind("\n", 0, span.start) + 1
    own_line = not source.text[line_start : span.start].strip()
    return ast.Comment(token.rstrip(), own_line, span=span)


class _Layout:
    """Walks the tokens once and keeps the open blocks and brackets."""

    def __init__(self, source: Source, report: Report, forced_ends: frozenset[int]) -> None:
        self.source = source
        self.report = report
        self.forced_ends = forced_ends
        self.indents = [0]
        self.depth = 0
        self.line_start = 0
        self.last_end = 0
        self.fresh = True
        self.too_deep = False
        self.tabs: list[Span] = []
        # Widths that match no block, and the block that their lines were read into.
        self.read_as: dict[int, int] = {}
        self.out: list[Token] = []

    def run(self, tokens: list[Token]) -> list[Token]:
        for token in tokens:
            if token.type == "NEWLINE":
                self._end_line(token)
            else:
                self._take(token)
        if not self.fresh:
            self.out.append(empty_token("NEWLINE", self.last_end))
        self.out += [empty_token("DEDENT", self.last_end) for _ in self.indents[1:]]
        self._report_tabs()
        return self.out

    def _end_line(self, token: Token) -> None:
        self.line_start = token.end
        if not self.fresh and (self.depth == 0 or self.line_start in self.forced_ends):
            self.out.append(token)
            self.fresh = True
            self.depth = 0

    def _take(self, token: Token) -> None:
        if self.fresh:
            self._begin_line(token)
            self.fresh = False
        if token.type in OPENERS:
            self.depth += 1
            self._check_nesting(token)
        elif token.type in CLOSERS:
            self.depth = max(0, self.depth - 1)
        self.out.append(token)
        self.last_end = token.end

    def _begin_line(self, token: Token) -> None:
        at = token.start
        leading = self.source.text[self.line_start : at].lstrip("\ufeff")
        if "\t" in leading:
            start = self.line_start + leading.index("\t")
            self.tabs.append(Span(self.source, start, self.line_start + len(leading)))
        width = len(leading.expandtabs(4))
        width = self.read_as.get(width, width)
        if width > self.indents[-1]:
            self.indents.append(width)
            self.out.append(empty_token("INDENT", at))
            self._check_nesting(token)
            return
        left = width
        while width < self.indents[-1]:
            left = self.indents.pop()
            self.out.append(empty_token("DEDENT", self.last_end))
        if width > self.indents[-1]:
            # The line goes on in the block that it left last.
            self.indents.append(left)
            self.out.pop()
            self._report_dedent(at, width)
            self.read_as[width] = left

    def _check_nesting(self, token: Token) -> None:
        if self.depth + len(self.indents) - 1 > MAX_NESTING and not self.too_deep:
            self.too_deep = True
            self.report.add(
                "E0004",
                f"nested more than {MAX_NESTING} deep",
                token_span(token, self.source),
                "one level too many",
                help="give the inner part a name in an equation of its own",
            )

    def _report_tabs(self) -> None:
        """Once for a file: an editor that puts tabs puts them everywhere."""
        if not self.tabs:
            return
        first, others = self.tabs[0], len(self.tabs) - 1
        more = f", and {others} more line{'s' * (others > 1)}" if others else ""
        self.report.add(
            "E0006",
            f"a line is indented with a tab{more}",
            first,
            "blocks are indented with spaces",
            help="put four spaces for each tab",
            fix=self._without_tabs(first.start, self.tabs[-1].end),
        )

    def _without_tabs(self, first: int, last: int) -> Fix:
        """One edit for all lines between."""
        span = Span(self.source, self.source.text.rfind("\n", 0, first) + 1, last)
        return Fix(span, re.sub(r"(?m)^[ \t]+", lambda m: m[0].expandtabs(4), span.text))

    def _report_dedent(self, at: int, width: int) -> None:
        outer = " or ".join(str(indent) for indent in self.indents[-2:])
        self.report.add(
            "E0007",
            f"this line is indented by {width}, which matches no block around it",
            Span(self.source, at - width if width < at else 0, at),
            f"the blocks around it are indented by {outer}",
        )
