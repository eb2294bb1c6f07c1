"""What `check` warns of, Python hears too; a mark in the file silences it for both."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path

import pytest

import celldsl
import celldsl.importer
from celldsl.cli.main import main

BIASES = """\
cell Biases[I, H]:
    input x: [I]
    state h: [H]

    z = linear([x, h], H)
    h' = tanh(z + linear(h, H)){mark}

    output h'
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CELLDSL_CACHE_DIR", str(tmp_path / "cache"))
    path = tmp_path / "biases.cell"
    path.write_text(BIASES.format(mark=""), encoding="utf-8")
    return path


def caught(path: Path) -> list[warnings.WarningMessage]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        celldsl.load(path)
    return [each for each in found if issubclass(each.category, celldsl.CellWarning)]


def test_a_load_warns_with_place_and_text_and_so_does_the_cached_module(place: Path) -> None:
    for _ in range(2):
        (found,) = caught(place)
        assert str(found.message).startswith("W0504: the bias `h.b` adds to `z.b`")
        assert "write `bias=false`" in str(found.message)
        assert (found.filename, found.lineno) == (str(place), 6)


def test_by_default_it_is_shown_once(place: Path) -> None:
    celldsl.load(place)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        celldsl.load(place)
        celldsl.load(place)
    assert len(found) == 1


def test_filters_work_on_it(place: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", celldsl.CellWarning)
        with pytest.raises(celldsl.CellWarning, match="W0504"):
            celldsl.load(place)
        warnings.filterwarnings("ignore", "W0504", celldsl.CellWarning)
        celldsl.load(place)


def test_a_source_and_an_import_warn_too(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.warns(celldsl.CellWarning, match="W0504"):
        celldsl.compile_source(place.read_text(encoding="utf-8"))
    monkeypatch.syspath_prepend(str(place.parent))
    celldsl.importer.install()
    with pytest.warns(celldsl.CellWarning, match="W0504"):
        importlib.import_module("biases")


@pytest.mark.parametrize("mark", ["W0504", " W0504 ", "W0501, W0504", "W0504] # why [it"])
def test_a_mark_on_the_line_silences_it(
    mark: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place.write_text(BIASES.format(mark=f"  # celldsl: ignore[{mark}]"), encoding="utf-8")
    assert [str(each.message)[:5] for each in caught(place)] == (
        ["W0509"] if "W0501" in mark else []
    )
    main(["check", str(place)])
    assert "warning[W0504]" not in capsys.readouterr().out


def test_a_mark_may_stand_after_other_words(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place.write_text(BIASES.format(mark="  # both, celldsl: ignore[W0504]"), encoding="utf-8")
    main(["check", "--strict", str(place)])
    assert "warning" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        ("[W0501]", "there is no W0501 to ignore on this line"),
        ("[E0203]", "`E0203` is no warning"),
        ("", "this names no warning"),
    ],
)
def test_a_mark_that_silences_nothing_is_told(
    mark: str, told: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place.write_text(BIASES.format(mark=f"  # celldsl: ignore{mark}"), encoding="utf-8")
    assert main(["check", "--strict", str(place)]) == 1
    assert told in capsys.readouterr().out


def test_words_in_a_string_are_no_mark(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = BIASES.format(mark="").replace(":\n", ':\n    """# celldsl: ignore[W0504]"""\n', 1)
    place.write_text(text, encoding="utf-8")
    main(["check", str(place)])
    out = capsys.readouterr().out
    assert "W0504" in out
    assert "W0509" not in out
