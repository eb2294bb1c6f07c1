"""Every cell under `tests/bad/semantics` that means nothing, and the whole message it gives.

`pytest --renew` writes the messages anew; read the difference before it is committed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from celldsl.diagnostics.catalogue import CATALOGUE
from celldsl.diagnostics.render import render_text
from celldsl.driver import check_file, check_source

FOLDER = Path(__file__).parent.parent / "bad" / "semantics"
BAD = sorted(FOLDER.glob("*.cell"))
# What needs more than one text, or a choice that only code generation asks for.
ELSEWHERE = {"E0116", "E0306"}
OWN = [code for code in CATALOGUE if not code.startswith("E00")]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_message(path: Path, renew: bool) -> None:
    found = check_file(path).diagnostics
    text = "\n\n".join(render_text(diagnostic) for diagnostic in found) + "\n"
    expected = path.with_suffix(".txt")
    if renew:
        expected.write_text(text, encoding="utf-8")
    assert found, "a wrong program gives at least one diagnostic"
    assert text == expected.read_text(encoding="utf-8")


def test_every_code_is_in_the_catalogue_and_shown() -> None:
    shown = {d.code for path in BAD for d in check_file(path).diagnostics}
    assert shown <= set(CATALOGUE)
    assert set(OWN) - shown == ELSEWHERE


@pytest.mark.parametrize("code", [code for code in OWN if CATALOGUE[code].bad])
def test_catalogue_examples(code: str) -> None:
    entry = CATALOGUE[code]
    assert code in {d.code for d in check_source(entry.bad).diagnostics}
    assert check_source(entry.good).diagnostics == []
