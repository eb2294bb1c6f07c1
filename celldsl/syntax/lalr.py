"""The parser, which goes on after an error.  In: tokens.  Out: the tree of the lines that parse.

    tree = Recovering(source, report).run(tokens)

    automaton = Automaton()
    automaton.feed(token)           False where no such token may stand here
    automaton.expected              what may

An automaton is fed token by token.  At the start of every line its two stacks are noted; after an
error they are put back and the line is passed over.  A header that is wrong but has a block below
it is replaced by a header that parses, so that the block is read too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.diagnostics.suggest import nearest
from celldsl.syntax.grammar import load_tables
from celldsl.syntax.hints.other_names import Foreign
from celldsl.syntax.hints.parse_error import Mistake
from celldsl.syntax.layout import empty_token
from celldsl.syntax.lexer import Part, Token, Tree

_TOP_LEVEL = frozenset({"CELL", "DEF", "USE"})

# What stands in for a header with an error in it, by its first word.
_HEADERS = {
    "CELL": "CELL NAME COLON",
    "DEF": "DEF NAME LPAR RPAR COLON",
    "IF": "IF TRUE COLON",
    "ELSE": "IF TRUE COLON",
    "FOR": "FOR NAME IN TRUE DOTS TRUE COLON",
}


# Words that head a block elsewhere.
_MEANT = {"class": "CELL", "model": "CELL", "module": "CELL", "function": "DEF", "fn": "DEF"}


def _header_of(first: Token) -> str | None:
    """The kind of header that a line is or was meant to be, by its first word."""
    if first.type != "NAME":
        return first.type if first.type in _HEADERS else None
    near = nearest(str(first), ("cell", "def", "else", "for"))
    return _MEANT.get(str(first), near.upper() if near else None)


class Recovering:
    """One parse.  `at` is the place in the tokens; everything else is the parser's."""

    def __init__(self, source: Source, report: Report, foreign: Foreign) -> None:
        self.source = source
        self.foreign = foreign
        self.report = report
        self.reported = sorted(d.primary.span.start for d in report.diagnostics)
        self.parser = Automaton()
        self.saved = self.parser.save()
        self.tokens: list[Token] = []
        self.at = 0
        self.line = 0
        self.line_failed = False
        # Of each open INDENT, whether the parser was given it.
        self.given: list[bool] = []
        # What a line at the margin that failed may have brought in.
        self.lost: set[str] = set()

    def run(self, tokens: list[Token]) -> Tree | None:
        self.tokens = [*tokens, empty_token("$END", len(self.source.text))]
        while (kind := self.tokens[self.at].type) != "$END":
            if kind == "INDENT":
                self._open_block()
            elif kind == "DEDENT":
                self._close_block()
            else:
                self._read_line()
        return self.parser.tree() if self.parser.feed(self.tokens[-1]) else None

    # ------------------------------------------------------------ lines

    def _read_line(self) -> None:
        self.line = self.at
        self.saved = self.parser.save()
        self.line_failed = not self._feed_line()
        if self.line_failed:
            if not self.given:
                names = self.tokens[self.line : self.at]
                if names[0].type in ("CELL", "DEF"):
                    names = names[1:2]
                self.lost |= {str(token) for token in names if token.type == "NAME"}
            self._put_in_header()
        elif self._wants_block() and self.tokens[self.at].type != "INDENT":
            self._report(self.at)
            self.parser.restore(self.saved)
            self._skip_body()

    def _feed_line(self) -> bool:
        """Feeds the tokens of a line and stops behind it, whether it parses or not."""
        while True:
            token = self.tokens[self.at]
            if not self.parser.feed(token):
                self._report(self.at)
                if not self._put_in_colon(token):
                    self._go_to_line_end()
                    return False
            self.at += 1
            if token.type == "NEWLINE":
                return True

    def _go_to_line_end(self) -> None:
        while self.tokens[self.at].type != "NEWLINE":
            self.at += 1
        self.at += 1

    def _put_in_colon(self, token: Token) -> bool:
        """Below `cell A[I]` stands a block: read on as if the colon stood there."""
        if token.type != "NEWLINE" or self.tokens[self.at + 1].type != "INDENT":
            return False
        return "COLON" in self.parser.expected and self._feed(
            (empty_token("COLON", token.start), token)
        )

    def _put_in_header(self) -> None:
        """Back to the start of the line, and into its block where it has one."""
        self.parser.restore(self.saved)
        if self.tokens[self.at].type != "INDENT":
            return
        first, name = self.tokens[self.line : self.line + 2]
        if name.type in ("CELL", "DEF"):
            # `shared cell A:`, `static def f():`
            first, name = self.tokens[self.line + 1 : self.line + 3]
        if first.type not in _HEADERS and self.tokens[self.at - 2].type != "COLON":
            # What stands further in goes on with the line that failed.
            self._skip_block()
            return
        stands_for = _header_of(first)
        kinds = f"{_HEADERS[stands_for]} NEWLINE".split() if stands_for else []
        header = [empty_token(kind, self.tokens[self.line].start) for kind in kinds]
        if name.type == "NAME":
            header = [name if token.type == "NAME" else token for token in header]
        if not self._feed(header):
            self.parser.restore(self.saved)

    def _skip_block(self) -> None:
        depth = 0
        while depth or self.tokens[self.at].type == "INDENT":
            depth += {"INDENT": 1, "DEDENT": -1}.get(self.tokens[self.at].type, 0)
            self.at += 1

    def _skip_body(self) -> None:
        """Below a cell without a block, what follows belongs to it up to the next cell."""
        if self.tokens[self.line].type not in ("CELL", "DEF"):
            return
        while self.tokens[self.at].type not in (*_TOP_LEVEL, "$END"):
            # A `cell` that stands further in ends this too, and its block is closed later.
            match self.tokens[self.at].type:
                case "INDENT":
                    self.given.append(False)
                case "DEDENT" if self.given:
                    self._close_block()
                    continue
            self.at += 1

    # ------------------------------------------------------------ blocks

    def _open_block(self) -> None:
        token = self.tokens[self.at]
        self.given.append(self._wants_block())
        if self.given[-1]:
            self._feed((token,))
        elif not self.line_failed:
            self.line = self.at
            self._report(self.at)
        self.at += 1

    def _close_block(self) -> None:
        if self.given.pop():
            self._feed((self.tokens[self.at],))
        self.at += 1

    def _wants_block(self) -> bool:
        return "INDENT" in self.parser.expected

    # ------------------------------------------------------------ the parser

    def _feed(self, tokens: Iterable[Token]) -> bool:
        return all(map(self.parser.feed, tokens))

    # ------------------------------------------------------------ reports

    def _report(self, at: int) -> None:
        end = self._line_end(at)
        start = self.tokens[self.line].start
        nearest = bisect_left(self.reported, start)
        if nearest < len(self.reported) and self.reported[nearest] <= end:
            return
        expected = frozenset(kind for kind in self.parser.expected if kind.isupper())
        mistake = Mistake(self.tokens, at, self.line, expected, self.foreign)
        # Most files have no mistake, and need not wait for the words.
        from celldsl.syntax.hints.syntax_errors import report_mistake

        report_mistake(mistake, self.source, self.report)

    def _line_end(self, at: int) -> int:
        while self.tokens[at].type not in ("NEWLINE", "$END"):
            at += 1
        return self.tokens[at].end


# ---------------------------------------------------------------- the automaton

# What stands on the stack: a part, or the parts of a list that is not at its end.
Value: TypeAlias = "Part | list[Part]"


class Automaton:
    """An LALR(1) parser, between two tokens."""

    def __init__(self) -> None:
        self.tables = load_tables()
        self.states = [self.tables.start]
        self.values: list[Value] = []

    @property
    def expected(self) -> Mapping[str, int]:
        """The symbols that may come now; terminals are in capitals."""
        return self.tables.states[self.states[-1]]

    def feed(self, token: Token) -> bool:
        """Takes a token.  Where it cannot, what it would have ended has been made a tree."""
        kind, states = token.type, self.states
        table, rules = self.tables.states, self.tables.rules
        while states[-1] != self.tables.end:
            action = table[states[-1]].get(kind)
            if action is None:
                return False
            if action >= 0:
                states.append(action)
                self.values.append(token)
                return True
            origin, length, name, passes = rules[~action]
            if passes and length == 1:
                # Most rules are levels of precedence, which leave a value as it is.
                states[-1] = table[states[-2]][origin]
            else:
                self._reduce(origin, length, name)
        return True

    def tree(self) -> Tree:
        """The whole file, after `$END` was taken."""
        (tree,) = self.values
        assert isinstance(tree, Tree)
        return tree

    def save(self) -> tuple[list[int], list[Value]]:
        return self.states[:], self.values[:]

    def restore(self, saved: tuple[list[int], list[Value]]) -> None:
        """Back to where `save` was called, any number of times."""
        self.states[:], self.values[:] = saved

    def _reduce(self, origin: str, length: int, name: str) -> None:
        at = len(self.values) - length
        self.values[at:] = [_made(name, self.values[at:])]
        del self.states[at + 1 :]
        self.states.append(self.expected[origin])


def _made(name: str, parts: list[Value]) -> Value:
    """A tree; without a name a list, which grows in place as more of it is read."""
    match parts:
        case [list() as read, *more] if not name:
            return _added(read, more)
    children = _added([], parts)
    return Tree(name, children) if name else children


def _added(children: list[Part], parts: list[Value]) -> list[Part]:
    for part in parts:
        if isinstance(part, list):
            children += part
        else:
            children.append(part)
    return children
