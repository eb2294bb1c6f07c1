"""Brackets that do not match.  In: raw tokens.  Out: diagnostics, and the lines where one must end.

    h' = tanh(linear(x, H)        `(` is never closed; the next statement starts a line of its own

An open bracket continues a line, so one that is never closed would swallow the file.  Where the
brackets of a file do not match, a line that starts like a statement ends those still open.
"""

from __future__ import annotations

from celldsl.diagnostics.diagnostic import Fix, Label, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.syntax.lexer import Token

OPENERS = {"LPAR": ")", "LSQB": "]"}
CLOSERS = {"RPAR": "(", "RSQB": "["}

MAX_LOOK = 256
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
                _report_open(open_brackets, tokens, at, source, report)
                open_brackets = []
                ends.add(line_start)
            if not open_brackets:
                first_indent = indent
        if token.type in OPENERS:
            open_brackets.append(token)
        elif token.type in CLOSERS:
            _close(open_brackets, tokens, at, source, report)
        previous = token.type
    if open_brackets:
        _report_open(open_brackets, tokens, len(tokens), source, report)
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


def _close(
    open_brackets: list[Token], tokens: list[Token], at: int, source: Source, report: Report
) -> None:
    token = tokens[at]
    if not open_brackets:
        span = _span(token, source)
        report.add("E0008", f"`{token}` closes nothing", span, "no bracket is open here")
        return
    opener = open_brackets.pop()
    if token == OPENERS[opener.type]:
        return
    outer = [OPENERS[bracket.type] for bracket in open_brackets]
    if token not in outer or _rest_closes(outer, tokens, at):
        _report_other(opener, token, source, report)
        return
    _report_left_open(opener, token, source, report)
    while OPENERS[open_brackets.pop().type] != token:
        pass


def _rest_closes(wanted: list[str], tokens: list[Token], at: int) -> bool:
    """Whether the rest of the line closes just these brackets, so that one was mistaken."""
    stack = list(wanted)
    for token in tokens[at + 1 : at + 1 + MAX_LOOK]:
        if token.type == "NEWLINE":
            break
        if token.type in OPENERS:
            stack.append(OPENERS[token.type])
        elif token.type in CLOSERS and (not stack or stack.pop() != token):
            return False
    return not stack


def _report_other(opener: Token, token: Token, source: Source, report: Report) -> None:
    """A closing bracket of the wrong kind."""
    wanted, span = OPENERS[opener.type], _span(token, source)
    report.add(
        "E0008",
        f"`{token}` closes a `{opener}`",
        span,
        f"expected `{wanted}`",
        secondary=(Label(_span(opener, source), "opened here"),),
        fix=Fix(span, wanted),
    )


def _report_left_open(opener: Token, token: Token, source: Source, report: Report) -> None:
    """A bracket that closes one further out: those inside of that one were left open."""
    wanted = OPENERS[opener.type]
    other = Label(_span(token, source), f"`{wanted}` is missing before this")
    message, place = f"`{opener}` is never closed", Span(source, token.start, token.start)
    report.add("E0008", message, _span(opener, source), secondary=(other,), fix=Fix(place, wanted))


def _report_open(
    brackets: list[Token], tokens: list[Token], at: int, source: Source, report: Report
) -> None:
    """Brackets that are open where a new statement starts, or at the end of the file."""
    opener = brackets[-1]
    ended = at == len(tokens)
    where = () if ended else (Label(_span(tokens[at], source), "a new statement starts here"),)
    last = next((t for t in reversed(tokens[:at]) if t.type != "NEWLINE"), opener)
    place = last.start if last.type == "COLON" else last.end
    missing = "".join(OPENERS[bracket.type] for bracket in reversed(brackets))
    report.add(
        "E0008",
        f"`{opener}` is never closed",
        _span(opener, source),
        f"`{OPENERS[opener.type]}` is missing",
        secondary=where,
        fix=Fix(Span(source, place, place), missing) if len(missing) <= 8 else None,
    )


def _span(token: Token, source: Source) -> Span:
    return Span(source, token.start, token.end)
