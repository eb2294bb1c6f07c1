"""`celldsl bench`: what it prints.  How fast anything is stands in no test."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from celldsl.cli import benchmark
from celldsl.cli.benchmark import _widths, short, short_time
from celldsl.cli.main import main

LEAK = """cell Leak[I, H]:
    input x: [I]
    state h: [H]
    require H > 2, "two are too few"
    h' = tanh(0.5 * h + linear(x, H))
    output h'
"""
SHORT = ["--steps", "3", "--batch", "1,2", "--seconds", "0", "--peers", "none"]


@pytest.fixture(autouse=True)
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CELLDSL_CACHE_DIR", str(tmp_path / ".cache"))
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "leak.cell").write_text(LEAK)


def test_it_prints_a_line_for_each_size(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "leak.cell", "--sizes", "3,4", *SHORT]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("Leak: float32, T=3")
    assert out[1].split()[:3] == ["size", "B", "step"]
    assert [line.split()[:2] for line in out[2:]] == [
        ["3", "1"],
        ["3", "2"],
        ["4", "1"],
        ["4", "2"],
    ]
    assert all("µs" in line and line.endswith("%") for line in out[2:])
    assert all(len(line) <= 80 for line in out)


@pytest.mark.parametrize(
    ("more", "shown"),
    [([], True), (["--dtype", "float64"], False), (["--set", "products=bfloat16"], False)],
)
def test_a_column_has_products_in_bfloat16(
    more: list[str], shown: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "leak.cell", "--sizes", "3", *SHORT, *more]) == 0
    head, *lines = (line.split("  ") for line in capsys.readouterr().out.splitlines()[1:])
    assert "bfloat16" in head
    assert lines
    assert all(("-" not in [word.strip() for word in line]) == shown for line in lines)


def test_a_cell_without_products_has_none_in_bfloat16(capsys: pytest.CaptureFixture[str]) -> None:
    Path("leak.cell").write_text(LEAK.replace("linear(x, H)", "sum(x)"))
    assert main(["bench", "leak.cell", "--sizes", "3", *SHORT]) == 0
    assert all(" - " in line for line in capsys.readouterr().out.splitlines()[2:])


def test_peers_stand_beside_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def peer(*sizes: int) -> object:
        asked.append(sizes)
        return lambda: None

    monkeypatch.setattr(benchmark, "MAKERS", {"jax": lambda *_: {"other": peer}})
    monkeypatch.setattr(benchmark, "find_spec", lambda name: object())
    command = ["bench", "leak.cell", "--set", "I=5", "--sizes", "4", *SHORT]
    assert main([*command[:-1], "jax"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert asked == [(3, 1, 5, 4), (3, 2, 5, 4)]
    first = out.index("") + 1
    assert out[first].startswith("training, and how many times as long")
    assert out[first + 1].split() == ["size", "B", "this", "cell", "other"]
    assert all(line.endswith("x") for line in out[first + 2 :])
    assert all(len(line) <= 80 for line in out)


def test_what_is_not_installed_is_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "find_spec", lambda name: None)
    assert benchmark.peers_of(["torch", "jax"], 1, "float32") == ({}, ["torch", "jax"])
    assert main(["bench", "leak.cell", "--sizes", "4", *SHORT[:-1], "torch"]) == 0
    assert capsys.readouterr().out.endswith("\n\nnot installed: torch\n")


def test_cells_of_several_inputs_have_no_peers() -> None:
    array = SimpleNamespace(shape=lambda **dims: (3,))
    one = SimpleNamespace(inputs=[array], outputs=[array])
    two = SimpleNamespace(inputs=[array, array], outputs=[array])
    assert _widths(SimpleNamespace(description=one, dims={})) == (3, 3)
    assert _widths(SimpleNamespace(description=two, dims={})) is None


@pytest.mark.parametrize(
    ("more", "status", "told"),
    [
        (["--sizes", "4,x"], 2, "--sizes: expected positive integers"),
        (["--batch", "0"], 2, "--batch: expected positive integers"),
        (["--peers", "numpy"], 2, "--peers: expected torch, jax or none, got 'numpy'"),
        (["--steps", "0"], 2, "expected a whole number, 1 or more, not 0"),
        (["--sizes", "2", "--peers", "none"], 2, "H > 2"),
        (["--set", "Q=1", "--peers", "none"], 2, "Q"),
    ],
)
def test_wrong_arguments(
    more: list[str], status: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "leak.cell", *more]) == status
    assert told in capsys.readouterr().err


def test_a_cell_with_errors(capsys: pytest.CaptureFixture[str]) -> None:
    Path("leak.cell").write_text(LEAK.replace("+ linear", "+ linea"))
    assert main(["bench", "leak.cell", *SHORT]) == 1
    assert "linea" in capsys.readouterr().err


def test_large_numbers_are_short() -> None:
    assert [short(n) for n in (12.0, 1234.0, 5.67e6, 8e9)] == ["12", "1.23 k", "5.67 M", "8 G"]
    times = [short_time(t) for t in (3.78e-7, 3.7e-5, 0.00104, 0.0996, 0.3123, 2.053, 99.97)]
    assert times == ["0.38 µs", "37.0 µs", "1.04 ms", "99.6 ms", "312 ms", "2.05 s", "100 s"]


def test_an_optimisation_can_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "leak.cell", "--sizes", "4", *SHORT, "--without", "sink_nodes"]) == 0
    assert "\nwithout sink_nodes\n" in capsys.readouterr().out
