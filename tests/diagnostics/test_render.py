"""The layout of a message, to the column."""

from __future__ import annotations

import io
import json

import pytest

from celldsl.diagnostics.diagnostic import Diagnostic, Fix, Label
from celldsl.diagnostics.render import render_json, render_text, wants_color
from celldsl.diagnostics.span import Source, Span

TEXT = """\
cell GRU[I, H]:
    input x: [I]
    state h: [H]

    r = x
    a = x
    u = sigmoid(linear([x, h], 2*H, bias=1.0))
    h' = u * h + (1 - u) * c
"""


def span(text: str, part: str, source: str = "gru.cell") -> Span:
    start = text.index(part)
    return Span(Source(source, text), start, start + len(part))


def test_language_reference_example() -> None:
    source = Source("gru.cell", TEXT)
    at, other = TEXT.index("u * h"), TEXT.index("u = sig")
    diagnostic = Diagnostic(
        "E0203",
        "shapes do not match in `u * h`",
        Label(Span(source, at, at + 5), "`u` is [2*H], `h` is [H]"),
        (Label(Span(source, other, other + 1), "`u` is [2*H] because of `2*H` here"),),
        "split it first: `r, u = split(…, 2)`",
    )
    assert render_text(diagnostic) == (
        "error[E0203]: shapes do not match in `u * h`\n"
        "  --> gru.cell:8:10\n"
        "   |\n"
        " 7 |     u = sigmoid(linear([x, h], 2*H, bias=1.0))\n"
        "   |     - `u` is [2*H] because of `2*H` here\n"
        " 8 |     h' = u * h + (1 - u) * c\n"
        "   |          ^^^^^ `u` is [2*H], `h` is [H]\n"
        "   |\n"
        " help: split it first: `r, u = split(…, 2)`"
    )


@pytest.mark.parametrize(
    ("line", "part", "row"),
    [
        ("a\tb", "b", "     ^"),
        ("漢字 b", "b", "     ^"),
        ("漢字 b", "字", "  ^^"),
        ("e\u0301 b", "b", "  ^"),
        ("\x1b[31m b", "b", "      ^"),
    ],
)
def test_carets_stand_under_the_text(line: str, part: str, row: str) -> None:
    rendered = render_text(Diagnostic("E0005", "m", Label(span(line, part))))
    assert rendered.splitlines()[-1] == "   | " + row
    assert "\x1b" not in rendered


def test_long_line_is_cut_around_the_mark() -> None:
    line = "a + " * 200 + "here" + " + a" * 200
    *_, shown, row = render_text(Diagnostic("E0005", "m", Label(span(line, "here")))).splitlines()
    assert len(shown) < 130
    assert shown[row.index("^") :].startswith("here")
    assert row.count("^") == 4


def test_label_in_another_file() -> None:
    other = Label(span("use A\n", "A", "other.cell"), "from here")
    rendered = render_text(Diagnostic("E0301", "m", Label(span(TEXT, "x: [I]")), (other,)))
    assert "  ::: other.cell:1:5\n   |\n 1 | use A\n   |     - from here" in rendered


def test_file_without_text_has_no_excerpt() -> None:
    nowhere = Span(Source("no.cell", ""), 0, 0)
    rendered = render_text(Diagnostic("E0001", "cannot read `no.cell`", Label(nowhere)))
    assert rendered == "error[E0001]: cannot read `no.cell`\n  --> no.cell"


def test_color_paints_and_changes_nothing_else() -> None:
    diagnostic = Diagnostic("W0501", "m", Label(span(TEXT, "r"), "why"), help="do")
    painted = render_text(diagnostic, color=True)
    for code in ("1;33", "1;34", "1", "0"):
        assert f"\x1b[{code}m" in painted
        painted = painted.replace(f"\x1b[{code}m", "")
    assert painted == render_text(diagnostic)


def test_color_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert wants_color(Terminal())
    assert not wants_color(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_color(Terminal())


def test_json_has_the_same_facts() -> None:
    place = span(TEXT, "u * h")
    diagnostic = Diagnostic("E0203", "m", Label(place, "l"), (), "h", Fix(place, "r"))
    (facts,) = json.loads(render_json([diagnostic]))
    assert facts["code"] == "E0203"
    assert facts["severity"] == "error"
    assert (facts["line"], facts["column"], facts["end_line"], facts["end_column"]) == (
        8,
        10,
        8,
        15,
    )
    assert facts["fix"]["replacement"] == "r"
    assert facts["help"] == "h"
