"""Text at the edges: encodings, names that are no text, closed streams, files that are missing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.places.place import CELL, run, said

GREEK = CELL.replace("Tiny", "Ψ").replace("h' =", "# the state's σ\n    h' =")
WRONG = GREEK.replace("H))\n\n    output", "I))\n\n    output")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "greek.cell").write_text(GREEK, encoding="utf-8")
    (tmp_path / "wrong.cell").write_text(WRONG, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_what_a_terminal_cannot_show_is_escaped(encoding: str, folder: Path) -> None:
    (folder / "loose.cell").write_text(GREEK.replace("h' =", "h'  ="), encoding="utf-8")
    done = run(["-m", "celldsl", "fmt", "--diff", "loose.cell"], folder, PYTHONIOENCODING=encoding)
    assert "# the state's \\u03c3" in done.stdout
    assert not done.stderr
    done = run(["-m", "celldsl", "check", "wrong.cell"], folder, PYTHONIOENCODING=encoding)
    assert done.returncode == 1
    assert "error[E0" in done.stdout and not done.stderr


def test_files_on_standard_output_are_utf_8_all_the_same(folder: Path) -> None:
    command = f"{sys.executable} -m celldsl compile greek.cell --dtype none -o - > out.py"
    code = f"import os, sys; sys.exit(os.system({command!r}) != 0)"
    assert said(run(code, folder, PYTHONIOENCODING="ascii")) == ""
    assert "Ψ" in (folder / "out.py").read_text(encoding="utf-8")


PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("command", ["show greek.cell --source", "check --fix -", "fmt -"])
def test_streams_are_utf_8_in_any_locale(command: str, folder: Path) -> None:
    """What is read from standard input, and what goes to a file by standard output."""
    found = []
    for number, environment in enumerate((PLAIN, {"PYTHONUTF8": "1"})):
        line = f"{sys.executable} -m celldsl {command} < greek.cell > out{number}"
        code = f"import os, sys; sys.exit(os.system({line!r}) != 0)"
        assert said(run(code, folder, **environment)) == ""
        found.append((folder / f"out{number}").read_text(encoding="utf-8"))
    assert found[0] == found[1]
    assert "Ψ" in found[0] and "\\u" not in found[0]


@pytest.mark.parametrize("command", ["check", "fmt"])
def test_standard_input_that_is_no_text(command: str, folder: Path) -> None:
    (folder / "bytes").write_bytes(CELL.encode().replace(b"Tiny", b"T\xff"))
    for given, why in (("< bytes", "not UTF-8: byte 0xff"), ("<&-", "standard input is closed")):
        line = f"{sys.executable} -m celldsl {command} - {given} 2>&1"
        done = run(f"import os; print(os.waitstatus_to_exitcode(os.system({line!r})))", folder)
        told = said(done)
        assert why in told and told.endswith("\n1")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text here")
def test_names_that_are_not_utf_8(folder: Path) -> None:
    odd = os.fsencode(folder) + b"/caf\xe9"
    Path(os.fsdecode(odd)).mkdir()
    for name in (b"tiny.cell", b"ti\xe9.cell"):
        Path(os.fsdecode(odd + b"/" + name)).write_text(CELL, encoding="utf-8")
    code = (
        "import os, sys\nimport celldsl\nfrom celldsl.cli.main import main\n"
        "for name in sorted(os.listdir()):\n"
        "    assert celldsl.load(name)(I=2, H=3).dims == {'I': 2, 'H': 3}\n"
        "    assert main(['check', name]) == main(['fmt', '--check', name]) == 0\n"
        "    assert main(['compile', name, '-o', 'made.py', '--dtype', 'none']) == 0\n"
        "print(len(open('made.py', encoding='utf-8').read()) > 100)\n"
    )
    done = run(f"import os; os.chdir({os.fsdecode(odd)!r})\n{code}", folder)
    assert said(done).splitlines()[-1] == "True"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_bug(closed: str, folder: Path) -> None:
    for name, status in (("greek", 0), ("wrong", 1)):
        command = f"{sys.executable} -m celldsl check {name}.cell {closed}"
        done = run(f"import os; print(os.waitstatus_to_exitcode(os.system({command!r})))", folder)
        assert said(done).splitlines()[-1] == str(status), done.stderr


def test_a_missing_file_whose_cell_comes_along(folder: Path) -> None:
    done = run(["-m", "celldsl", "compile", "examples/basics/gru.cell", "-o", "gru.py"], folder)
    assert done.returncode == 1
    assert "cannot read `examples/basics/gru.cell`" in done.stderr
    assert "`celldsl new Mine --like gru` writes it to mine.cell" in done.stderr
    assert "wrote mine.cell" in said(run(["-m", "celldsl", "new", "Mine", "--like", "gru"], folder))
