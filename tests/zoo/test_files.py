"""Files of the zoo: names, docstrings, sizes, and an index that says what is there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from statistics import median

import pytest

from celldsl.diagnostics.span import Source
from celldsl.pipeline import check_file
from celldsl.syntax.format.format import format_source
from celldsl.zoo_index import example_paths, examples_folder, read_index
from tests.cells import EVERY
from tests.end_to_end.subject import main_cell
from tests.zoo.equations import STEPS, VARIANTS
from tests.zoo.runs import index, recorded_rows
from tests.zoo.subject import zoo_subject

LIVE = Path(__file__).parent / "live"
PAPER = re.compile(r"[A-Z]\w+( et al\.| and [A-Z]\w+)?,? \(?(19|20)\d\d\)?")


@pytest.mark.parametrize("name", EVERY)
def test_a_file_is_canonical_and_without_warnings(name: str) -> None:
    path = EVERY[name]
    text = path.read_text(encoding="utf-8")
    assert format_source(Source(path.name, text)) == text
    assert check_file(path).diagnostics == []


@pytest.mark.parametrize("name", EVERY)
def test_a_docstring_names_paper_and_library(name: str) -> None:
    doc = zoo_subject(name).spec.doc
    assert PAPER.search(doc), "no paper: Name (year) or Name et al. (year)"
    known = "|".join(library.split()[0] for library in index().libraries.values())
    assert re.search(known, doc, re.IGNORECASE), "no library of the index in the docstring"


def test_the_index_has_every_file_once() -> None:
    stems = [path.stem for path in example_paths()]
    assert sorted(stems) == sorted(read_index().cells)
    assert len(stems) == len(set(stems))


def test_cells_have_names_of_their_own() -> None:
    names = Counter(main_cell(path) for path in EVERY.values())
    assert [name for name, count in names.items() if count > 1] == []


def test_families_are_folders() -> None:
    order = [*index().families]
    assert [*dict.fromkeys(c.family for c in index().cells.values())] == sorted(
        {c.family for c in index().cells.values()}, key=order.index
    )
    folders = {path.parent for path in example_paths()}
    assert {folder.name for folder in folders} <= set(index().families)
    assert {folder.parent for folder in folders} == {examples_folder()}


def test_every_row_is_of_a_library() -> None:
    for cell in index().cells.values():
        assert cell.rows, cell.name
        assert {row.split(".")[0] for row in cell.rows} <= set(index().libraries), cell.name


def test_no_row_that_is_left_out_is_there() -> None:
    rows = {row for cell in index().cells.values() for row in cell.rows}
    assert not rows & index().left_out.keys()
    assert {row.split(".")[0] for row in index().left_out} <= set(index().libraries)


def test_cells_are_short() -> None:
    assert median(equations(path) for path in EVERY.values()) <= 15


def equations(path: Path) -> int:
    """Lines that define something, of all cells and functions of a file."""
    return len(re.findall(r"^ +[\w, ']+ += ", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_row_is_proven() -> None:
    """By a recorded run, by the library where it is installed, or by its equations in NumPy."""
    live = "".join(p.read_text(encoding="utf-8") for p in LIVE.glob("test_*.py"))
    by_equations = {*STEPS, *(variant.file for variant in VARIANTS)}
    recorded = {(row, file) for row, file in recorded_rows()}
    unproven = [
        f"{row} of {cell.name}"
        for cell in index().cells.values()
        for row in cell.rows
        if (row, cell.name) not in recorded
        and f'"{row}"' not in live
        and cell.name not in by_equations
    ]
    assert unproven == []
