"""Folders that places are made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.places.place import CELL, run, said


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cell, a module of it that stands alone, and its machine code."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "tiny.cell").write_text(CELL, encoding="utf-8")
    said(run(["-m", "celldsl", "compile", "tiny.cell", "--standalone"], folder))
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    return folder
