"""Characters and operators from elsewhere.  In: a token no rule has.  Out: what to write instead.

    ^  &&  .*  +=  ;  ·  'text'  .5  1.      each is refused in its own words

The lexer cuts these out of the text so that what follows can still be read.
"""

from __future__ import annotations

import unicodedata

from celldsl.diagnostics.diagnostic import Fix, Report
from celldsl.diagnostics.span import Source, Span
from celldsl.syntax.hints.tokens_in_context import ACCENTS, in_context
from celldsl.syntax.lexer import Token

# What was written: the sentence, and what to put in its place where that is certain.
_OPERATORS: dict[str, tuple[str, str | None]] = {
    "^": ("a power is written `**`", "**"),
    "&&": ("`and` is written out", "and"),
    "||": ("`or` is written out", "or"),
    "&": ("`and` is written out", "and"),
    "|": ("`or` is written out", "or"),
    "|>": ("a function takes its argument in brackets: `tanh(v)`", None),
    "!": ("`not` is written out", "not "),
    ".*": ("`*` is elementwise already", "*"),
    "./": ("`/` is elementwise already", "/"),
    ".^": ("a power is written `**`, and is elementwise already", "**"),
    "//": ("`/` of dims divides exactly; a comment begins with `#`", None),
    ":=": ("an equation is written `=`", "="),
    "->": ("write `def f(v) = EXPR`, or a block that ends in `return EXPR`", None),
    "=>": ("greater or equal is written `>=`", ">="),
    ";": ("one statement stands on each line, and the end of the line ends it", None),
    "·": ("is it `*`, elementwise, or `@`, the matrix product?", None),
    "⋅": ("is it `*`, elementwise, or `@`, the matrix product?", None),
    "×": ("is it `*`, elementwise, or `@`, the matrix product?", None),
    "{": ("there are no braces: a list is written `[…]`", None),
    "}": ("there are no braces: a list is written `[…]`", None),
    "\\": ("an open bracket continues a line, nothing else does", None),
    "?": ("a choice by data is `where(condition, a, b)`", None),
    "'": ("a prime belongs to a name: `h'`", None),
    "′": ("a prime belongs to a name: `h'`", None),
    "’": ("a prime belongs to a name: `h'`", None),
    "ᵀ": ("write `transpose(A)`", None),
    "²": ("a square is written `** 2`", " ** 2"),
    "√": ("a root is written `sqrt(v)`", None),
    "∑": ("a sum is written `sum(v)`", None),
    "∇": ("a gradient is written `grad(loss, W)`", None),
    "∂": ("a gradient is written `grad(loss, W)`", None),
    "∞": ("infinity is written `inf`", "inf"),
    "⊗": ("write `outer(a, b)`", None),
    "⊕": ("write `concat([a, b])` or `a + b`", None),
    "∥": ("write `concat([a, b])`", None),
    "÷": ("a quotient is written `a / b`", "/"),
    "∗": ("is it `*`, elementwise, or `conv(v, channels, kernel)`?", None),
    "⋆": ("is it `*`, elementwise, or `conv(v, channels, kernel)`?", None),
    "‖": ("a norm is written `norm(v)`", None),
    "⟨": ("an inner product is written `dot(a, b)`", None),
    "⟩": ("an inner product is written `dot(a, b)`", None),
    "⌊": ("the whole number below is written `floor(v)`", None),
    "⌋": ("the whole number below is written `floor(v)`", None),
    "⌈": ("the whole number above is written `-floor(-v)`", None),
    "⌉": ("the whole number above is written `-floor(-v)`", None),
    "∏": ("a product is written `product(for k in 0..K: v[k])`", None),
    "∫": ("a cell is one step: write the sum that stands for the integral", None),
    "→": ("an equation is written `y = EXPR`, a function `def f(v) = EXPR`", None),
    "↦": ("a function is written `def f(v) = EXPR`", None),
    "⇒": ("a choice by data is `where(condition, a, b)`", None),
    "∈": ("what a value is stands where it is declared: `param W: [H, I]`", None),
    "∀": ("a loop is written `for k in 0..K:`", None),
    "∧": ("`and` is written out", "and"),
    "∨": ("`or` is written out", "or"),
    "¬": ("`not` is written out", "not "),
    "½": ("write `0.5`", "0.5"),
    "¼": ("write `0.25`", "0.25"),
    "¾": ("write `0.75`", "0.75"),
    "³": ("a cube is written `** 3`", " ** 3"),
    "⁻": ("an inverse is written `1 / v`, or `v ** -1`", None),
    "∅": ("there is no empty value: leave the argument out", None),
    "~": (
        "`not` is written out; what is drawn is an initialiser: `param W: [H, I] = normal(0.1)`",
        None,
    ),
    "≈": ("an equation is written `=`; values are compared by `abs(a - b) < 1e-6`", None),
    "∝": ("write the factor: `a = k * b`, or `softmax`, `normalize`", None),
    "≡": ("an equation is written `=`, a comparison `==`", None),
    "←": ("an equation is written `=`", "="),
    "“": ('a string stands in `"`', '"'),
    "”": ('a string stands in `"`', '"'),
    "\u00a0": ("it looks like a space and is none; put a space", " "),
    "\r": ("a carriage return without a line feed; end lines with a line feed", None),
}

_ASSIGNING = frozenset({"+=", "-=", "*=", "/=", "**="})


def report_foreign(tokens: list[Token], at: int, source: Source, report: Report) -> None:
    """Reports a token whose type is one of `grammar.UNRULED`."""
    if report.is_full:
        return
    token = tokens[at]
    span = Span(source, token.start, token.end)
    match token.type:
        case "OPEN_LONG_STRING":
            start = Span(source, span.start, span.start + 3)
            report.add("E0009", 'a `"""` is never closed', start, "the text starts here")
        case "OPEN_STRING":
            report.add("E0009", "a string is never closed", span, 'a `"` is missing at its end')
        case "QUOTED" if (
            at and tokens[at - 1].type == "PRIMED" and tokens[at - 1].end == token.start
        ):
            prime, name = Span(source, span.start, span.start + 1), tokens[at - 1]
            told, help = f"`{name}` has its prime already", f"write `{name}`"
            report.add("E0017", told, prime, help=help, fix=Fix(prime, ""))
        case "QUOTED":
            fix = None if '"' in token else Fix(span, f'"{token[1:-1]}"')
            report.add(
                "E0009",
                "strings use double quotes",
                span,
                fix=fix,
                help=f"write `{fix.replacement}`" if fix else None,
            )
        case "BAD_NUMBER":
            _report_number(str(token), span, report)
        case _:
            _report_symbol(tokens, at, span, report)


def _report_number(text: str, span: Span, report: Report) -> None:
    whole, _, rest = text.partition(".")
    better = f"{whole or '0'}.{rest if rest[:1].isdigit() else '0' + rest}"
    report.add(
        "E0012",
        "numbers have digits on both sides of the point",
        span,
        help=f"write `{better}`",
        fix=Fix(span, better),
    )


def _report_symbol(tokens: list[Token], at: int, span: Span, report: Report) -> None:
    text = str(tokens[at])
    words = in_context(tokens, at)
    if words is not None:
        if words.sentence:
            fix = None if words.instead is None else Fix(span, words.instead)
            report.add("E0017", words.sentence, span, help=words.help, fix=fix)
    elif text in _ASSIGNING:
        _report_assigning(tokens, at, span, report)
    elif (accented := _accented(tokens, at, span)) is not None:
        name, whole = accented
        told = f"`{visible(whole.text)}` does not belong in a cell"
        help = f"an accent is spelt out: `{name}`"
        report.add("E0005", told, whole, help=help, fix=Fix(whole, name))
    elif text in _OPERATORS:
        sentence, instead = _OPERATORS[text]
        code = "E0017" if text.isprintable() else "E0005"
        fix = Fix(span, instead) if instead else None
        report.add(code, f"{_named(text)} is not in the language", span, help=sentence, fix=fix)
    else:
        report.add(
            "E0005", f"{_named(text)} does not belong in a cell", span, help=_in_a_name(tokens, at)
        )


def _report_assigning(tokens: list[Token], at: int, span: Span, report: Report) -> None:
    """`S' += …` and `a *= …`."""
    sign, target = str(tokens[at])[:-1], tokens[at - 1] if at else None
    told = f"`{tokens[at]}` does not exist: an equation is written out"
    if target is not None and target.type == "PRIMED":
        name = target.rstrip("'′’")
        instead = f"= {name} {sign}"
        help = f"the state that came in is `{name}`: write `{name}' {instead} …`"
        # Any other sign would bind to the first term of what follows alone.
        report.add("E0017", told, span, help=help, fix=Fix(span, instead) if sign == "+" else None)
    else:
        name = target if target is not None and target.type == "NAME" else "a"
        help = f"write `{name} = {name} {sign} …`; where it holds parameters, give it another name"
        report.add("E0017", told, span, help=help)


def _accented(tokens: list[Token], at: int, span: Span) -> tuple[str, Span] | None:
    """`ĉ`, `c̃` and `i~`: the name that spells the accent out, and all that is written of it."""
    char = unicodedata.normalize("NFD", tokens[at])
    accent = next((ACCENTS[c] for c in char if c in ACCENTS), None)
    if accent is None:
        return None
    before = tokens[at - 1] if at and tokens[at - 1].end == tokens[at].start else None
    if char[0].isalpha():
        return f"{char[0]}_{accent}", span
    if before is None or before.type != "NAME":
        return None
    return f"{before}_{accent}", Span(span.source, before.start, span.end)


def _in_a_name(tokens: list[Token], at: int) -> str | None:
    """A subscript, which papers write on a letter and names spell out."""
    plain = unicodedata.normalize("NFKC", tokens[at])
    if plain != tokens[at] and plain.isalnum():
        return f"a name has no such subscripts: `{tokens[at - 1]}_{plain}`"
    return None


def _named(text: str) -> str:
    """A character, and its name where its shape alone may not tell it."""
    name = "" if text.isascii() else unicodedata.name(text, "").lower()
    return f"`{visible(text)}`" + (f" ({name})" if name else "")


def visible(text: str) -> str:
    """Text that can be printed: characters without a shape are written as their numbers."""
    return "".join(c if c.isprintable() else f"U+{ord(c):04X}" for c in text)
