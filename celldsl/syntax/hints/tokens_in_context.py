"""Signs that mean something by what stands beside them.  In: tokens.  Out: what to write instead.

    h_{t-1}  \\tanh(x)      LaTeX
    |x|  W^T  a;           mathematics, C

A sign that is told at its first place, as the `}` is with its `{`, is told there alone.
"""

from __future__ import annotations

from itertools import pairwise

from celldsl.structs import record
from celldsl.syntax.lexer import Token

# What names spell out where papers write an accent.
ACCENTS = {
    "\N{COMBINING CIRCUMFLEX ACCENT}": "hat",
    "\N{COMBINING TILDE}": "tilde",
    "\N{COMBINING MACRON}": "bar",
    "\N{COMBINING OVERLINE}": "bar",
    "\N{COMBINING DOT ABOVE}": "dot",
    "\N{COMBINING DIAERESIS}": "ddot",
    "~": "tilde",
}
MAX_LOOK = 64
_LATEX = {
    **dict.fromkeys(("odot", "circ"), "an elementwise product is written `*`"),
    **dict.fromkeys(("cdot", "times"), "is it `*`, elementwise, or `@`, the matrix product?"),
    "sigma": "the logistic function is written `sigmoid` or `σ`",
    "frac": "a quotient is written `a / b`",
    "top": "a transposed matrix is written `transpose(W)`",
    "sum": "a sum is written `sum(v)`",
    "oplus": "write `concat([a, b])` or `a + b`",
    "otimes": "write `outer(a, b)`",
    **dict.fromkeys(
        (
            "mathbf",
            "mathrm",
            "mathcal",
            "mathit",
            "text",
            "bm",
            "hat",
            "tilde",
            "bar",
            "left",
            "right",
        ),
        "names and brackets stand by themselves",
    ),
}
_BARS = {"|": ("an absolute value", "abs"), "||": ("a norm", "norm")}
_BEFORE_OPERAND = frozenset(
    {"EQUAL", "LPAR", "LSQB", "COMMA", "PLUS", "MINUS", "STAR", "SLASH", "AT", "POWER"}
)


@record
class InContext:
    """What is said, and what to put in the place; nothing is said where `sentence` is empty."""

    sentence: str
    help: str | None = None
    instead: str | None = None


TOLD = InContext("")


def in_context(tokens: list[Token], at: int) -> InContext | None:
    """What a sign means here, or None where it has no more meaning than elsewhere."""
    match str(tokens[at]):
        case "{" | "}":
            return _brace(tokens, at)
        case "|" | "||":
            return _bar(tokens, at)
        case "\\":
            return _backslash(tokens, at)
        case "^" if _following(tokens, at) == "T":
            help = "a transposed matrix is written `transpose(W)`"
            return InContext("`^T` is not in the language", help)
        case "\r" if "\r" in tokens[max(0, at - MAX_LOOK) : at]:
            return TOLD
        case "'" | "′" | "’" if at > 0 and tokens[at - 1].end == tokens[at].start:
            return _prime(tokens, at)
        case ";" if _in_list(tokens, at):
            return InContext("`;` is not in the language", "a list has commas: `concat([a, b])`")
        case ";" if ends_line(tokens, at):
            return InContext("a line needs no `;` at its end", None, "")
    return None


def _in_list(tokens: list[Token], at: int) -> bool:
    kinds = [token.type for token in _line_before(tokens, at)]
    return kinds.count("LSQB") > kinds.count("RSQB")


def _prime(tokens: list[Token], at: int) -> InContext | None:
    """`(h)'`, `A[0]'` and `h''`: a prime is part of a name, and there is one."""
    before = tokens[at - 1]
    kinds = [token.type for token in tokens[max(0, at - 4) : at]]
    if kinds[:2] == ["NAME", "LSQB"] and before.type == "RSQB":
        better = f"{tokens[at - 4]}'[{tokens[at - 2]}]"
        return InContext("a prime stands after a name alone", f"write `{better}`")
    if before.type in ("RPAR", "RSQB"):
        help = "the next value of a state is `h'`; a transposed matrix is `transpose(A)`"
        return InContext("a prime stands after a name alone", help)
    if before.type == "PRIMED":
        return InContext(
            f"`{before}` has its prime already", "nothing is known beyond one step", ""
        )
    return None


def _following(tokens: list[Token], at: int) -> str:
    return str(tokens[at + 1]) if at + 1 < len(tokens) else ""


def ends_line(tokens: list[Token], at: int) -> bool:
    return at + 1 >= len(tokens) or tokens[at + 1].type in ("NEWLINE", "DEDENT", "INDENT")


def _brace(tokens: list[Token], at: int) -> InContext | None:
    """`h_{t-1}`, `cell A {`, and the `}` of either."""
    if tokens[at] == "}":
        if at == 0 or tokens[at - 1].type in ("NEWLINE", "INDENT", "DEDENT"):
            return InContext("a block ends with its indentation, not with `}`", None, "")
        return TOLD if "{" in _line_before(tokens, at) else None
    before = tokens[at - 1]
    if before.type == "NAME" and before.endswith("_") and before.end == tokens[at].start:
        inside = _until(tokens, at, "}")
        written = f"{before}{{{''.join(inside)}}}"
        name = before.rstrip("_")
        if inside and inside[0] == "t":
            help = {
                "-": f"the state that came in is `{name}`",
                "+": f"the state that goes out is `{name}'`",
            }.get("".join(inside[1:2]), f"the value of this step is `{name}`")
        else:
            help = f"a subscript is part of the name: `{before}{''.join(inside)}`"
        return InContext(f"`{written}` is LaTeX", help)
    if before.type == "NAME" and before.end == tokens[at].start:
        help = f"write `{before}[…]`, and count from 0"
        return InContext("an index stands in square brackets", help)
    if ends_line(tokens, at):
        return InContext("a block opens with `:`, not with `{`", "its lines are indented below it")
    return None


def _line_before(tokens: list[Token], at: int) -> list[Token]:
    """What stands before it on its line; of a long line, the nearer part."""
    start = at
    while start > max(0, at - MAX_LOOK) and tokens[start - 1].type != "NEWLINE":
        start -= 1
    return tokens[start:at]


def _until(tokens: list[Token], at: int, closer: str) -> list[str]:
    """What stands on the line between here and a closing sign."""
    found: list[str] = []
    for token in tokens[at + 1 : at + 8]:
        if token == closer:
            return found
        if token.type == "NEWLINE":
            break
        found.append(str(token))
    return []


def _bar(tokens: list[Token], at: int) -> InContext | None:
    """`|x|` and `||x||`: the first bar stands where an operand begins."""
    sign = str(tokens[at])
    line = _line_before(tokens, at)
    if any(b == sign and a.type in _BEFORE_OPERAND for a, b in pairwise(line)):
        return TOLD
    if tokens[at - 1].type not in _BEFORE_OPERAND:
        return None
    what, function = _BARS[sign]
    inside = "".join(_until(tokens, at, sign)) or "v"
    return InContext(
        f"`{sign}` is not in the language", f"{what} is written `{function}({inside})`"
    )


def _backslash(tokens: list[Token], at: int) -> InContext | None:
    """`\\tanh`; at the end of a line it continues the line elsewhere."""
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    if after is None or after.type != "NAME" or after.start != tokens[at].end:
        return None
    said = _LATEX.get(str(after))
    return InContext(f"`\\{after}` is LaTeX", said or f"write `{after}`", None if said else "")
