"""Finding a cell that comes along, and starting from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import celldsl
from celldsl.cli.main import main
from celldsl.zoo_index import class_name, read_catalogue, read_index
from tests.cells import EVERY


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(arguments) == status
    found = capsys.readouterr()
    return found.err if status else found.out


def test_list_has_every_cell_by_family(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "list")
    lines = [line.split()[0] for line in text.splitlines() if line.startswith("  ")]
    assert sorted(lines) == sorted(EVERY)
    assert "basics: Plain networks" in text
    assert "[3*H*I + 3*H*H + 3*H; with all dims H: 6*H*H + 3*H]" in text
    assert "gru " in said(capsys, "list", "basics")
    assert "leaky" not in said(capsys, "list", "basics")


def test_list_finds_words(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "list", "--grep", "PEEPHOLE")
    assert "peephole_lstm" in text
    assert "\n  rnn " not in text
    lines = said(capsys, "list", "--grep", "Jaeger").splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("  echo_state "))
    assert lines[place + 1].startswith("      ")
    assert "Jaeger" in lines[place + 1]
    assert "no cell has 'nothing at all'" in said(
        capsys, "list", "--grep", "nothing at all", status=1
    )


def test_list_tells_relatives_apart(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    text = said(capsys, "list", "--like", "lstm")
    assert "packed_lstm:\n    f: a trained bias begins at 1 in LSTM; 1 is added" in text
    (folder / "mine.cell").write_text(EVERY["gru"].read_text(encoding="utf-8"))
    assert "gru: the same equations" in said(capsys, "list", "--like", "mine.cell")


def test_what_is_not_known_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no family spikin; did you mean spiking?" in said(capsys, "list", "spikin", status=2)
    assert "`celldsl list --grep gru` looks for a word" in said(capsys, "list", "gru", status=2)
    assert "did you mean gru?" in said(capsys, "list", "--like", "grv", status=1)
    assert "did you mean gru?" in said(capsys, "new", "Mine", "--like", "grv", status=2)
    with pytest.raises(AttributeError, match="did you mean GRU"):
        _ = celldsl.zoo.GRV
    with pytest.raises(FileNotFoundError, match=r"^grv: no such .*did you mean gru\?$"):
        celldsl.load("grv")
    with pytest.raises(celldsl.ArgumentError, match=r"text of a cell; .*compile_source"):
        celldsl.load("cell A[I]:\n")
    for name in ("peephole-lstm", "Peephole LSTM"):
        with pytest.raises(FileNotFoundError, match="did you mean peephole_lstm"):
            celldsl.load(name)


def test_new_begins_a_file(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    said(capsys, "new", "mycell", "--like", "ntm")
    assert class_name(folder / "mycell.cell") == "mycell"
    assert main(["check", "mycell.cell"]) == 0
    assert main(["new", "my-cell.cell"]) == 2
    assert "a letter first; my_cell would do" in capsys.readouterr().err


def test_diff_says_how_two_differ(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    text = said(capsys, "diff", "gru", "cudnn_gru")
    assert "the reset comes before the product in GRU, after it in CudnnGRU" in text
    assert "    CudnnGRU  linear(x) + " in text
    (folder / "wrong.cell").write_text("cell A[H]\n")
    assert "wrong.cell:1" in said(capsys, "diff", "gru", "wrong.cell", status=1)
    text = EVERY["rnn"].read_text(encoding="utf-8")
    (folder / "own.cell").write_text(text.replace("= tanh)", "= relu)"), encoding="utf-8")
    assert ": tanh in rnn, relu in own.cell" in said(capsys, "diff", "rnn", "own.cell")
    assert said(capsys, "diff", "lstm", "lstm") == "LSTM and LSTM have the same equations\n"


def test_a_name_without_a_suffix_is_a_cell_that_comes_along(folder: Path) -> None:
    assert celldsl.load("gru").__name__ == "GRU"
    (folder / "gru.cell").write_text(EVERY["rnn"].read_text(encoding="utf-8"))
    with pytest.warns(UserWarning, match=r"gru: this is gru\.cell in the current folder"):
        assert celldsl.load("gru").__name__ == "RNN"


def test_the_zoo_has_a_class_for_each_file() -> None:
    assert dir(celldsl.zoo) == sorted(class_name(path) for path in EVERY.values())
    assert "Cho et al., 2014" in str(celldsl.zoo.GRU.__doc__)
    assert celldsl.zoo.GRU(I=2, H=3).params["c.W_x"].shape == (2, 3)


def test_looking_around_in_the_zoo_makes_nothing() -> None:
    code = "import celldsl, sys; dir(celldsl.zoo); print('celldsl.pipeline' in sys.modules)"
    root = Path(celldsl.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout == "False\n"


def test_the_catalogue_has_every_cell() -> None:
    assert list(read_catalogue()) == list(read_index().cells)
