"""`celldsl show`: the cell at every stage, as golden files where the text is the point."""

from __future__ import annotations

import re
from pathlib import Path
from xml.dom.minidom import parseString

import pytest

from celldsl.cli.main import main
from tests.cells import FEW, example

TOP = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
DELTANET = str(example("deltanet"))
GRU, SIZES = str(example("gru")), ["--set", "I=128", "--set", "H=128"]
FEATURES = TOP / "tests/end_to_end/feature_cells"


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["show", *arguments]) == 0
    return capsys.readouterr().out


def settle(name: str, text: str, renew: bool) -> None:
    path = GOLDEN / name
    if renew:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_the_plan_is_as_it_was(capsys: pytest.CaptureFixture[str], renew: bool) -> None:
    settle("gru.plan.txt", shown(capsys, GRU, "--plan", *SIZES), renew)


def test_amounts_are_formulas_where_sizes_are_not_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = shown(capsys, GRU, "--plan", "--dtype", "float64")
    assert "give all sizes with --set" in text
    assert "tape: 32*H bytes for each step and sequence" in text


def test_the_plan_says_what_is_hoisted_and_what_is_switched_off(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = shown(capsys, GRU, "--plan", *SIZES)
    assert "x @ r_u.W_x and c.W_x: [I] to [3*H]\n        315 MFLOP, for all steps at once" in text
    assert "switched off" not in text
    without = ["--without", "merge_products", "--without", "licm"]
    text = shown(capsys, GRU, "--plan", *SIZES, *without)
    assert "switched off: merge_products, which makes one product of all" in text
    assert "switched off: licm" in text
    assert "x @ c.W_x: [I] to [H]\n        105 MFLOP, in every step" in text
    assert "merge_products  " not in text


def test_without_choice_nothing_is_computed_again(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, GRU, "--plan", *SIZES, "--without", "rematerialize")
    assert "tape: 3,072 bytes for each step and sequence" in text
    assert "nothing is computed again" in text


def test_equations_as_latex(capsys: pytest.CaptureFixture[str], renew: bool) -> None:
    settle("gru.tex", shown(capsys, GRU, "--latex"), renew)
    settle("elementwise.tex", shown(capsys, str(FEATURES / "elementwise.cell"), "--latex"), renew)


def test_a_diagram_is_written_whole(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, renew: bool
) -> None:
    out = tmp_path / "gru.svg"
    assert shown(capsys, GRU, "--diagram", str(out)) == f"wrote {out}\n"
    settle("gru.svg", out.read_text(encoding="utf-8"), renew)
    assert shown(capsys, GRU, "--diagram", "-") == out.read_text(encoding="utf-8")
    assert main(["show", GRU, "--diagram", str(tmp_path / "no" / "gru.svg")]) == 1
    assert main(["show", GRU, "--diagram", str(out), "--latex"]) == 2


def test_a_picture_for_a_terminal(capsys: pytest.CaptureFixture[str], renew: bool) -> None:
    settle("gru.txt", shown(capsys, GRU, "--text"), renew)
    assert shown(capsys, GRU, "--diagram") == shown(capsys, GRU, "--text")
    backward = shown(capsys, GRU, "--text", "--gradient")
    assert "r_u.W_x" in backward
    assert "d h" in backward


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--text", "--ir"], "not --ir"),
        (["--text", "--diagram", "a.svg"], "take one"),
        (["--diagram", "-", "--fold", "layer"], "inner cell or ode `layer`; there are none"),
        (["--diagram", "-", "--width", "9"], "from 200 to 20000"),
    ],
)
def test_what_a_picture_cannot_be_is_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", GRU, *arguments]) == 2
    assert told in capsys.readouterr().err


def test_the_plan_says_where_sequences_go_by_blocks(capsys: pytest.CaptureFixture[str]) -> None:
    cell = Path(__file__).parents[1] / "end_to_end/feature_cells/delta_rule.cell"
    told = "few sequences at a time go through all steps"
    assert shown(capsys, str(cell), "--plan").count(told) == 2
    assert told not in shown(capsys, str(cell), "--plan", "--without", "block_sequences")
    assert told not in shown(capsys, GRU, "--plan")


def test_the_plan_says_which_products_are_in_bfloat16(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that round as they pack, those of which others round, and those that are loops."""
    asked = ("--plan", "--set", "products=bfloat16")
    told = shown(capsys, GRU, *asked)
    assert "h @ r_u.W_h: [H] to [2*H], added to what is there, in bfloat16\n" in told
    assert "into c.W_1, in bfloat16\n" in told
    assert "pack     r_u.W_h [H, 2*H] for products, in bfloat16\n" in told
    ahead = shown(capsys, GRU, *asked, "--without", "round_as_packed")
    assert "[2*H], added to what is there, in bfloat16, rounded ahead of it\n" in ahead
    assert "h_rounded" in ahead
    assert "2 of them products in bfloat16" in shown(capsys, DELTANET, *asked)
    assert "bfloat16" not in shown(capsys, GRU, "--plan")


@pytest.mark.parametrize("path", FEW, ids=lambda path: path.stem)
def test_every_example_can_be_shown(
    path: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "phase by phase" in shown(capsys, str(path), "--plan")
    latex = shown(capsys, str(path), "--latex")
    plain = re.sub(r"\\[{}]", "", latex)
    assert plain.count("{") == plain.count("}")
    assert latex.count(r"\left") == latex.count(r"\right")
    out = tmp_path / "cell.svg"
    shown(capsys, str(path), "--diagram", str(out))
    boxes = parseString(out.read_text(encoding="utf-8")).getElementsByTagName("rect")
    assert len(boxes) > 3
