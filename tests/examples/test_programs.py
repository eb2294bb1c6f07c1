"""The programs of examples/, as people run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="the digits come with scikit-learn: pip install -e .[test]")
pytest.importorskip("matplotlib", reason="matplotlib draws the picture: pip install -e .[test]")

TOP = Path(__file__).parents[2]
EXAMPLES = TOP / "examples"
MISTAKE = """\
cell Wrong[I, H]:
    input x: [I]
    state h: [H]

    h' = linear(x, I)

    output h'
"""


def run(program: str, *arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / program), *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(TOP), "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_gru_reads_digits(tmp_path: Path) -> None:
    done = run("train_digits.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    # No progress bar: this is not a terminal.
    assert done.stderr == ""
    right, of = re.findall(r"(\d+) of (\d+) test digits read correctly", done.stdout)[0]
    assert int(of) == 360
    assert int(right) / int(of) >= 0.96
    assert (tmp_path / "digits.png").read_bytes().startswith(b"\x89PNG")


def test_two_runs_are_the_same(tmp_path: Path) -> None:
    said = [
        run("train_digits.py", "--epochs", 2, "--out", name, folder=tmp_path).stdout.splitlines()
        for name in ("a.png", "b.png")
    ]
    assert re.sub(" in .*", "", said[0][-1]) == re.sub(" in .*", "", said[1][-1])
    assert "test digits" in said[0][-1]


def test_a_language_model_of_a_text(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("one two three four five six seven " * 400, encoding="utf-8")
    done = run(
        "char_lm.py", "text.txt", "--steps", 500, "--hidden", 32, "--batch", 8,
        "--length", 16, "--sample", 60, "--prompt", "one ", folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    bits = [float(b) for b in re.findall(r"([\d.]+) bits per character", done.stdout)]
    assert bits[-1] < 0.5 < bits[0]
    assert len(done.stdout.rpartition(":\n\n")[2]) == len("one ") + 60 + len("\n")
    assert "three four five" in done.stdout.rpartition(":\n\n")[2]


@pytest.mark.parametrize("program", ["train_digits.py", "char_lm.py"])
def test_a_wrong_cell_is_explained(program: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.cell").write_text(MISTAKE, encoding="utf-8")
    option = ["--cell"] if program == "char_lm.py" else []
    for name, said in (("wrong.cell", "wrong.cell:5"), ("missing.cell", "missing.cell: No such")):
        done = run(program, *option, name, folder=tmp_path)
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr


LOOP = """\
cell Deep[I, H, K]:
    input x: [I]
    state h: [H]

    z = linear([x, h], H)
    for k in 0..K:
        z = tanh(linear(z, H))
    h' = z

    output h'
"""
IMAGES = """\
cell Images[C, Y]:
    input x: [C, Y]
    state s: [C, Y]

    s' = 0.5 * s + x

    output s'
"""
WHOLE = """\
cell Whole[V, H]:
    input x: int[V]
    state h: [H]

    h' = tanh(linear([one_hot(x, V), h], H))

    output h'
"""
WIDE = """\
cell Wide[H]:
    input x: [2*H]
    state h: [H]

    h' = tanh(linear([x, h], H))

    output h'
"""


@pytest.mark.parametrize("program", ["train_digits.py", "char_lm.py"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LOOP, "Deep asks for K, which decides its structure"),
        (IMAGES, "the input x of Images is [C, Y]; the examples feed a vector"),
        (WHOLE, "the input x of Whole is int[V]; the examples feed a vector of real numbers"),
        (WIDE, "the input x of Wide is [2*H]; this example feeds"),
    ],
    ids=["loop", "images", "whole", "wide"],
)
def test_a_cell_of_another_kind_is_told_what_is_needed(
    program: str, text: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "other.cell").write_text(text, encoding="utf-8")
    option = ["--cell"] if program == "char_lm.py" else []
    done = run(program, *option, "other.cell", folder=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


NAN = """\
cell Nan[I, H]:
    input x: [I]
    state h: [H]

    z  = linear([x, h], H)
    h' = tanh(log(z))

    output h'
"""


@pytest.mark.parametrize("program", ["train_digits.py", "char_lm.py"])
def test_training_stops_where_a_value_is_no_number(program: str, tmp_path: Path) -> None:
    (tmp_path / "nan.cell").write_text(NAN, encoding="utf-8")
    (tmp_path / "text.txt").write_text("to be or not to be, " * 200, encoding="utf-8")
    arguments = ["nan.cell", "--epochs", 1]
    if program == "char_lm.py":
        arguments = ["text.txt", "--cell", "nan.cell", "--steps", 2, "--batch", 2, "--length", 8]
    done = run(program, *arguments, folder=tmp_path)
    assert done.returncode == 1
    assert "training stopped" in done.stderr
    assert "Nan: not finite first at step 0, row 0 in `h' = tanh(log(z))` (line 6)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "digits.png").exists()


def test_a_text_that_is_too_short(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("short", encoding="utf-8")
    done = run("char_lm.py", "text.txt", folder=tmp_path)
    assert done.returncode == 1
    assert "too short" in done.stderr


def test_a_controller_learns_to_balance(tmp_path: Path) -> None:
    done = run("balance.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^balanced after \d+ generations$", done.stdout, re.MULTILINE)
    done = run("balance.py", "--compare", folder=tmp_path)
    assert re.match(r"a step takes [\d.]+ µs in compiled code, [\d.]+ µs from Python", done.stdout)
