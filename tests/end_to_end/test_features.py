"""The cells that tests are made of are canonical."""

from __future__ import annotations

from pathlib import Path

import pytest

from celldsl.diagnostics.span import Source
from celldsl.syntax.format.format import format_source
from tests.end_to_end.subject import FEATURES


@pytest.mark.parametrize("path", sorted(FEATURES.glob("*.cell")), ids=lambda path: path.stem)
def test_a_feature_cell_is_canonical(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_source(Source(path.name, text)) == text
