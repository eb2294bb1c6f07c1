"""Examples are canonical, draw no warning, and say whose cell they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from celldsl.diagnostics.span import Source
from celldsl.pipeline import check_file
from celldsl.syntax.format.format import format_source
from tests.end_to_end.subject import EXAMPLES, FEATURES, subject_of

PATHS = sorted(EXAMPLES.glob("*.cell"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_an_example_is_canonical_and_without_warnings(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_source(Source(path.name, text)) == text
    assert check_file(path).diagnostics == []
    assert re.search(r"[A-Z]\w+ (et al\.)?.*\(?(19|20)\d\d\)", subject_of(path).spec.doc)


@pytest.mark.parametrize("path", sorted(FEATURES.glob("*.cell")), ids=lambda path: path.stem)
def test_a_feature_cell_is_canonical(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_source(Source(path.name, text)) == text
