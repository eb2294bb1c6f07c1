"""The TextMate grammar of cells.  In: the words of the language.  Out: JSON.

    python -m celldsl.editors.textmate > celldsl.tmLanguage.json

VS Code, GitHub and others colour by it.  `grammars/celldsl.tmLanguage.json` is what this writes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from celldsl.editors.words import words

SCOPES = {
    "declaration": "storage.type",
    "keyword": "keyword.control",
    "operator": "keyword.operator.word",
    "constant": "constant.language",
}
LETTER = "A-Za-z_\\u0391-\\u03a9\\u03b1-\\u03c9ϑϕϖϱϵµ"
NAME = f"[{LETTER}][{LETTER}0-9₀-₉]*(?:ₜ(?:[₋₊]₁)?)?"
# Not part of a longer name, and no state with a prime.
BEFORE, AFTER = f"(?<![{LETTER}0-9₀-₉.])", f"(?![{LETTER}0-9₀-₉'′’])"


def grammar() -> dict[str, Any]:
    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "celldsl",
        "scopeName": "source.celldsl",
        "fileTypes": ["cell"],
        "patterns": [
            {"name": "comment.line.number-sign.celldsl", "match": "#.*$"},
            {"name": "string.quoted.docstring.celldsl", "begin": '"""', "end": '"""'},
            {"name": "string.quoted.double.celldsl", "match": '"[^"\\n]*"'},
            _named("cell", "entity.name.type"),
            _named("(?:shared[ \\t]+)?def", "entity.name.function"),
            {
                "match": f"{BEFORE}(sub)[ \\t]+({NAME})[ \\t]*=[ \\t]*(shared)(?=[ \\t]+{NAME})",
                "captures": {
                    "1": {"name": "storage.type.celldsl"},
                    "2": {"name": "variable.other.celldsl"},
                    "3": {"name": "storage.modifier.celldsl"},
                },
            },
            *(_words(kind, words()[kind]) for kind in SCOPES),
            # Builtins are what is called: a new one needs no new grammar.
            {"name": "support.function.celldsl", "match": f"{BEFORE}{NAME}(?=\\()"},
            {"name": "variable.other.next.celldsl", "match": f"{NAME}['′’]"},
            {
                "name": "constant.numeric.celldsl",
                "match": f"{BEFORE}[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?:i{AFTER})?",
            },
            {
                "name": "keyword.operator.celldsl",
                "match": "\\.\\.|\\*\\*|==|!=|<=|>=|[-+*/%@<>=≤≥≠⊙∘−]",
            },
        ],
    }


def _named(word: str, scope: str) -> dict[str, Any]:
    return {
        "match": f"{BEFORE}({word})[ \\t]+({NAME})",
        "captures": {
            "1": {"name": "storage.type.celldsl"},
            "2": {"name": f"{scope}.celldsl"},
        },
    }


def _words(kind: str, found: Iterable[str]) -> dict[str, str]:
    listed = "|".join(sorted(found))
    return {"name": f"{SCOPES[kind]}.celldsl", "match": f"{BEFORE}(?:{listed}){AFTER}"}


def grammar_text() -> str:
    return json.dumps(grammar(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(grammar_text())
