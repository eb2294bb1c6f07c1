"""Checks of a text that changes find what a check from the beginning finds."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from celldsl.diagnostics.diagnostic import Report
from celldsl.diagnostics.span import Source
from celldsl.pipeline import check_again, check_text
from celldsl.semantics import check
from celldsl.semantics.incremental import Session
from celldsl.zoo_index import example_paths

TEXT = """def gate(v, N) = sigmoid(linear(v, N))

def unused(v) = v + w

cell Inner[I]:
    input x: [I]
    state s: [I]

    s' = s + gate(x, I)

    output s'

cell Outer[I, H](deep = false):
    input x: [I]
    state h: [H]
    sub one = Inner[I]

    a = one(x)
    z = gate(concat([a, h]), H)
    if deep:
        q = tanh(z)
    else:
        q = z
    h' = q * h

    output h'

cell Wrong[I, H]:
    input x: [I]
    state h: [H]

    y = x + h
    h' = tahn(h)

    output h'
"""


def told(report: Report) -> list[tuple[object, ...]]:
    return [
        (d.code, d.message, d.help, d.fix and (d.fix.span.start, d.fix.replacement),
         *((label.span.source.name, label.span.start, label.span.end, label.text)
           for label in (d.primary, *d.secondary)))
        for d in report.diagnostics
    ]  # fmt: skip


def again(session: Session, text: str, path: Path | None = None) -> Report:
    report = Report()
    check_again(Source("a.cell", text), report, path, session, path and path.parent)
    return report


def edited(text: str, draw: random.Random) -> str:
    """A line more, one less, or another letter."""
    lines = text.split("\n")
    at = draw.randrange(len(lines))
    match draw.randrange(4):
        case 0:
            lines.insert(at, draw.choice(["", "# why", "    b = tanh(h)", lines[at]]))
        case 1:
            del lines[at]
        case 2:
            lines[at] = lines[at].replace(draw.choice("hzxIH"), draw.choice("hzxIHq"), 1)
        case 3:
            lines[at] += draw.choice([" ", " + 1", ")", " * h"])
    return "\n".join(lines)


def test_edits_one_after_the_other_find_what_a_whole_check_finds() -> None:
    draw, session, text = random.Random(4), Session(), TEXT
    seen = set()
    for _ in range(150):
        before, text = text, edited(text, draw)
        fresh = check_text(text, "a.cell")
        assert told(again(session, text)) == told(fresh), text
        seen.add(tuple(d.code for d in fresh.diagnostics))
        if len(fresh.diagnostics) > 5:
            text = before if draw.random() < 0.5 else TEXT
    assert len(seen) > 20


def test_what_moved_is_told_where_it_stands_now() -> None:
    session = Session()
    first = again(session, TEXT)
    assert {d.code for d in first.diagnostics} == {"E0101", "E0203"}
    moved = again(session, "# one more line\n" + TEXT)
    for before, after in zip(first.diagnostics, moved.diagnostics, strict=True):
        assert after.primary.span.text == before.primary.span.text
        assert after.primary.span.start == before.primary.span.start + len("# one more line\n")


def test_only_what_changed_is_walked_again() -> None:
    texts = [path.read_text(encoding="utf-8") for path in example_paths()][:12]
    text = "\n\n".join(t for t in texts if '"""' in t and "use " not in t)
    session = Session()
    again(session, text)
    kept = set(session.fresh)
    again(session, text + "\n# the end\n")
    assert set(session.fresh) == kept
    again(session, text.replace("[I", "[Q", 1).replace(" I", " Q", 1))
    assert 0 < len(set(session.fresh) - kept) <= 2


def test_a_new_name_is_of_interest_to_mistakes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[str] = []

    def counted(walk: Any) -> Any:
        def counting(item: Any, *rest: Any) -> Any:
            walked.append(item.name.id)
            return walk(item, *rest)

        return counting

    for name in ("_check_cell", "check_def"):
        monkeypatch.setattr(check, name, counted(getattr(check, name)))
    session = Session()
    again(session, TEXT)
    walked.clear()
    more = TEXT + "\ndef tahm(v) = v\n"
    found = again(session, more)
    assert sorted(walked) == ["Wrong", "tahm", "unused"]
    assert told(found) == told(check_text(more, "a.cell"))
    # A line that cannot be read, and can again.
    broken = more.replace("y = x + h", "y = x + (h")
    for text in (broken, more):
        walked.clear()
        found = again(session, text)
        assert not {"Inner", "Outer", "gate"} & set(walked)
        assert told(found) == told(check_text(text, "a.cell"))
    # One that a cell has for a value of its own.
    more += "\ndef q(v) = v\n"
    walked.clear()
    found = again(session, more)
    assert "Outer" in walked and "Inner" not in walked
    assert told(found) == told(check_text(more, "a.cell"))


def test_a_change_of_a_file_that_is_used_is_seen(tmp_path: Path) -> None:
    (tmp_path / "step.cell").write_text("def twice(v) = 2 * v\n", encoding="utf-8")
    text = 'use twice from "step.cell"\n\ncell A[H]:\n    input x: [H]\n    state h: [H]\n\n'
    text += "    h' = twice(x) * h\n\n    output h'\n"
    session = Session(texts={})
    path = tmp_path / "a.cell"
    assert not again(session, text, path).diagnostics
    session.texts = {tmp_path / "step.cell": "def twice(v) = [v]\n"}
    assert again(session, text, path).has_errors
    session.texts = {}
    assert not again(session, text, path).diagnostics


def test_a_cell_around_that_reads_a_state_is_seen() -> None:
    text = "cell A[H]:\n    input x: [H]\n    state h: [H]\n    y = x\n    h' = x\n    output y\n"
    around = "cell B[H]:\n    input x: [H]\n    sub g = A[H]\n    y = g(x) + {}\n    output y\n"
    session = Session()
    assert [d.code for d in again(session, text).diagnostics] == ["W0503"]
    assert not again(session, text + around.format("g.h")).diagnostics
    assert [d.code for d in again(session, text + around.format("x")).diagnostics] == ["W0503"]
