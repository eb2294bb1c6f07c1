"""Optimisations by name: all of them can be left out, and whoever leaves one out is told so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import celldsl
from celldsl.cli.main import main
from celldsl.fingerprint import source_key
from celldsl.pass_flags import FORMER_NAMES, PLANNING, checked, optimisations
from celldsl.pipeline import generate
from celldsl.transforms.pipeline import BACKWARD, FIRST, FORWARD
from tests.cells import example

TOP = Path(__file__).parents[1]
LSTM = example("lstm")

OPTIMISATIONS = optimisations()


def test_every_pass_has_its_name_in_the_table() -> None:
    passes = {step.name for step in (*FIRST, *FORWARD, *BACKWARD)}
    assert passes - OPTIMISATIONS.keys() == {"dce"}


def test_every_name_is_that_of_a_function() -> None:
    folders = [TOP / "celldsl" / folder for folder in ("transforms", "plan")]
    texts = [path.read_text(encoding="utf-8") for f in folders for path in f.glob("*.py")]
    defined = {name for text in texts for name in re.findall(r"^def (\w+)\(", text, re.MULTILINE)}
    assert OPTIMISATIONS.keys() <= defined


@pytest.mark.parametrize("name", OPTIMISATIONS)
def test_the_module_says_what_it_was_made_without(name: str) -> None:
    text = generate(LSTM.read_text(encoding="utf-8"), "a.cell", without=[name])
    assert f"Made without {name}.\n" in text


@pytest.mark.parametrize("name", PLANNING)
def test_each_part_of_planning_makes_a_difference(name: str) -> None:
    """One cell has something to do for each of them, but for what needs a step without products or
    an image, or products that round.

    Passes are compared before and after in `tests/transforms`.
    """
    others = {"block_sequences": "delta_rule", "direct_convolutions": "conv_plane"}
    cell = others.get(name, "every_pass")
    text = (TOP / f"tests/end_to_end/feature_cells/{cell}.cell").read_text(encoding="utf-8")
    given = {"products": "bfloat16"} if name == "round_as_packed" else {}
    with_it = generate(text, "a.cell", structure=given)
    without = generate(text, "a.cell", structure=given, without=[name])
    assert without.replace(f"Made without {name}.\n", "") != with_it


def test_unknown_names_are_an_error_that_lists_the_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ValueError, match=r'no optimisation "merge"; there are .*merge_products'):
        celldsl.load(LSTM, without=["merge"])
    with pytest.raises(ValueError, match='no optimisation "merge"'):
        celldsl.compile_source(LSTM.read_text(encoding="utf-8"), without="merge")
    assert main(["compile", str(LSTM), "--without", "merge"]) == 2
    assert "merge_products" in capsys.readouterr().err


@pytest.mark.parametrize("name", FORMER_NAMES)
def test_former_names_are_understood(name: str) -> None:
    assert checked([name]) == {FORMER_NAMES[name]} <= OPTIMISATIONS.keys()


def test_modules_made_without_something_are_kept_apart() -> None:
    keys = {
        source_key("", "a.cell", None, None, None, {}, without)
        for without in ((), ["cse"], ["cse", "sink_slices"])
    }
    assert len(keys) == 3
    several = [["cse", "sink_slices"], ["sink_slices", "cse"]]
    assert len({source_key("", "a.cell", None, None, None, {}, names) for names in several}) == 1


def test_the_command_writes_a_module_without_it(tmp_path: Path) -> None:
    out = tmp_path / "lstm.py"
    options = ["--without", "merge_products", "--without", "sink_nodes", "--dtype", "none"]
    assert main(["compile", str(LSTM), "-o", str(out), *options]) == 0
    assert "Made without merge_products, sink_nodes." in out.read_text(encoding="utf-8")
