"""What a message asks to be required, put in as it stands: the message is gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from celldsl.diagnostics.diagnostic import Diagnostic
from celldsl.pipeline import check_file, check_source

BAD = sorted((Path(__file__).parents[1] / "bad").glob("*/*.cell"))
_ADD = re.compile(r"add `(require .*)`$")


def asked(d: Diagnostic) -> str | None:
    found = None if d.help is None else _ADD.match(d.help)
    return found and found[1]


ASKED = [(path, d) for path in BAD for d in check_file(path).diagnostics if asked(d)]


def test_some_ask() -> None:
    assert len(ASKED) > 12


@pytest.mark.parametrize("path, d", ASKED, ids=lambda x: x.stem if isinstance(x, Path) else x.code)
def test_what_is_asked_for_settles_it(path: Path, d: Diagnostic) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    number = d.primary.span.source.line_column(d.primary.span.start)[0]
    head = max(i for i, line in enumerate(lines[:number]) if line.startswith("cell"))
    text = "\n".join([*lines[: head + 1], f"    {asked(d)}", *lines[head + 1 :]])
    left = [(e.code, e.primary.span.text) for e in check_source(text).diagnostics]
    assert (d.code, d.primary.span.text) not in left
