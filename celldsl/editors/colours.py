"""Colours by meaning.  In: a document.  Out: pieces of its text, in order, with kind and modifiers.

    coloured(document)      [Piece(5, 3, "class", ("declaration",)), …]

The words are those that language servers know: a dim is a `typeParameter`, a state a `property`.
"""

from __future__ import annotations

from collections.abc import Iterator

from celldsl.editors.symbols import NAMED, Occurrence
from celldsl.editors.words import words
from celldsl.editors.workspace import Document
from celldsl.structs import record
from celldsl.syntax.lexer import Token
from celldsl.syntax.names import RESERVED

KINDS = {
    "cell": "class", "def": "function", "import": "class", "dim": "typeParameter",
    "hyper": "parameter", "argument": "parameter", "input": "parameter", "state": "property",
    "param": "variable", "const": "variable", "value": "variable", "index": "variable",
    "sub": "variable",
}  # fmt: skip
TYPES = ("class", "function", "typeParameter", "parameter", "property", "variable", "keyword",
         "number", "string", "comment", "operator")  # fmt: skip
MODIFIERS = ("declaration", "definition", "readonly", "modification", "defaultLibrary")
# Words in declarations (`int[V]`, `sub b = shared a`) and options that are names elsewhere.
IN_PLACES = frozenset({"int", "bool", "complex", "per", "sequence", "shared", "_"})
LITERAL = {
    "NUMBER": "number",
    "IMAGINARY": "number",
    "STRING": "string",
    "LONG_STRING": "string",
    "COMMENT": "comment",
}


@record
class Piece:
    """A part of one line."""

    start: int
    length: int
    kind: str
    modifiers: tuple[str, ...] = ()


def coloured(document: Document) -> Iterator[Piece]:
    names, language = document.names, words()
    builtin = language["function"] | language["initialiser"]
    for token in names.tokens:
        at = names.found.get(token.start)
        if token.type in LITERAL:
            yield from _lines(token)
        elif token.type in NAMED:
            known = at is not None and bool(at.key.item)
            if at is not None and known:
                yield Piece(token.start, token.end - token.start, *_named(document, at))
            elif token in IN_PLACES:
                yield Piece(token.start, token.end - token.start, "keyword")
            elif str(token) in builtin:
                length = token.end - token.start
                yield Piece(token.start, length, "function", ("defaultLibrary",))
        elif str(token).split()[-1:] and str(token).split()[-1] in RESERVED:
            yield Piece(token.start, token.end - token.start, "keyword")


def _named(document: Document, at: Occurrence) -> tuple[str, tuple[str, ...]]:
    symbol = document.names.symbols.get(at.key)
    kind = symbol.kind if symbol is not None else "hyper"
    found = []
    if at.role == "declared":
        found.append("declaration")
    if at.role == "defined":
        found.append("modification" if kind == "state" else "definition")
    if kind in ("const", "dim", "hyper", "index"):
        found.append("readonly")
    return KINDS[kind], tuple(found)


def _lines(token: Token) -> Iterator[Piece]:
    """A docstring goes over several lines, a piece does not."""
    start = token.start
    for line in str(token).split("\n"):
        bare = line.rstrip("\r")
        if bare.strip():
            yield Piece(start, len(bare), LITERAL[token.type])
        start += len(line) + 1
