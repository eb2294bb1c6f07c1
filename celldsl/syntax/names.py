"""Which names may be used.  In: a name as it stands and in ASCII.  Out: diagnostics.

    lambda      a Python keyword       _h    begins with `_`       input'    a word of the language

Whether a name is defined is a later question.
"""

from __future__ import annotations

import keyword
from collections.abc import Container

from celldsl.diagnostics.diagnostic import Fix, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.syntax.lexer import Token

_ITEMS = {"cell", "def", "use", "from", "as", "for", "in", "if", "else", "require", "return"}
_DECLARATIONS = {"input", "state", "param", "const", "output", "sub"}
RESERVED = frozenset(_ITEMS | _DECLARATIONS | {"and", "or", "not", "true", "false", "inf"})

_PYTHON = frozenset(keyword.kwlist)
_MEANT = {
    "True": "write `true`",
    "False": "write `false`",
    "None": "there is no empty value: leave an argument out; a new axis is `expand(v, axis)`",
    "lambda": "for a name write `lam` or `λ`, for a function a `def`",
    "while": "write `for k in a..b:`; how often a loop runs is known when code is generated",
    "elif": "write `else:` and an `if` inside it",
    "import": 'functions are there by themselves; cells: `use NAME from "path.cell"`',
    "class": "write `cell NAME[DIMS]:`",
    "assert": 'write `require COND, "why"`',
    "pass": "leave the branch out, or define in it what the other one defines",
    **dict.fromkeys(
        ("del", "with", "try", "raise", "global", "nonlocal", "yield", "async", "await"),
        "a cell is equations alone; everything else is Python's side",
    ),
    "is": "write `==`",
}
_STATEMENTS = frozenset(_MEANT) - {"True", "False", "None", "lambda", "is"}
_REPLACED = {"True": "true", "False": "false"}


def is_taken(name: str) -> bool:
    """Whether a name is a word of Python or of the language."""
    return name in _PYTHON or name in RESERVED


def check_name(
    token: Token, name: str, time: str, states: Container[str], source: Source, report: Report
) -> None:
    """Reports a name that is a keyword, begins with `_`, or has a time that it cannot have."""
    span = Span(source, token.start, token.end)
    if name in _PYTHON:
        text = _REPLACED.get(name)
        fix = Fix(span, text) if text else None
        help = _MEANT.get(name, f"choose another name, such as `{name}_`")
        if name in _STATEMENTS:
            report.add("E0019", f"`{name}` is not in the language", span, help=help)
        else:
            report.add("E0013", f"`{name}` is a keyword of Python", span, help=help, fix=fix)
    elif name in RESERVED:
        report.add("E0013", f"`{name}` is a word of the language and has no next value", span)
    elif name.startswith("_") and source.text[span.start - 1 : span.start].isdigit():
        report.add("E0012", "digits are not grouped", span, help="write the number without `_`")
    elif name == "_":
        help = "it stands for a size that an input says, in `sub g = GRU[_, H]` alone"
        report.add("E0013", "`_` is no name", span, help=help)
    elif name.startswith("_"):
        message, label = f"`{name}` begins with `_`", "names begin with a letter"
        report.add("E0013", message, span, label)
    elif time == "ₜ₊₁":
        fix = Fix(span, f"{name}'")
        help = f"`{name}` is the state that came in, `{name}'` the one that goes out"
        report.add("E0016", f"`{token}` is written `{name}'`", span, help=help, fix=fix)
    elif time == "ₜ₋₁" and name not in states:
        message = f"`{token}` is of the step before, but `{name}` is no state"
        help = f"carry it: `state {name}_last: [N]` and `{name}_last' = {name}`"
        report.add("E0016", message, span, help=help)
