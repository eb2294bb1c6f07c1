"""`celldsl try`: cells learn side by side; what does not fit is told in one message."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from celldsl.cli.main import main
from celldsl.cli.trial.asked_tasks import task_named
from celldsl.cli.trial.model import Model

QUICK = ["--seeds", "1", "--minutes", "1", "--updates", "24", "--parameters", "150"]


def tried(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["try", *arguments])
    caught = capsys.readouterr()
    return status, caught.out, caught.err


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A noisy wave, which is easier to foretell from several rows than from the last."""
    path = tmp_path_factory.mktemp("series") / "wave.csv"
    t = np.arange(600)
    noise = np.random.default_rng(0).normal(size=600) * 0.02
    rows = zip(np.sin(t * 0.9) + noise, np.cos(t * 0.45), strict=True)
    lines = [f"2026-01-01,{a:.5f},{b:.5f}" for a, b in rows]
    path.write_text("\n".join(["day,a,b", *lines]), encoding="utf-8")
    return path


def test_cells_are_compared_in_a_table_and_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = tried(capsys, "rnn", "--against", "none", *QUICK, "--profile")
    assert status == 0
    assert err == ""
    assert "adding at T=100; learned is an error below 0.02" in out
    assert "rnn does not learn adding at T=100 in 24 updates" in out
    assert "100.0%  line" in out


def test_a_table_of_numbers_is_a_task(
    series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--task", str(series), "--against", "none", "--seeds", "1", "--minutes", "1"]
    arguments += ["--updates", "240", "--parameters", "400", "--out", str(tmp_path / "c.png")]
    status, out, _ = tried(capsys, "rnn", *arguments)
    assert status == 0
    assert "rnn learns the next row of wave.csv in" in out
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_gradients_of_a_model_are_those_of_differences() -> None:
    import celldsl

    model = Model(celldsl.load("rnn"), "rnn", task_named("copy"), 60, 0)
    x, wanted = model.task.batch(np.random.default_rng(0))
    found = model.gradients(x, wanted)[1]
    for name in ("readout/W", "readout/b", "h.W_x"):
        array = model.arrays[name]
        place = tuple(n // 2 for n in array.shape)
        old, losses = array[place].copy(), []
        for step in (0.02, -0.02):
            array[place] = old + step
            losses.append(model.gradients(x, wanted)[0])
        array[place] = old
        assert found[name][place] == pytest.approx((losses[0] - losses[1]) / 0.04, abs=2e-3)


def test_a_loss_that_is_not_finite_is_told_early(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wild.cell"
    path.write_text(
        """cell Wild[I, H]:
    input x: [I]
    state h: [H]

    h' = exp(exp(linear([x, h], H) + 4))

    output h'
""",
        encoding="utf-8",
    )
    status, out, err = tried(capsys, str(path), "--against", "none", *QUICK)
    assert status == 1
    assert "wild, seed 0: the loss is" in err
    assert "h' = exp(exp(linear([x, h], H) + 4))" in err
    assert "Wild" in err
    assert "wild does not learn" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rnn", "--task", "addin"], "there is no task addin; did you mean adding?"),
        (["rnn", "--task", "no.csv"], "no.csv: No such file or directory"),
        (["rnn", "--minutes", "0"], "expected a number above 0"),
        (["rnn", "--against", "gruu"], "no cell gruu comes with celldsl"),
        (["conv_lstm"], "conv_lstm: its first input x is [C, Y, X]"),
        (["rnn", "--set", "G=3"], "RNN has no G; it has H, I"),
        (["rnn", "--set", "I=x"], "I is a size, a whole number of at least 1, not x"),
    ],
)
def test_what_does_not_fit_is_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = tried(capsys, *arguments)
    assert status in (1, 2)
    assert told in err


def test_sizes_that_are_set_stay(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--set", "H=7", "--set", "I=3", "--updates", "2", "--seeds", "1", "--against", "none"]
    status, out, _ = tried(capsys, "rnn", *given)
    assert status == 0
    row = next(line.split() for line in out.splitlines() if line.startswith("rnn "))
    assert row[1:3] == ["7", "77"]  # 3 * 7 + 7 * 7 + 7


def test_files_that_are_no_task_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "short.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "short.txt").write_text("too short", encoding="utf-8")
    assert "1 rows and 2 columns" in tried(capsys, "rnn", "--task", str(tmp_path / "short.csv"))[2]
    assert "9 characters" in tried(capsys, "rnn", "--task", str(tmp_path / "short.txt"))[2]
