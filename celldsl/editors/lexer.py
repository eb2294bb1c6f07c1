"""Colours for cells, by Pygments.  In: the text of a `.cell` file.  Out: tokens.

    pygmentize -l celldsl gru.cell          the lexer is found by its entry point

Sphinx, MkDocs and notebooks colour code by Pygments.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
    Token,
)

from celldsl.editors.words import words

LETTER = r"A-Za-z_\u0391-\u03a9\u03b1-\u03c9ϑϕϖϱϵµ"
NAME = rf"[{LETTER}][{LETTER}0-9₀-₉]*(?:ₜ(?:[₋₊]₁)?)?"
KINDS: dict[str, Any] = {
    "declaration": Keyword.Declaration,
    "keyword": Keyword,
    "operator": Operator.Word,
    "constant": Keyword.Constant,
    "function": Name.Builtin,
    "initialiser": Name.Builtin,
}


class CellLexer(RegexLexer):  # type: ignore[misc]
    """Names are told apart by `celldsl.editors.words`, so that no list is kept here."""

    name = "celldsl"
    aliases: ClassVar = ["celldsl", "cell"]
    filenames: ClassVar = ["*.cell"]
    mimetypes: ClassVar = ["text/x-celldsl"]

    tokens: ClassVar = {
        "root": [
            (r"\s+", Text),
            (r"#[^\n]*", Comment.Single),
            (r'"""[^"]*(?:"{1,2}[^"]+)*"""', String.Doc),
            (r'"[^"\n]*"', String),
            (rf"(cell)([ \t]+)({NAME})", bygroups(Keyword.Declaration, Text, Name.Class)),
            (
                rf"((?:shared[ \t]+)?def)([ \t]+)({NAME})",
                bygroups(Keyword.Declaration, Text, Name.Function),
            ),
            (
                rf"(sub)([ \t]+)({NAME})([ \t]*)(=)([ \t]*)(shared)([ \t]+)(?={NAME})",
                bygroups(Keyword, Text, Name, Text, Operator, Text, Keyword, Text),
            ),
            (rf"{NAME}['′’]", Name.Variable),
            (NAME, Name),
            (rf"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?:i(?![{LETTER}0-9']))?", Number),
            (r"\.\.|\*\*|==|!=|<=|>=|[-+*/%@<>=≤≥≠⊙∘−]", Operator),
            (r"[()\[\],:.]", Punctuation),
            (r".", Token.Error),
        ],
    }

    def get_tokens_unprocessed(self, text: str, stack: Any = ("root",)) -> Iterator[Any]:
        known = {word: KINDS[kind] for kind, found in words().items() for word in found}
        for place, kind, value in super().get_tokens_unprocessed(text, stack):
            yield place, known.get(value, kind) if kind is Name else kind, value
