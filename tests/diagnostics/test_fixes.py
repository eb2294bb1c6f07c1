"""Every fix of the bad programs, put in: the message is gone, and no other has come for it.

A mistake of syntax hides what the rest means, so what comes to light behind it is not counted.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from celldsl.diagnostics.diagnostic import Diagnostic, Fix
from celldsl.diagnostics.render import render_json
from celldsl.pipeline import check_file

BAD = sorted((Path(__file__).parent.parent / "bad").glob("*/*.cell"))


def fixed(text: str, fix: Fix) -> str:
    return text[: fix.span.start] + fix.replacement + text[fix.span.end :]


def problems(found: list[Diagnostic]) -> Counter[tuple[str, str]]:
    return Counter((d.code, d.message) for d in found)


def errors(found: list[Diagnostic]) -> int:
    return sum(d.severity == "error" for d in found)


@pytest.mark.parametrize("path", BAD, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_fixes_help(path: Path, tmp_path: Path) -> None:
    found = check_file(path).diagnostics
    parts = path.parent / "parts"
    if parts.is_dir():
        shutil.copytree(parts, tmp_path / "parts")
    target = tmp_path / path.name
    for wrong in found:
        if wrong.fix is None:
            continue
        source = wrong.fix.span.source
        assert source.name == path.name, "a fix is for the file that was checked"
        target.write_text(fixed(source.text, wrong.fix), encoding="utf-8", newline="")
        after = check_file(target).diagnostics
        key = wrong.code, wrong.message
        assert problems(after)[key] < problems(found)[key], f"{wrong.message} stays"
        if not wrong.code.startswith("E00"):
            assert errors(after) <= errors(found), f"{wrong.message} is followed by others"


@pytest.mark.parametrize("path", BAD, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_json_says_the_same(path: Path) -> None:
    found = check_file(path).diagnostics
    for d, facts in zip(found, json.loads(render_json(found)), strict=True):
        assert (facts["code"], facts["severity"]) == (d.code, d.severity)
        assert (facts["message"], facts["label"]) == (d.message, d.primary.text)
        assert facts["help"] == d.help
        assert _text_at(d.primary.span.source.text, facts) == d.primary.span.text
        for label, shown in zip(d.secondary, facts["labels"], strict=True):
            assert shown["text"] == label.text
            assert _text_at(label.span.source.text, shown) == label.span.text
        if d.fix is None:
            assert facts["fix"] is None
            continue
        assert facts["fix"]["replacement"] == d.fix.replacement
        assert _text_at(d.fix.span.source.text, facts["fix"]) == d.fix.span.text


def _text_at(text: str, place: dict[str, int]) -> str:
    """The text at a place that counts lines and columns from 1."""
    lines = text.splitlines(keepends=True) or [""]
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    start = starts[place["line"] - 1] + place["column"] - 1
    return text[start : starts[place["end_line"] - 1] + place["end_column"] - 1]
