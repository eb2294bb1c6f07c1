"""Pages of the cells are as `docs/make_cells.py` writes them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from celldsl.zoo_index import read_catalogue, read_index

TOP = Path(__file__).parents[2]
PAGES = TOP / "docs" / "cells"
REMEDY = "run python docs/make_cells.py"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_cells", TOP / "docs" / "make_cells.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_cells"] = module
    spec.loader.exec_module(module)
    return module


def test_every_cell_has_a_page_made_of_it_as_it_is(maker: ModuleType) -> None:
    known, cells = read_catalogue(), read_index().cells
    assert list(known) == list(cells), REMEDY
    for name, entry in cells.items():
        text = entry.path.read_text(encoding="utf-8")
        assert known[name].source == maker.digest(text), f"{name}: {REMEDY}"
    pages = {path.stem for path in PAGES.glob("*.md")} - {"README"}
    assert pages == {path.stem for path in (PAGES / "img").glob("*.svg")} == set(cells), REMEDY


@pytest.mark.parametrize("name", ["gru", "ntm", "leaky"])
def test_a_page_is_as_it_would_be_written(maker: ModuleType, name: str) -> None:
    index = read_index()
    page = maker.page(index, maker.Facts(index.cells[name]))
    assert (PAGES / f"{name}.md").read_text(encoding="utf-8") == page, REMEDY


@pytest.mark.slow
def test_all_pages_are_as_they_would_be_written(maker: ModuleType) -> None:
    assert maker.stale(maker.all_files()) == set(), REMEDY
