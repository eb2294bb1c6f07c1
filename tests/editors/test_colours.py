"""Words of the lexer and of the TextMate grammar are those of the Lark grammar and the builtins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from celldsl.editors.textmate import grammar, grammar_text
from celldsl.editors.words import words
from celldsl.syntax.lexer import raw_tokens
from tests.cells import EVERY
from tests.end_to_end.every_cell import FEATURE_CELLS

pygments = pytest.importorskip("pygments")
TOP = Path(__file__).parents[2]
LARK = (TOP / "grammars" / "cell.lark").read_text(encoding="utf-8")
CELLS = {**EVERY, **FEATURE_CELLS}


def reserved() -> set[str]:
    """Words between quotes in the grammar, and `def`, which may have one before it."""
    quoted = re.findall(r'^[A-Z]+: "([a-z]+)"$', LARK, re.MULTILINE)
    return {*quoted, *re.findall(r"^DEF.*\)\?([a-z]+)\\b/$", LARK, re.MULTILINE)}


def test_words_are_those_of_the_lark_grammar() -> None:
    kinds = ("declaration", "keyword", "operator", "constant")
    assert set().union(*(words()[kind] for kind in kinds)) == reserved()
    assert sum(len(words()[kind]) for kind in kinds) == len(reserved())
    assert {"sigmoid", "linear", "gelu"} <= words()["function"]


def test_the_grammar_in_the_checkout_is_what_is_made_of_the_words() -> None:
    path = TOP / "grammars" / "celldsl.tmLanguage.json"
    remedy = "run python -m celldsl.editors.textmate > grammars/celldsl.tmLanguage.json"
    assert path.read_text(encoding="utf-8") == grammar_text(), remedy


def coloured(text: str) -> list[tuple[Any, str]]:
    from celldsl.editors.lexer import CellLexer

    return list(CellLexer(stripnl=False, ensurenl=False).get_tokens(text))


@pytest.mark.parametrize("name", CELLS)
def test_tokens_of_the_lexer_are_those_of_the_grammar(name: str) -> None:
    from pygments.token import Comment, Keyword, Operator, Text, Token

    text = CELLS[name].read_text(encoding="utf-8")
    found = coloured(text)
    assert "".join(value for _, value in found) == text
    assert not [value for kind, value in found if kind in Token.Error]
    seen = [value for kind, value in found if kind not in Text and kind not in Comment]
    wanted = [token for token in raw_tokens(text) if token.type != "COMMENT"]
    assert seen == [str(token) for token in wanted if token.strip()]
    words_seen = {v for k, v in found if k in Keyword or k is Operator.Word}
    words_wanted = {str(t) for t in wanted if t.type.lower() == t or t.type == "DEF"}
    for sub, _, equals, word, after in windows(wanted, 5):
        if (sub.type, equals, word, after.type) == ("SUB", "=", "shared", "NAME"):
            words_wanted.add("shared")
    assert words_seen == words_wanted


def windows(tokens: list[Any], count: int) -> Iterator[tuple[Any, ...]]:
    return zip(*(tokens[k:] for k in range(count)), strict=False)


def test_shared_is_a_word_only_where_its_construct_stands() -> None:
    from pygments.token import Keyword

    line = "sub b = shared a\nshared def f(v) = v\nshared = shared * c\nsub d = shared[H]\n"
    words_seen = [v for k, v in coloured(line) if k in Keyword]
    assert words_seen == ["sub", "shared", "shared def", "sub"]


def test_pygments_finds_the_lexer_by_its_name() -> None:
    from importlib.metadata import entry_points

    entry = next(iter(entry_points(group="pygments.lexers", name="celldsl")), None)
    if entry is None:
        pytest.skip("celldsl was installed before it had a lexer: pip install -e . again")
    assert pygments.lexers.get_lexer_by_name("celldsl").name == "celldsl"
    assert pygments.lexers.get_lexer_for_filename("gru.cell").name == "celldsl"


def test_textmate_patterns_tell_words_from_parts_of_names() -> None:
    patterns = {
        p["name"]: p["match"] for p in grammar()["patterns"] if "name" in p and "match" in p
    }
    line = "state_x = sigmoid(inf + state' + cells)"
    assert not re.findall(patterns["storage.type.celldsl"], line)
    assert re.findall(patterns["constant.language.celldsl"], line) == ["inf"]
    assert re.findall(patterns["support.function.celldsl"], line) == ["sigmoid"]
    json.loads(grammar_text())
