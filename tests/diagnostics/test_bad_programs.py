"""Every wrong program under `tests/bad`, and the whole message it gives.

`pytest --renew` writes the messages anew; read the difference before it is committed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from celldsl.diagnostics.catalogue import CATALOGUE
from celldsl.diagnostics.diagnostic import Diagnostic, Report
from celldsl.diagnostics.render import render_text
from celldsl.diagnostics.span import Source
from celldsl.syntax.limits import read_source
from celldsl.syntax.parse import parse

BAD = sorted((Path(__file__).parent.parent / "bad").glob("*.cell"))


def diagnose(source: Source) -> list[Diagnostic]:
    """What the front end says about a source: the one place that knows how far it goes."""
    report = Report()
    parse(source, report)
    return report.diagnostics


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_message(path: Path, renew: bool) -> None:
    report = Report()
    source = read_source(path, report)
    assert source is not None
    found = diagnose(Source(path.name, source.text))
    text = "\n\n".join(render_text(diagnostic) for diagnostic in found) + "\n"
    expected = path.with_suffix(".txt")
    if renew:
        expected.write_text(text, encoding="utf-8")
    assert found, "a wrong program gives at least one diagnostic"
    assert text == expected.read_text(encoding="utf-8")


def test_corpus_shows_every_syntax_code() -> None:
    shown = {d.code for path in BAD for d in diagnose(Source("a", path.read_text("utf-8")))}
    # These two are about files, not about their text.
    files = {"E0001", "E0002"}
    assert {code for code in CATALOGUE if code.startswith("E00")} - shown == files


@pytest.mark.parametrize("code", [c for c in CATALOGUE if c < "E01" and CATALOGUE[c].bad])
def test_catalogue_examples(code: str) -> None:
    entry = CATALOGUE[code]
    assert code in {d.code for d in diagnose(Source("bad.cell", entry.bad))}
    assert not [d for d in diagnose(Source("good.cell", entry.good)) if d.severity == "error"]
