"""Brackets that do not match.  In: raw tokens.  Out: diagnostics, and the lines where one must end.

    h' = tanh(linear(x, H)        `(` is never closed; the next statement starts a line of its own

An open bracket continues a line, so one that is never closed would swallow the file.  Where the
brackets of a file do not match, a line that starts like a statement ends those still open.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Label, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.syntax.tree import Token

OPENERS = {"LPAR": ")", "LSQB": "]"}
CLOSERS = {"RPAR": "(", "RSQB": "["}

_STATEMENTS = frozenset({"CELL", "DEF", "USE", "INPUT", "STATE", "PARAM", "CONST", "OUTPUT", "SUB"})
_STARTERS = _STATEMENTS | {"FOR", "IF", "ELSE", "REQUIRE", "RETURN"}


def unclosed_ends(tokens: list[Token], source: Source, report: Report) -> frozenset[int]:
    """Offsets of the line starts at which open brackets are taken to end."""
    if _balanced(tokens):
        return frozenset()
    ends: set[int] = set()
    open_brackets: list[Token] = []
    line_start = first_indent = 0
    previous = "NEWLINE"
    for at, token in enumerate(tokens):
        if token.type == "NEWLINE":
            line_start = token.end
            if not open_brackets:
                ends.add(line_start)
        elif previous == "NEWLINE":
            indent = token.start - line_start
            if open_brackets and _starts_statement(tokens, at, indent <= first_indent):
                _report_open(open_brackets, token, source, report)
                open_brackets = []
                ends.add(line_start)
            if not open_brackets:
                first_indent = indent
        if token.type in OPENERS:
            open_brackets.append(token)
        elif token.type in CLOSERS:
            _close(open_brackets, token, source, report)
        previous = token.type
    if open_brackets:
        _report_open(open_brackets, None, source, report)
    return frozenset(ends)


def _balanced(tokens: list[Token]) -> bool:
    stack: list[str] = []
    for token in tokens:
        if token.type in OPENERS:
            stack.append(OPENERS[token.type])
        elif token.type in CLOSERS and (not stack or stack.pop() != token):
            return False
    return not stack


def _starts_statement(tokens: list[Token], at: int, outdented: bool) -> bool:
    """A keyword that starts statements, or, no further in than the line began, `h' =`."""
    token = tokens[at]
    if token.type in _STARTERS:
        return True
    following = tokens[at + 1].type if at + 1 < len(tokens) else ""
    return outdented and token.type in ("NAME", "PRIMED") and following == "EQUAL"


def _close(open_brackets: list[Token], token: Token, source: Source, report: Report) -> None:
    span = _span(token, source)
    if not open_brackets:
        report.add("E0008", f"`{token}` closes nothing", span, "no bracket is open here")
        return
    opener = open_brackets.pop()
    wanted = OPENERS[opener.type]
    if token == wanted:
        return
    if any(OPENERS[outer.type] == token for outer in open_brackets):
        # It closes a bracket further out: those inside of that one were left open.
        other = Label(span, f"`{wanted}` is missing before this")
        report.add(
            "E0008", f"`{opener}` is never closed", _span(opener, source), secondary=(other,)
        )
        while OPENERS[open_brackets.pop().type] != token:
            pass
        return
    other = Label(_span(opener, source), "opened here")
    message = f"`{token}` closes a `{opener}`"
    report.add("E0008", message, span, f"expected `{wanted}`", secondary=(other,))


def _report_open(
    brackets: list[Token], before: Token | None, source: Source, report: Report
) -> None:
    opener = brackets[-1]
    where = () if before is None else (Label(_span(before, source), "a new statement starts here"),)
    wanted = OPENERS[opener.type]
    message = f"`{opener}` is never closed"
    span = _span(opener, source)
    report.add("E0008", message, span, f"`{wanted}` is missing", secondary=where)


def _span(token: Token, source: Source) -> Span:
    return Span(source, token.start, token.end)
