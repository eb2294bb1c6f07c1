"""Settings, commands and targets are checked before the command line writes anything."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from celldsl.cli.main import main

DEEP = """\
cell Deep[I, H](rounds = 2, rate = 0.1, gated = true, activation = tanh):
    input x: [I]
    state h: [H]

    z = linear([x, h], H)
    for k in 0..rounds:
        z = activation(linear(z, H, bias=gated))
    h' = dropout(z, rate)

    output h'
"""
WRONG = {
    "round=3": "Deep has no round; did you mean rounds?",
    "frobnicate=relu": "Deep has no frobnicate; it has H, I, activation, gated, rate, rounds",
    "I=x": "I is a size, a whole number of at least 1, not x",
    "I=0": "I is a size, a whole number of at least 1, not 0",
    "I=true": "I is a size, a whole number of at least 1, not true",
    "rounds=0.5": "rounds is a whole number (default: 2), not 0.5",
    "rate=abc": "rate is a number (default: 0.1), not abc",
    "rate=true": "rate is a number (default: 0.1), not true",
    "gated=1": "gated is true or false (default: true), not 1",
    "activation=3": "activation is the name of a function (default: tanh), not 3",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep.cell").write_text(DEEP, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("setting", WRONG)
@pytest.mark.parametrize("command", ["compile", "show", "bench", "gradcheck", "stubs", "try"])
def test_a_wrong_setting_is_named_before_anything_is_written(
    setting: str, command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "deep.cell", "--set", setting]) == 2
    told = capsys.readouterr()
    assert f"error: --set: {WRONG[setting]}\n" in told.err
    assert "wrote" not in told.out
    assert [path.name for path in folder.iterdir()] == ["deep.cell"]


def test_right_settings_are_taken(folder: Path) -> None:
    given = ["--set", "rounds=3", "--set", "rate=0", "--set", "I=4", "--set", "gated=false"]
    assert main(["compile", "deep.cell", "--dtype", "none", *given]) == 0
    assert "'z.2.W_z'" in (folder / "deep.py").read_text(encoding="utf-8")


def test_a_misspelt_command_is_answered_with_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["cehck", "deep.cell"]) == 2
    assert "there is no command cehck; did you mean `celldsl check`?" in capsys.readouterr().err
    assert main(["frobnicate"]) == 2
    assert "there are new, list" in capsys.readouterr().err


def test_without_a_command_all_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    out = capsys.readouterr().out
    assert "compile " in out
    assert "gradcheck " in out


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("out.txt", "a module's file ends in .py"),
        ("out", "a module's file ends in .py"),
        ("class.py", "class is no name of a module"),
        ("my-cell.py", "my-cell is no name of a module"),
    ],
)
def test_a_target_that_cannot_be_a_module_is_refused(
    target: str, told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compile", "deep.cell", "-o", target]) == 2
    assert told in capsys.readouterr().err
    assert not (folder / target).exists()


def test_a_file_whose_name_no_module_has_asks_for_another(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "my-deep.cell").write_text(DEEP, encoding="utf-8")
    assert main(["compile", "my-deep.cell"]) == 2
    assert "give it another with -o" in capsys.readouterr().err


def test_standard_output_is_a_target(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "deep.cell", "-o", "-"]) == 0
    assert capsys.readouterr().out.startswith('"""Deep: made by celldsl')
    assert [path.name for path in folder.iterdir()] == ["deep.cell"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_written_through_and_stays(folder: Path) -> None:
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    assert main(["compile", "deep.cell", "-o", str(pipe)]) == 0
    reader.join()
    assert pipe.is_fifo()
    assert read[0].startswith('"""Deep: made by celldsl')


def test_the_null_device_stays_a_device(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "celldsl", "compile", "deep.cell", "-o", os.devnull],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0
    assert not Path(os.devnull).is_file()


def test_a_link_is_followed(folder: Path) -> None:
    (folder / "made").mkdir()
    (folder / "deep.py").symlink_to(folder / "made" / "real.py")
    assert main(["compile", "deep.cell", "--dtype", "none"]) == 0
    assert (folder / "deep.py").is_symlink()
    assert (folder / "made" / "real.py").read_text(encoding="utf-8").startswith('"""Deep')


RANGED = """\
cell Ranged[H](rate = 0.5, act = tanh):
    require rate < 1, "something stays"
    input x: [H]
    state h: [H]

    h' = act(rate * x + h)

    output h'
"""


@pytest.mark.parametrize("command", ["compile", "show", "gradcheck", "bench", "stubs", "try"])
@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("rate=1.5", "Ranged: something stays (requires rate < 1; with rate=1.5)"),
        ("act=foo", "act: there is no function `foo`"),
        ("act=tahn", "act: there is no function `tahn`; did you mean `tanh`?"),
    ],
)
def test_what_no_build_would_take_is_not_written(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, setting: str, told: str
) -> None:
    (folder / "ranged.cell").write_text(RANGED, encoding="utf-8")
    assert main([command, "ranged.cell", "--set", setting]) == 2
    assert f"error: --set: {told}\n" == capsys.readouterr().err
    assert not (folder / "ranged.py").exists()


def test_python_is_told_the_same_as_the_command_line(folder: Path) -> None:
    import celldsl

    (folder / "ranged.cell").write_text(RANGED, encoding="utf-8")
    built = celldsl.load("ranged.cell")
    with pytest.raises(celldsl.ArgumentError, match="act: there is no function `foo`"):
        built(H=2, act="foo")
    with pytest.raises(celldsl.ArgumentError, match="something stays"):
        built(H=2, rate=1.5)


def test_several_files_need_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "ranged.cell").write_text(RANGED, encoding="utf-8")
    files = ["deep.cell", "ranged.cell", "--dtype", "none"]
    assert main(["compile", *files, "-o", "both.py"]) == 2
    assert "2 files become 2 modules, and both.py is the name of one" in capsys.readouterr().err
    assert not (folder / "both.py").exists()
    assert main(["compile", *files, "-o", "both"]) == 0
    assert sorted(p.name for p in (folder / "both").glob("*.py")) == ["deep.py", "ranged.py"]


@pytest.mark.parametrize("name", ["numpy", "celldsl", "numba", "random", "typing"])
def test_a_module_does_not_stand_before_what_it_imports(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["compile", "deep.cell", "--dtype", "none", "-o", f"{name}.py"]) == 2
    assert f"{name}.py would stand before the module {name}" in capsys.readouterr().err
    assert not (folder / f"{name}.py").exists()
    package = folder / "cells"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    assert main(["compile", "deep.cell", "--dtype", "none", "-o", f"cells/{name}.py"]) == 0


@pytest.mark.parametrize("name", ["class", "param", "True", "state", "inf"])
def test_no_cell_is_called_as_a_word_is(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["new", name]) == 2
    told = capsys.readouterr().err
    assert f"{name} is a word of the language or of Python" in told
    better = told.rpartition(" ")[2].strip()
    assert main(["new", better]) == 0
    assert main(["check", f"{better.lower()}.cell"]) == 0


def test_warnings_at_the_command_line_are_sentences(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import warnings

    (folder / "gru.cell").write_text(RANGED, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(["diff", "gru", "lstm"]) == 0
    told = capsys.readouterr().err
    assert told.startswith("warning: gru: this is gru.cell in the current folder")
    assert "Warning:" not in told
