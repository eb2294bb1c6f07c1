"""Every wrong program under `tests/bad`, and the whole message it gives.

The folder of a program says of what sort the first mistake in it is.  `pytest --renew` writes the
messages anew; read the difference before it is committed.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from celldsl.diagnostics.catalogue import CATALOGUE
from celldsl.diagnostics.diagnostic import MAX_DIAGNOSTICS, Diagnostic
from celldsl.diagnostics.render import render_text
from celldsl.pipeline import check_file, check_source

BAD = sorted((Path(__file__).parent.parent / "bad").glob("*/*.cell"))
AREAS = {
    "E00": "syntax",
    "E01": "names",
    "E02": "shapes",
    "E03": "structure",
    "E04": "parameters",
    "W05": "warnings",
}
# What needs a file that cannot be read, a long one, or a choice that only code generation asks for.
ELSEWHERE = {"E0001", "E0002", "E0021", "E0116", "E0306"}


@cache
def found_in(path: Path) -> tuple[Diagnostic, ...]:
    return tuple(check_file(path).diagnostics)


def codes(diagnostics: Iterable[Diagnostic]) -> set[str]:
    return {d.code for d in diagnostics}


@pytest.mark.parametrize("path", BAD, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_message(path: Path, renew: bool) -> None:
    found = found_in(path)
    text = "\n\n".join(render_text(diagnostic) for diagnostic in found) + "\n"
    expected = path.with_suffix(".txt")
    if renew:
        expected.write_text(text, encoding="utf-8")
    assert found, "a wrong program gives at least one diagnostic"
    assert path.parent.name in {AREAS[code[:3]] for code in codes(found)}
    assert text == expected.read_text(encoding="utf-8")


def test_no_message_is_without_a_program() -> None:
    messages = (Path(__file__).parent.parent / "bad").glob("*/*.txt")
    assert {path.with_suffix(".cell") for path in messages} == set(BAD)


def test_every_code_is_in_the_catalogue_and_shown() -> None:
    shown = set().union(*(codes(found_in(path)) for path in BAD))
    assert shown <= set(CATALOGUE)
    assert set(CATALOGUE) - shown == ELSEWHERE


def test_a_run_shows_as_many_problems_as_somebody_may_read() -> None:
    found = check_source("cell A[I]:\n    input x: [I]\n" + "    a = x §\n" * 2000).diagnostics
    assert len(found) == MAX_DIAGNOSTICS + 1
    assert "E0021" in codes(found)


@pytest.mark.parametrize("code", [code for code in CATALOGUE if CATALOGUE[code].bad])
def test_catalogue_examples(code: str) -> None:
    entry = CATALOGUE[code]
    assert code in codes(check_source(entry.bad).diagnostics)
    assert [d for d in check_source(entry.good).diagnostics if d.severity == "error"] == []
    if not code.startswith("E00"):
        assert check_source(entry.good).diagnostics == []
