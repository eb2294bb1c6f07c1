"""`celldsl check` over files, folders and standard input; fixes; formats; watching."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from celldsl.cli.commands import check
from celldsl.cli.main import main

GOOD = """cell Good[H]:
    input x: [H]
    state h: [H]

    h' = 0.5 * h + x

    output h'
"""
# One name is spelled wrong, and a comparison is written as an assignment never is.
BAD = GOOD.replace("0.5 * h + x", "sigmoid(xx) + tnah(h)").replace("x: [H]", "xy: [H]")


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "cells" / "deep").mkdir(parents=True)
    (tmp_path / "cells" / ".hidden").mkdir()
    (tmp_path / "cells" / "good.cell").write_text(GOOD)
    (tmp_path / "cells" / "deep" / "bad.cell").write_text(BAD)
    (tmp_path / "cells" / ".hidden" / "bad.cell").write_text(BAD)
    return tmp_path


def test_a_folder_is_all_cells_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "cells"]) == 1
    out = capsys.readouterr().out
    assert out.count("--> bad.cell") == 2
    assert main(["check", "cells/.hidden/.."]) == 1
    capsys.readouterr()
    Path("empty").mkdir()
    assert main(["check", "empty"]) == 1
    assert "no .cell file is in this folder" in capsys.readouterr().err


def standing(text: str) -> io.TextIOWrapper:
    """A text on standard input."""
    return io.TextIOWrapper(io.BytesIO(text.encode()))


def test_standard_input_is_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", standing(BAD))
    assert main(["check", "-"]) == 1
    assert "--> <stdin>:5:" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", standing(GOOD))
    assert main(["check", "-"]) == 0


def test_fixes_are_written_until_none_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    path = Path("cells/deep/bad.cell")
    assert main(["check", "--fix", "cells"]) == 0
    caught = capsys.readouterr()
    assert "fixed 2 problems" in caught.err
    assert "sigmoid(xy) + tanh(h)" in path.read_text()
    assert Path("cells/.hidden/bad.cell").read_text() == BAD
    assert main(["check", "--fix", "cells"]) == 0
    assert capsys.readouterr().err == ""


def test_fixed_standard_input_goes_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", standing(BAD))
    assert main(["check", "--fix", "-"]) == 0
    assert capsys.readouterr().out == BAD.replace("xx", "xy").replace("tnah", "tanh")


def test_formats(capsys: pytest.CaptureFixture[str]) -> None:
    name = "cells/deep/bad.cell"
    assert main(["check", "--output-format", "json", name]) == 1
    assert {found["line"] for found in json.loads(capsys.readouterr().out)} == {5}
    assert main(["check", "--output-format", "github", name]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("::error file=bad.cell,line=5,col=") for line in lines)
    assert main(["check", "--output-format", "github", "cells/good.cell"]) == 0
    assert capsys.readouterr().out == ""


def test_watching_checks_again_after_a_change(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path("cells/good.cell")
    rounds = []

    def sleep(seconds: float) -> None:
        rounds.append(seconds)
        if len(rounds) == 1:
            path.write_text(BAD + "# longer\n")
            import os

            os.utime(path, ns=(1, 1))
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    assert main(["check", "--watch", str(path)]) == 130
    assert "2 errors" in capsys.readouterr().out
    assert main(["check", "--watch", "-"]) == 2
    assert check.PAUSE < 1
