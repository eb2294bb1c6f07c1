"""Two operands side by side, and brackets of the wrong sort.  In: a Mistake.  Out: Words, or None.

    2 H            an operator is missing between `2` and `H`
    [x h]          a `,` is missing before `h`
    x(1:3)         an index stands in square brackets

Each rule is one mistake that people bring from elsewhere; the first that fits speaks.
"""

from __future__ import annotations

from celldsl.syntax.hints.parse_error import Mistake, Words

_OPERANDS = frozenset(
    {"NUMBER", "IMAGINARY", "NAME", "PRIMED", "STRING", "TRUE", "FALSE", "INF", "LPAR"}
)


def ask_round_index(m: Mistake) -> Words | None:
    """`x(1:3)`"""
    if m.kind != "COLON" or m.wants("COLON") or _opener(m) != "LPAR":
        return None
    if m.first.type in ("CELL", "DEF") or not m.wants("RPAR"):
        return None
    help = "a slice is written `v[a:b]`, and counts from 0"
    return Words("E0010", "an index stands in square brackets", help)


def ask_operator(m: Mistake) -> Words | None:
    """`2 H`, `(a) b`"""
    if m.kind not in _OPERANDS or not m.wants("STAR") or m.starts_line:
        return None
    inside = m.bracket(m.at) if m.kind == "LPAR" else None
    if m.before.type == "PRIMED" and inside is not None and ":" in inside[0]:
        help = f"a slice is written `{m.before}[a:b]`, and counts from 0"
        return Words("E0010", "an index stands in square brackets", help)
    if m.before.type == "RPAR" and inside is not None and (called := _called(m)):
        help = f"give all arguments in one call: `{m.foreign.renamed.get(called, called)}(…)`"
        if called == "grad":
            help = "it takes what the loss is for these, and a name: `grad(loss, W)`"
        return Words("E0010", "what a call gives is not called again", help)
    if m.kind == "LPAR" and m.before.type == "PRIMED":
        help = "a product is written `*`"
        return Words("E0010", f"`{m.before}` is a state, not a function", help, f" * {m.token}")
    message = f"an operator is missing between `{m.before}` and `{m.token}`"
    if m.before == "0" and m.before.end == m.token.start and _in_base(m.token):
        number = str(int(f"0{m.token}", 0))
        return Words("E0012", "numbers are decimal", None, number, start=m.before.start, over=True)
    beside = m.before.type == "NUMBER" and m.before.end == m.token.start
    if beside and m.token in ("j", "I", "J"):
        better = f"{m.before}i"
        told = f"`{better}` is how an imaginary number is written"
        return Words("E0010", told, f"write `{better}`", better, start=m.before.start, over=True)
    in_list = _opener(m) == "LSQB"
    if not (in_list and m.first.type == "CELL") and (
        m.before.type in ("NUMBER", "RPAR") or m.kind == "LPAR"
    ):
        return Words("E0010", message, "a product is written `*`", f" * {m.token}")
    if in_list:
        help, instead = f"write `{m.before}, {m.token}`", f", {m.token}"
        return Words("E0010", f"a `,` is missing before `{m.token}`", help, instead)
    if m.before in m.foreign.ours:
        help = f"write `{m.before}({m.token}…)`"
        return Words("E0010", f"`{m.before}` takes its arguments in brackets", help)
    if m.before.type == "NAME" and m.kind in ("NAME", "PRIMED"):
        a, b = m.before, m.token
        help = (
            f"the product of a matrix and a vector is `{a} @ {b}`, the elementwise one `{a} * {b}`"
        )
        return Words("E0010", message, help)
    return Words("E0010", message)


def _in_base(token: str) -> bool:
    """Whether a `0` before it makes it a number in Python: `x10`."""
    digits = {"x": "0123456789abcdef", "o": "01234567", "b": "01"}.get(token[0].lower(), "")
    return len(token) > 1 and bool(digits) and set(token[1:].lower()) <= set(digits)


def _opener(m: Mistake) -> str:
    """The bracket that is open here; that of an index is none."""
    depth = 0
    for at in range(m.at - 1, m.line, -1):
        kind = m.tokens[at].type
        depth += {"RPAR": 1, "RSQB": 1, "LPAR": -1, "LSQB": -1}.get(kind, 0)
        if depth < 0:
            before = m.tokens[at - 1].type
            indexed = before in ("NAME", "PRIMED", "RPAR", "RSQB") and m.first.type != "CELL"
            return "" if kind == "LSQB" and indexed else kind
    return ""


def _called(m: Mistake) -> str:
    """The name before the bracket that closes before the token."""
    depth = 0
    for at in range(m.at - 1, m.line, -1):
        kind = m.tokens[at].type
        depth += {"RPAR": 1, "RSQB": 1, "LPAR": -1, "LSQB": -1}.get(kind, 0)
        if depth == 0:
            before = m.tokens[at - 1]
            return str(before) if before.type == "NAME" else ""
    return ""


OPERATOR_RULES = (ask_round_index, ask_operator)
