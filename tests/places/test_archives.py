"""celldsl in an archive, as of zipapp: grammar, cells and stages are read from there."""

from __future__ import annotations

import shutil
from pathlib import Path
from zipfile import ZipFile

import celldsl
from tests.places.place import CELL, CHECKOUT, run, said

USE = """
import sys
sys.path.insert(0, "all.zip")
import numpy as np
import celldsl
assert "all.zip" in celldsl.__file__
from celldsl.cli.main import main
assert main(["list", "basics"]) == 0
assert main(["compile", "tiny.cell", "--standalone", "--dtype", "none"]) == 0
cell = celldsl.load("gru")(I=3, H=4)
print(cell(np.ones((5, 2, 3), np.float32))[0].shape, celldsl.zoo.GRU.__name__)
"""


def test_celldsl_in_an_archive(tmp_path: Path) -> None:
    package = Path(celldsl.__file__).parent
    own = tmp_path / "own" / "celldsl"
    shutil.copytree(package, own, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("grammars", "examples"):
        if not (own / folder).is_dir():
            shutil.copytree(CHECKOUT / folder, own / folder)
    shutil.make_archive(str(tmp_path / "all"), "zip", tmp_path / "own")
    shutil.rmtree(tmp_path / "own")
    (tmp_path / "tiny.cell").write_text(CELL, encoding="utf-8")
    assert said(run(USE, tmp_path)).splitlines()[-1] == "(5, 2, 4) GRU"


IMPORTS = """
import sys
sys.path.insert(0, "cells.zip")
import celldsl.importer
from some.tiny import Tiny
from top import Tiny as Other
print(Tiny(I=3, H=4, seed=0).dims, Other is Tiny)
"""


def test_cells_in_an_archive_are_imported(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "cells.zip", "w") as archive:
        for name, text in (("some/__init__.py", ""), ("some/tiny.cell", CELL), ("top.cell", CELL)):
            archive.writestr(name, text)
    assert said(run(IMPORTS, tmp_path)) == "{'I': 3, 'H': 4} False"
