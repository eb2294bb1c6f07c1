"""Mistakes in the form of a line.  In: a Mistake.  Out: Words, or None where no rule fits.

    state h            `state` has no shape
    inputs x: [I]      did you mean `input`?

Each rule is one mistake; the first that fits speaks.
"""

from __future__ import annotations

from celldsl.diagnostics.suggest import nearest
from celldsl.syntax.hints.parse_error import Mistake, Words
from celldsl.syntax.names import RESERVED

_DECLARING = frozenset({"INPUT", "STATE", "PARAM", "CONST"})
_ITEMS = frozenset({"CELL", "DEF", "USE"})
_HEADERS = frozenset({"CELL", "DEF", "IF", "ELSE", "FOR"})
_STATEMENTS = ("input", "state", "param", "const", "sub", "output", "for", "if", "require")
_LINE_WORDS = (*_STATEMENTS, "cell", "def", "use", "return", "else")
# Words that start a line elsewhere, and what stands here instead.
_ELSEWHERE = {
    "let": "an equation needs no word before it: `a = …`",
    "var": "an equation needs no word before it: `a = …`",
    "float": "an equation has no type: `a = …`",
    "int": "an equation has no type: `a = …`",
    "function": "write `cell NAME[DIMS]:`, or `def f(v):` for a part of its equations",
    "func": "write `def f(v):`",
    "fn": "write `def f(v):`",
    "model": "write `cell NAME[DIMS]:`",
    "module": "write `cell NAME[DIMS]:`",
    "parameter": "write `param`",
    "weight": "write `param`",
    "hidden": "write `state`",
    "constant": "write `const`",
    "out": "write `output`",
    "inp": "write `input`",
    "assert": 'write `require COND, "why"`',
    "from": 'write `use NAME from "path.cell"`',
    "include": 'write `use NAME from "path.cell"`',
    "end": "a block ends with its indentation",
    "endif": "a block ends with its indentation",
    "endfor": "a block ends with its indentation",
    "print": "a cell only computes; look at values from Python",
}


def ask_block(m: Mistake) -> Words | None:
    """A header and nothing below it."""
    if not m.wants("INDENT"):
        return None
    return Words(
        "E0007",
        f"`{m.first}` has no block",
        "its lines stand below it, indented by 4",
        start=m.first.start,
    )


def ask_indent(m: Mistake) -> Words | None:
    """A line that stands further in without a header above it."""
    if m.kind != "INDENT":
        return None
    return Words(
        "E0007",
        "this line is indented, but the line before it opens no block",
        "indent it as the lines around it",
    )


def ask_else_if(m: Mistake) -> Words | None:
    """`else if c:`"""
    if m.kind != "IF" or m.before.type != "ELSE":
        return None
    return Words("E0019", "`else if` is not in the language", "write `else:` and an `if` inside it")


def ask_colon(m: Mistake) -> Words | None:
    """`cell A[I]` and the end of the line."""
    if m.kind not in ("NEWLINE", "INDENT") or m.first.type not in _HEADERS or not m.wants("COLON"):
        return None
    return Words("E0011", f"a `:` is missing at the end of `{m.first}`", None, ":")


def ask_why(m: Mistake) -> Words | None:
    """`require H > 1`"""
    if m.first.type != "REQUIRE" or m.kind != "NEWLINE" or not m.wants("COMMA"):
        return None
    return Words("E0010", "`require` does not say why", 'write `require COND, "why"`')


def ask_reserved(m: Mistake) -> Words | None:
    """`state input: [H]`, `x = state`, `g(x, state=h)`"""
    if str(m.token) not in RESERVED or not m.wants("NAME") or m.starts_line:
        return None
    if m.kind in ("NOT", "AND", "OR"):
        return None
    help = "choose another name"
    if m.kind in _DECLARING and m.after.type == "LPAR":
        article = "an" if m.kind == "INPUT" else "a"
        given = m.bracket(m.at + 1)
        shape = given[0] if given is not None and given[0].startswith("[") else "[H]"
        declared = f"`{m.token} {m.first}: {shape}`"
        help = f"{article} {m.token} is declared on a line of its own: {declared}"
    keyword = m.after.type == "EQUAL" and m.before.type in ("LPAR", "COMMA")
    if m.kind == "STATE" and keyword and "LPAR" in m.line_kinds:
        help = "an inner cell is told where its step begins by the name of a state: `g(x, h=…)`"
    if m.kind == "STATE" and m.before.type == "COMMA" and "EQUAL" not in m.line_kinds:
        help = (
            "an inner cell keeps its state itself: `y = g(x)` steps it, and `g.h'` is what goes out"
        )
    return Words("E0013", f"`{m.token}` is a word of the language, not a name", help)


def ask_place(m: Mistake) -> Words | None:
    """A statement at the margin, a cell inside a block, an `else` alone, a docstring late."""
    if not m.starts_line:
        return None
    if m.kind in ("LONG_STRING", "STRING"):
        return Words(
            "E0010",
            "a docstring stands first in a file, cell or function",
            "a remark elsewhere is a comment: `# …`",
        )
    if m.kind == "ELSE":
        return Words("E0010", "`else` has no `if` before it at the same indentation")
    if m.kind in _ITEMS:
        help = {
            "CELL": "put it at the margin, and hold one of it here: `sub g = NAME[…]`",
            "DEF": "put it at the margin: a function is called by name from any cell of the file",
        }.get(m.kind)
        return Words("E0010", f"`{m.token}` stands at the margin, not inside a block", help)
    return _ask_margin(m)


def _ask_margin(m: Mistake) -> Words | None:
    if not m.wants("CELL"):
        return None
    meant = nearest(str(m.token), ("cell", "def", "use")) or ""
    help = _ELSEWHERE.get(str(m.token), f"did you mean `{meant}`?" if meant else None)
    if m.token in _STATEMENTS or m.after.type in ("EQUAL", "COMMA", "LSQB"):
        help = help or "indent it below its `cell NAME[DIMS]:`"
        return Words("E0010", f"`{m.token}` stands outside of a cell", help)
    message = f"`{m.token}` starts nothing at the margin"
    help = help or "only `use`, `def` and `cell` stand there"
    return Words("E0010", message, help, meant or None)


def ask_line_word(m: Mistake) -> Words | None:
    """`inputs x: [I]`, `let a = 1`"""
    if m.first.type != "NAME" or m.at != m.line + 1 or m.kind not in ("NAME", "PRIMED"):
        return None
    word = str(m.first)
    if word in _ELSEWHERE:
        return Words(
            "E0019", f"`{word}` is not in the language", _ELSEWHERE[word], start=m.first.start
        )
    meant = nearest(word, _LINE_WORDS)
    help = f"did you mean `{meant}`?" if meant else "a line is a declaration or an equation"
    message, start = f"`{word}` starts no statement", m.first.start
    return Words("E0010", message, help, meant, start=start, of_first=True)


def ask_targets(m: Mistake) -> Words | None:
    """`(r, u) = split(…)`, `[r, u] = …`, `-a = 1`"""
    if not m.starts_line or not m.wants("OUTPUT"):
        return None
    if m.kind in ("LPAR", "LSQB"):
        return Words("E0010", "the names before `=` stand without brackets", "write `r, u = …`")
    if m.kind in ("SLASH", "PERCENT", "STAR", "MINUS"):
        help = "a comment begins with `#`; an open bracket continues the line above"
        return Words("E0010", f"no statement starts with `{m.token}`", help)
    return Words(
        "E0010", f"no statement starts with `{m.token}`", "a line is a declaration or an equation"
    )


def ask_definition(m: Mistake) -> Words | None:
    """`x + 1`, `x: [I]`, `g.h = 1`"""
    if m.first.type not in ("NAME", "PRIMED") or not m.wants("EQUAL") or m.wants("STAR"):
        return None
    if m.kind == "COLON" and (given := m.bracket(m.at + 1)):
        after = next((t for t in m.tokens[m.at :] if t.start >= given[1]), m.token)
        if after.type == "EQUAL":
            help = f"write `{m.first} = …`: its equation gives it its shape"
            return Words("E0010", "an equation declares no shape", help, end=given[1])
    if m.kind == "COLON":
        return Words(
            "E0010",
            f"`{m.first}` is declared without saying what it is",
            f"write `input {m.first}: [N]`, or `state`, `param` or `const`",
            start=m.first.start,
        )
    if m.kind == "DOT":
        return Words(
            "E0010",
            f"a part of `{m.first}` cannot be defined here",
            "a gradient is a value, without a pass of its own: `g = grad(loss, W)`"
            if m.after == "backward"
            else "an inner cell defines its own states; `y = g(x)` steps it, and `g(x, h=…)` says "
            "where the step begins",
        )
    if m.kind == "SLASH" and m.first.startswith("d") and m.after.startswith("d"):
        state = m.first[1:] or "v"
        help = f"write one step of it: `{state}' = {state} + {m.after} * (…)`"
        help += f", or `ode(f, {state}, {m.after})`"
        end = m.after.end
        return Words("E0010", "a derivative defines nothing", help, start=m.first.start, end=end)
    word = str(m.first)
    usual = "write `return …` for what the function gives" if m.in_function else "write `name = …`"
    help = m.foreign.replaced.get(word, _ELSEWHERE.get(word, usual))
    return Words("E0010", "this line defines nothing", help, start=m.first.start)


LINE_RULES = (
    ask_block,
    ask_indent,
    ask_else_if,
    ask_colon,
    ask_why,
)
LATER_RULES = (ask_reserved, ask_place, ask_line_word)
LAST_RULES = (ask_targets, ask_definition)
