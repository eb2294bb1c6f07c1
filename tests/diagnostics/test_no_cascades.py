"""A line that cannot be read is told alone, and the rest of its file is checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from celldsl.pipeline import check_source
from tests.cells import FEW


def code_lines(text: str) -> Iterator[int]:
    """The lines that are neither empty nor of a docstring or comment, counted from 1."""
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        quotes = line.count('"""')
        if not inside and not quotes and line.strip() and not line.lstrip().startswith("#"):
            yield number
        inside ^= quotes % 2 == 1


def lines_of_errors(text: str) -> set[int]:
    found = [d for d in check_source(text).diagnostics if d.severity == "error"]
    return {d.primary.span.source.line_column(d.primary.span.start)[0] for d in found}


@pytest.mark.parametrize("path", FEW, ids=lambda path: path.stem)
def test_a_damaged_line_is_told_alone(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if lines_of_errors(text):
        pytest.skip("it uses another file")
    lines = text.split("\n")
    for number in code_lines(text):
        line = lines[number - 1]
        damaged = "\n".join([*lines[: number - 1], f"{line} §", *lines[number:]])
        assert lines_of_errors(damaged) == {number}, line


def test_the_rest_is_checked() -> None:
    text = """\
cell A[I, H]:
    input x: [I]
    state h: [H]

    z  = 2x
    n  = tahn(linear([x, h], H))
    for k in range(3):
        n = n + foo
    h' = n + z * x

    output h', z
"""
    assert lines_of_errors(text) == {5, 6, 7}
    assert lines_of_errors(text.replace("tahn", "tanh").replace("z * x", "z + n * x")) == {5, 7, 9}
    assert lines_of_errors(text.replace("tahn", "tanh").replace("n + z * x", "nn")) == {5, 7, 9}
