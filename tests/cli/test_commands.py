"""Commands through `main`: what they print, write and return."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import celldsl
import celldsl.pipeline
from celldsl.cli.main import COMMANDS, main
from celldsl.cli.sample import sample_cell
from celldsl.diagnostics.catalogue import CATALOGUE
from celldsl.runtime.gradcheck import check_gradients
from tests.runtime.made import Generator

GOOD = """cell Leak[H]:
    input x: [H]
    state h: [H]

    h' = 0.5 * h + x

    output h'
"""
LOOSE = GOOD.replace("0.5 * h", "0.5*h")
BAD = GOOD.replace("+ x", "+ y")


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CELLDSL_CACHE_DIR", str(tmp_path / ".cache"))
    monkeypatch.setenv("NO_COLOR", "1")
    for name, text in (("good", GOOD), ("loose", LOOSE), ("bad", BAD)):
        (tmp_path / f"{name}.cell").write_text(text)
    return tmp_path


def test_check_says_nothing_of_a_good_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "good.cell"]) == 0
    assert capsys.readouterr().out == ""


def test_check_reports_every_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "bad.cell", "none.cell", "good.cell"]) == 1
    out = capsys.readouterr().out
    assert "bad.cell:5:20" in out
    assert "cannot read `none.cell`: No such file" in out
    assert "2 errors" in out


def test_check_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json", "bad.cell"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["line"], found["column"], found["severity"]) == (5, 20, "error")
    assert main(["check", "--json", "good.cell"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_fmt_writes_the_layout(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fmt", "--check", "loose.cell"]) == 1
    assert "would change loose.cell" in capsys.readouterr().err
    assert main(["fmt", "--diff", "loose.cell"]) == 1
    assert "+    h' = 0.5 * h + x" in capsys.readouterr().out
    assert (folder / "loose.cell").read_text() == LOOSE
    assert main(["fmt", "loose.cell"]) == 0
    assert (folder / "loose.cell").read_text() == GOOD
    assert main(["fmt", "--check", "loose.cell", "good.cell"]) == 0


def test_fmt_touches_nothing_when_a_file_has_errors(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.cell").write_text("cell (")
    assert main(["fmt", "loose.cell", "broken.cell"]) == 1
    assert "broken.cell:1" in capsys.readouterr().err
    assert (folder / "loose.cell").read_text() == LOOSE


def test_fmt_reads_stdin(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "celldsl", "fmt", "-"],
        input=LOOSE,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(celldsl.__file__).parent.parent), "HOME": str(folder)},
    )
    assert done.stdout == GOOD


def test_show_gives_shapes_and_the_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "good.cell", "--set", "H=4"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Leak[H]\n")
    assert "    x  [H]  (4,)" in out
    assert out.endswith("0 parameters\n")
    assert main(["show", "good.cell", "--set", "K=4"]) == 2
    assert "Leak has no K" in capsys.readouterr().err


def test_show_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    for stage in ("--ir", "--gradient"):
        assert main(["show", "good.cell", stage]) == 0
        assert "program Leak" in capsys.readouterr().out
    assert main(["show", "bad.cell"]) == 1
    assert "bad.cell:5:20" in capsys.readouterr().err


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "e0014"]) == 0
    assert CATALOGUE["E0014"].explanation.strip() in capsys.readouterr().out
    assert main(["explain"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(CATALOGUE)
    assert main(["explain", "E9999"]) == 1
    assert "no code E9999" in capsys.readouterr().err


def test_new_begins_from_a_cell(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "lib").mkdir()
    (folder / "lib" / "leak.cell").write_text(f'"""A leak."""\n\n{GOOD}')
    monkeypatch.setattr("celldsl.zoo_index.examples_folder", lambda: folder / "lib")
    assert main(["new", "Mine", "--like", "leak"]) == 0
    assert "cell Mine[H]:" in (folder / "mine.cell").read_text()
    assert main(["new", "Mine", "--like", "leak"]) == 1
    assert "mine.cell exists already" in capsys.readouterr().err
    assert main(["new", "Other", "--like", "nothing"]) == 2
    assert main(["new", "../x", "--like", "leak"]) == 2


def test_compile_writes_modules(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = Generator()
    monkeypatch.setattr(celldsl.pipeline, "generate_module", generator)
    (folder / "tiny.cell").write_text("cell Tiny")
    assert main(["compile", "tiny.cell", "--dtype", "both", "--set", "activation=relu"]) == 0
    assert "class Tiny(Cell)" in (folder / "tiny.py").read_text()
    assert capsys.readouterr().out == "wrote tiny.py\nwrote tiny.pyi\n"
    assert generator.structures == [{"activation": "relu"}]
    assert main(["compile", "tiny.cell", "-o", "out/", "--dtype", "none"]) == 0
    assert (folder / "out" / "tiny.py").is_file()
    assert main(["compile", "tiny.cell", "-o", "named.py", "--dtype", "none"]) == 0
    assert (folder / "named.py").is_file()
    assert "tiny" not in sys.modules


def test_compile_writes_nothing_when_a_file_has_errors(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.py").write_text("mine")
    assert main(["compile", "good.cell", "bad.cell", "none.cell"]) == 1
    err = capsys.readouterr().err
    assert "bad.cell:5:20" in err
    assert "cannot read `none.cell`" in err
    assert (folder / "bad.py").read_text() == "mine"
    assert not (folder / "good.py").exists()


TINY = """\
cell Tiny[I, H](act = tanh):
    input x: [I]
    state h: [H]

    h' = act(linear([x, h], H)){more}

    output h'
"""


def test_gradcheck_counts_every_array(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "tiny.cell").write_text(TINY.format(more=""))
    assert main(["gradcheck", "tiny.cell", "--set", "H=3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = ("h.W_x", "h.W_h", "h.b", "x", "h", "[5,", "5", "after", "before")
    assert [line.split()[:1] + line.split()[3:4] for line in lines] == [["ok", n] for n in names]
    assert main(["gradcheck", "tiny.cell", "--tolerance", "0"]) == 1
    assert "WRONG" in capsys.readouterr().out
    assert main(["gradcheck", "tiny.cell", "--set", "bogus=3"]) == 2
    assert "Tiny has no bogus; it has H, I, act" in capsys.readouterr().err


def worst_by_differences(file: str) -> float:
    cell = sample_cell(celldsl.load(file), {})
    return max(found.error for found in check_gradients(cell))


@pytest.mark.parametrize(
    "more", [" + stop_gradient(h)", " * surrogate(step(h), sigmoid(4 * h))"], ids=["stop", "path"]
)
def test_gradcheck_knows_what_stops_or_changes_a_gradient(
    more: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "tiny.cell").write_text(TINY.format(more=more))
    assert main(["gradcheck", "tiny.cell", "--set", "act=sigmoid"]) == 0
    assert "WRONG" not in capsys.readouterr().out
    # By differences it would be wrong, so something is checked.
    assert worst_by_differences("tiny.cell") > 1e-3


BENT = """cell Bent[H]:
    input x: [H]
    state h: [H]
    param w: [H] = zeros
    h' = tanh(x + relu(w * x))
    output h'
"""


def test_gradcheck_knows_what_the_language_says_of_kinks(folder: Path) -> None:
    (folder / "bent.cell").write_text(BENT)
    assert main(["gradcheck", "bent.cell"]) == 0
    assert worst_by_differences("bent.cell") > 1e-3


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"example:\n  celldsl {command}" in capsys.readouterr().out


def test_the_command_line_may_be_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in ([], ["bogus"], ["check"], ["check", "--bogus", "x"]):
        assert main(argv) == 2
    assert main(["--bogus"]) == 2
    assert "unrecognized arguments: --bogus" in capsys.readouterr().err
    assert main(["show", "good.cell", "--set", "H"]) == 2
    assert "expected NAME=VALUE" in capsys.readouterr().err
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"celldsl {celldsl.__version__}\n"


@pytest.mark.parametrize(
    "argv",
    [[name] for name in ("fmt", "show", "gradcheck", "inspect", "bench", "stubs", "try")]
    + [["diff", "gru"], ["list", "--like"]],
    ids=lambda argv: argv[0],
)
@pytest.mark.parametrize("place", [".", "/"])
def test_a_folder_is_no_cell(
    argv: list[str], place: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*argv, place]) == 1
    assert "Is a directory" in capsys.readouterr().err


def test_compile_names_the_files_of_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "."]) == 1
    assert "error: . is a folder; name its files: *.cell" in capsys.readouterr().err


def test_a_bug_of_ours_is_said_to_be_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("oh")

    monkeypatch.setattr(celldsl.pipeline, "check_file", broken)
    assert main(["check", "good.cell"]) == 3
    err = capsys.readouterr().err
    assert "has a bug: RuntimeError: oh" in err
    assert "report it" in err
    assert "Traceback" not in err
    monkeypatch.setenv("CELLDSL_DEBUG", "1")
    assert main(["check", "good.cell"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_check_loads_neither_numpy_nor_numba(folder: Path) -> None:
    code = (
        "import sys\nfrom celldsl.cli.main import main\nstatus = main(['check', 'good.cell'])\n"
        "print(status, [m for m in ('numpy', 'numba') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(celldsl.__file__).parent.parent), "HOME": str(folder)},
    )
    assert done.stdout == "0 []\n"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (["gradcheck", "good.cell", "--steps", "0"], "a whole number, 1 or more, not 0"),
        (["gradcheck", "good.cell", "--batch", "-2"], "a whole number, 1 or more, not -2"),
        (["gradcheck", "good.cell", "--seed", "-1"], "a whole number, not below 0, not -1"),
        (["gradcheck", "good.cell", "--tolerance", "nan"], "a number, 0 or more, not nan"),
        (["show", "good.cell", "--plan", "--steps", "0"], "a whole number, 1 or more, not 0"),
        (["bench", "good.cell", "--threads", "0"], "a whole number, 1 or more, not 0"),
        (["bench", "good.cell", "--seconds", "inf"], "a number, 0 or more, not inf"),
        (["inspect", "good.cell", "--row", "-1"], "a whole number, not below 0, not -1"),
        (["check", "--wacth", "good.cell"], "check has no option --wacth; did you mean --watch?"),
        (["fmt", "good.cell", "--zzz"], "fmt has no option --zzz; there are "),
        (["good.cell"], "a command comes first: `celldsl check good.cell`"),
        (["compile", "good.cell", "-o", ""], "--output: the name is empty"),
    ],
)
def test_a_command_line_that_is_wrong_says_what_to_write(
    given: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(given) == 2
    assert why in capsys.readouterr().err


def test_help_is_a_command_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    assert "begin a cell" in capsys.readouterr().out
    assert main(["help", "check"]) == 0
    assert "celldsl check" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_device_that_is_full_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "good.cell", "--target", "torch", "-o", "/dev/full"]) == 1
    assert "error: /dev/full: No space left on device" in capsys.readouterr().err
