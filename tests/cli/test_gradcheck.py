"""`gradcheck` calls wrong what is wrong, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import celldsl
from celldsl.cli.main import main
from celldsl.runtime.cell.cell import Cell

# Right, and near a pole: differences are far too coarse for it.
POLE = """\
cell Pole[H]:
    input x: [H]
    state h: [H]
    param w: [H] = ones

    near = w * x
    h' = 0.01 / (square(near) + 1e-8) + 0.1 * tanh(h)

    output h'
"""
MASKED = POLE.replace("tanh(h)", "tanh(dropout(h, 0.5))")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pole.cell").write_text(POLE, encoding="utf-8")
    (tmp_path / "masked.cell").write_text(MASKED, encoding="utf-8")
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(["gradcheck", *arguments])
    return status, capsys.readouterr().out


def test_a_cell_near_a_pole_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    status, out = told(capsys, "pole.cell", "--range", "x=-0.0002:0.0002", "--set", "H=2")
    assert status == 0, out
    assert "WRONG" not in out


def test_with_masks_it_is_unsure_and_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    status, out = told(capsys, "masked.cell", "--range", "x=-0.0002:0.0002", "--set", "H=2")
    assert status == 0, out
    assert "unsure" in out
    assert "draw other values with --range" in out
    status, out = told(capsys, "masked.cell", "--range", "x=0.5:1", "--set", "H=2")
    assert status == 0, out
    assert "unsure" not in out


def test_values_that_are_not_finite_are_said_to_be_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = POLE.replace("0.1 * tanh(h)", "sqrt(h)")
    (folder / "root.cell").write_text(text, encoding="utf-8")
    status, out = told(capsys, "root.cell", "--range", "h=-2:-1")
    assert status == 1
    assert "draw others with --range" in out
    assert not [line for line in out.splitlines() if line.startswith("WRONG") and "param" in line]


def test_a_wrong_gradient_is_named_with_its_equation_and_both_values(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cls = celldsl.load("pole.cell")
    right = cls.backward

    def wrong(self: Cell, *arguments: Any, **keywords: Any) -> Any:
        found = right(self, *arguments, **keywords)
        found.params["w"][...] *= 1.01
        return found

    monkeypatch.setattr(cls, "backward", wrong)
    status, out = told(capsys, "pole.cell", "--range", "x=0.5:1", "--set", "H=2")
    assert status == 1
    lines = out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("WRONG"))
    assert "parameter  w  (2)" in lines[at]
    assert "backward gives" in lines[at + 1]
    assert "a complex step" in lines[at + 2]
    assert "in `near = w * x` (line 6)" in lines[at + 3]
    assert sum(line.startswith("WRONG") for line in lines) == 1


def test_lengths_reversed_and_carried_passes_are_checked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, out = told(capsys, "pole.cell", "--range", "x=0.5:1")
    for kind in ("lengths", "reverse", "carried", "resets"):
        assert f"  {kind} " in out
    cls = celldsl.load("pole.cell")
    right = cls.forward

    def forgets(self: Cell, inputs: Any, state: Any = None, **keywords: Any) -> Any:
        return right(self, inputs, None if keywords.get("lengths") is None else state, **keywords)

    monkeypatch.setattr(cls, "forward", forgets)
    status, out = told(capsys, "pole.cell", "--range", "x=0.5:1")
    assert status == 1
    assert any(line.startswith("WRONG") and "lengths" in line for line in out.splitlines())


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("x=3:1", "expected NAME=LOW:HIGH"),
        ("x", "expected NAME=LOW:HIGH"),
        ("x=a:b", "expected NAME=LOW:HIGH"),
        ("xx=0:1", "no input or state xx; did you mean x?"),
        ("gain=0:1", "no input or state gain; there are x, h"),
    ],
)
def test_a_range_is_checked(given: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gradcheck", "pole.cell", "--range", given]) == 2
    assert why in capsys.readouterr().err


def test_a_cell_that_comes_along_goes_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    status, out = told(capsys, "minimal_rnn", "--set", "I=2", "--set", "H=2", "--steps", "2")
    assert status == 0, out
    assert "carried" in out
