"""`celldsl try`: cells learn side by side; what does not fit is told in one message."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from celldsl.cli.main import main
from celldsl.cli.trial import learning
from celldsl.cli.trial.asked_tasks import read_series, task_named
from celldsl.cli.trial.learning import learn, learner
from celldsl.cli.trial.model import Model
from celldsl.cli.trial.report import _shares
from celldsl.cli.trial.tasks import Size, adding

QUICK = ["--seeds", "1", "--minutes", "30", "--updates", "24", "--parameters", "150"]


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


class Clock:
    """Seconds that go by when somebody says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


class SlowModel:
    """Compiled in 20 seconds; an update takes as long as is said, and a test 2 seconds."""

    task = adding(Size(2, 2), steps=4)
    name = "slow"

    def __init__(self, clock: Clock, pace: float) -> None:
        self.clock, self.pace, self.compiled = clock, pace, False
        self.arrays = {"w": np.zeros(1, np.float32)}

    def gradients(self, x: object, wanted: object) -> tuple[float, dict[str, object]]:
        self.clock.now += self.pace if self.compiled else 20.0
        self.compiled = True
        return 1.0, {"w": np.ones(1, np.float32)}

    def answers(self, x: object) -> object:
        self.clock.now += 2.0
        return np.zeros((1, 2, 1), np.float32)


@pytest.mark.parametrize(("minutes", "updates"), [(4, True), (0.1, False)])
def test_minutes_are_those_of_the_clock(
    minutes: float, updates: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiling and tests are in them, and what is left is shared equally."""
    clock = Clock()
    monkeypatch.setattr(learning, "time", clock)
    paces = (0.1, 0.3)
    learners = [learner(SlowModel(clock, pace), 0) for pace in paces]  # type: ignore[arg-type]
    learn(learners, 60 * minutes, lambda each: None)
    assert all(each.updates for each in learners)
    if updates:
        assert abs(clock.now - 60 * minutes) < 3
        assert abs(learners[0].seconds - learners[1].seconds) < 24 * max(paces)
        assert all(len(each.curve) == 25 for each in learners)
    else:
        assert all(each.updates == 1 for each in learners)


def test_a_table_of_numbers_is_a_task(
    series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="the picture is Matplotlib's")
    arguments = ["--task", str(series), "--against", "none", "--seeds", "1", "--minutes", "30"]
    arguments += ["--updates", "240", "--parameters", "400", "--out", str(tmp_path / "c.png")]
    status, out, _ = tried(capsys, "rnn", *arguments)
    assert status == 0
    assert "rnn learns the next row of wave.csv in" in out
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


# What stands between the cells of a file.
AS_PEOPLE_HAVE_THEM = {
    "plain.csv": ",", "european.csv": ";", "tabs.tsv": "\t", "Excel.CSV": ",", "wide.csv": ",",
    "old.csv": ",",
}  # fmt: skip


@pytest.mark.parametrize("name", AS_PEOPLE_HAVE_THEM)
def test_tables_are_read_as_people_have_them(name: str, tmp_path: Path) -> None:
    between = AS_PEOPLE_HAVE_THEM[name]
    values = [(round(np.sin(t), 3), round(1000 * np.cos(t), 1)) for t in range(120)]
    head = between.join(["row", "when", "temp °C", "load", "flat", "note"])
    unit = between.join(["", "", "K", "W", "", ""])
    lines = [head, unit] if name != "old.csv" else [head]
    for t, (a, b) in enumerate(values):
        numbers = [str(a), "NA" if t in (5, 6) else str(b)]
        if between == ";":
            numbers = [number.replace(".", ",") for number in numbers]
        lines.append(between.join([str(t), f"2026-01-{t % 28 + 1}", *numbers, "7", "x"]))
    encoding = {"Excel.CSV": "utf-8-sig", "wide.csv": "utf-16", "old.csv": "cp1252"}
    path = tmp_path / name
    path.write_bytes("\r\n".join(lines).encode(encoding.get(name, "utf-8")))
    series = read_series(path)
    wanted = np.array(values)
    wanted[5:7, 1] = wanted[4, 1]
    assert np.array_equal(series.table, wanted)
    assert series.told == (
        "temp °C and load; without row (it counts rows); without when and note (no number "
        "throughout); without flat (always the same); 2 gaps filled by the value before"
    )


WAVE = [(round(float(np.sin(t)), 3), round(1000 * float(np.cos(t)), 1)) for t in range(120)]


@pytest.mark.parametrize(
    ("name", "between", "head"),
    [("blanks.csv", "   ", "temp load"), ("bare.csv", " ", ""), ("bars.csv", "|", "temp|load")],
)
def test_other_signs_between_cells(name: str, between: str, head: str, tmp_path: Path) -> None:
    lines = [between.join(map(str, row)) for row in WAVE]
    path = tmp_path / name
    path.write_text("\n".join([head, *lines]), encoding="utf-8")
    series = read_series(path)
    assert np.array_equal(series.table, np.array(WAVE))
    assert series.told == ("temp and load" if head else "column 1 and column 2")


def test_words_and_infinities_in_a_column_of_numbers_are_gaps(tmp_path: Path) -> None:
    rows = [[str(v) for v in row] for row in WAVE]
    rows[10][0], rows[20][0], rows[30][1], rows[40][1] = "ERR", "inf", "1e999", "NA"
    path = tmp_path / "sensor.csv"
    path.write_text("\n".join(["temp,load", *map(",".join, rows)]), encoding="utf-8")
    series = read_series(path)
    wanted = np.array(WAVE)
    for row, column in ((10, 0), (20, 0), (30, 1), (40, 1)):
        wanted[row, column] = wanted[row - 1, column]
    assert np.array_equal(series.table, wanted)
    told = "4 gaps filled by the value before (1 of them no number: ERR)"
    assert series.told == f"temp and load; {told}"


@pytest.mark.parametrize("row", [50, 115])
def test_numbers_near_the_ends_of_floats_are_read(row: int, tmp_path: Path) -> None:
    rows = [*map(list, WAVE)]
    rows[row][0] = 1.7e308
    rows[row + 1][0] = -1.7e308
    path = tmp_path / "huge.csv"
    path.write_text("\n".join(f"{a!r},{b!r},{b * 1e-320}" for a, b in rows), encoding="utf-8")
    task = task_named(str(path))
    assert np.isfinite(task.test[0]).all() and np.isfinite(task.learned)
    assert ("held at 10 times the spread" in task.told) == (row > 96)


def test_large_tables_and_texts_are_read_in_part(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("\n".join(f"{t % 7},{t % 11}" for t in range(20_000)), encoding="utf-8")
    task = task_named(str(path))
    assert task.test[0].shape == (48, 512, 2)
    text = tmp_path / "long.txt"
    text.write_text("abc " * 1_100_000, encoding="utf-8")
    assert "the first 4,000,000 characters" in task_named(str(text)).name


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


def test_a_profile_counts_products_for_their_own_equation(tmp_path: Path) -> None:
    path = tmp_path / "two.cell"
    path.write_text(
        """cell Two[I, H]:
    input x: [I]
    param s: [H] = normal(0.1)
    state h: [H] = tanh(s)

    a = linear(x, 2)
    b = linear(x, H)
    h' = b * sum(a) + h

    output h'
""",
        encoding="utf-8",
    )
    cell = SimpleNamespace(description=SimpleNamespace(name=None), dims={"I": 16, "H": 64})
    shares = _shares(SimpleNamespace(model=SimpleNamespace(cell=cell)), str(path))
    counted = {text.strip(): amount for (_, text), amount in shares.items()}
    # Both read `x`, so that they run as one product.
    assert counted["b = linear(x, H)"] > 10 * counted["a = linear(x, 2)"] > 0
    assert not any(text.startswith("state") for text in counted)


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
        (["rnn", "--minutes=-1"], "expected a number above 0, not -1"),
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
    (tmp_path / "words.csv").write_text("a,b\n" + "5,x\n" * 200, encoding="utf-8")
    (tmp_path / "zip.csv").write_bytes(b"PK\3\4\0\0")
    for name, told in [
        ("short.csv", "1 rows of numbers are too few; 100 would do"),
        ("words.csv", "no column of numbers to foretell, without a (always the same); "
                      "without b (no number throughout)"),
        ("zip.csv", "is not text"),
    ]:  # fmt: skip
        assert told in tried(capsys, "rnn", "--task", str(tmp_path / name))[2]
    assert "9 characters" in tried(capsys, "rnn", "--task", str(tmp_path / "short.txt"))[2]
