"""Names and signs as papers write them.  In: tokens as written.  Out: tokens spelled in ASCII.

    hₜ₋₁ ⊙ γ                     NAME h   STAR *   NAME gamma
    spell_name("γ_x", states)    Spelling("gamma_x", primed=False)
    spell_name("hₜ", {"h"})      Spelling("h", primed=True)
    spell_name("hₜ₋₁", {"h"})    Spelling("h", primed=False)
    spell_symbol("⊙")            "*"

    lambda      a Python keyword       _h    begins with `_`       input'    a word of the language

Tokens keep their place in the text.  Names that may not be used, numbers written another way, and
characters that do not belong are reported here, because the lexer alone can say what they are.
Whether a name is defined is a later question.
"""

from __future__ import annotations

import keyword
from collections.abc import Container, Set

from celldsl.diagnostics.diagnostic import Fix, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.structs import record
from celldsl.syntax.grammar import UNRULED
from celldsl.syntax.lexer import Token

_SMALL = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho "
    "sigma sigma tau upsilon phi chi psi omega"
)
_LARGE = (
    "Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho "
    "Sigma Tau Upsilon Phi Chi Psi Omega"
)

GREEK: dict[str, str] = {
    **dict(zip("αβγδεζηθικλμνξοπρςστυφχψω", _SMALL.split(), strict=True)),
    **dict(zip("ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ", _LARGE.split(), strict=True)),
    "ϑ": "theta",
    "ϕ": "phi",
    "ϖ": "pi",
    "ϱ": "rho",
    "ϵ": "epsilon",
    "µ": "mu",
}

SUBSCRIPT_DIGITS: dict[str, str] = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))

SYMBOLS: dict[str, str] = {
    "⊙": "*",
    "∘": "*",
    "−": "-",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
}

PRIMES = "'′’"

# Names that Python or the language has a meaning for, where the letter stands alone.
_ALONE = {"σ": "sigmoid", "λ": "lambda_"}

_TABLE = str.maketrans({**GREEK, **SUBSCRIPT_DIGITS})


@record
class Spelling:
    """A name in ASCII; `time` is the subscript that it had: `ₜ`, `ₜ₋₁`, `ₜ₊₁` or nothing."""

    id: str
    primed: bool
    time: str = ""


def split_time(text: str) -> tuple[str, str]:
    """`hₜ₋₁` is `h` at `ₜ₋₁`; a name without a subscript of time is at ``."""
    at = text.find("ₜ")
    return (text, "") if at < 0 else (text[:at], text[at:])


def ascii_name(text: str) -> str:
    """`γ_x` is `gamma_x`: letters and digits only, no prime and no time."""
    return _ALONE.get(text) or (text if text.isascii() else text.translate(_TABLE))


def spell_name(text: str, states: Container[str]) -> Spelling:
    """What a name means where `states` (in ASCII) are the states of its cell."""
    primed = text[-1] in PRIMES
    base, time = split_time(text.rstrip(PRIMES))
    name = ascii_name(base)
    return Spelling(name, primed or (time == "ₜ" and name in states), time)


def spell_symbol(text: str) -> str:
    """`⊙` is `*`; what is ASCII already stays."""
    return SYMBOLS.get(text, text)


_DECLARES = frozenset({"INPUT", "STATE", "PARAM", "CONST"})


def check_tokens(tokens: list[Token], source: Source, report: Report) -> list[Token]:
    """The tokens with names and symbols in ASCII; what is refused has been reported."""
    states = states_by_cell(tokens)
    here: Set[str] = frozenset()
    out: list[Token] = []
    declaring = False
    for at, token in enumerate(tokens):
        kind = token.type
        if kind in ("CELL", "DEF"):
            here = states.get(at, frozenset())
        if kind in UNRULED:
            # Most files hold no such tokens.
            from celldsl.syntax.hints.tokens_in_context import ends_line
            from celldsl.syntax.hints.unknown_tokens import report_foreign

            report_foreign(tokens, at, source, report)
            if token == ";" and ends_line(tokens, at):
                continue
        elif kind in ("NAME", "PRIMED"):
            inner = at > 0 and tokens[at - 1].type == "DOT"
            known = frozenset({ascii_name(split_time(token)[0])}) if inner else here
            if not _continues(tokens, at) and not (token == "_" and _is_open_size(tokens, at)):
                token = _name(token, frozenset() if declaring else known, source, report)
        elif not token.isascii():
            token = token.spelled(spell_symbol(token))
        declaring = kind in _DECLARES or (declaring and kind in ("NAME", "COMMA"))
        out.append(token)
    return out


def _is_open_size(tokens: list[Token], at: int) -> bool:
    """Whether `_` stands for a size in `sub g = GRU[_, H]`."""
    if tokens[at - 1].type not in ("LSQB", "COMMA"):
        return False
    if at + 1 == len(tokens) or tokens[at + 1].type not in ("RSQB", "COMMA"):
        return False
    while at > 0 and tokens[at - 1].type not in ("NEWLINE", "INDENT", "DEDENT"):
        at -= 1
    return tokens[at].type == "SUB"


def _continues(tokens: list[Token], at: int) -> bool:
    """Whether a name goes on behind a sign that was refused: the `_t` of `c̃_t`."""
    before = tokens[at - 1] if at else None
    return before is not None and before.type in UNRULED and before.end == tokens[at].start


def states_by_cell(tokens: list[Token]) -> dict[int, set[str]]:
    """The ASCII names after `state`, by the place of the `cell` among the tokens."""
    found: dict[int, set[str]] = {}
    cell = -1
    listing = False
    for at, token in enumerate(tokens):
        if token.type in ("CELL", "DEF"):
            cell = at
        listing = token.type == "STATE" or (listing and token.type in ("NAME", "COMMA"))
        if listing and token.type == "NAME":
            name = ascii_name(split_time(token)[0])
            found.setdefault(cell, set()).add(name)
    return found


def _name(token: Token, states: Set[str], source: Source, report: Report) -> Token:
    if token.isascii():
        check_name(token, str(token).rstrip("'"), "", states, source, report)
        return token
    spelling = spell_name(token, states)
    check_name(token, spelling.id, spelling.time, states, source, report)
    kind, prime = ("PRIMED", "'") if spelling.primed else ("NAME", "")
    return token.spelled(spelling.id + prime, kind)


# ---------------------------------------------------------------- which names may be used

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
