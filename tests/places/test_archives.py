"""Archives, bytecode alone, frozen programs: grammar, cells and routines are read from there."""

from __future__ import annotations

import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

import celldsl
from celldsl.cache_folders import code_folder
from tests.places.place import CELL, CHECKOUT, IMPORTED, run, said

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


def test_a_module_that_stands_alone_runs_from_an_archive(image: Path, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(image / "tiny.py", "tiny.py")
    code = f"import sys\nsys.path.insert(0, 'all.zip')\n{IMPORTED}"
    assert said(run(code, tmp_path)) == "(5, 2, 4) compiled"
    assert said(run(code, tmp_path)) == "(5, 2, 4) ready"


def test_a_module_that_stands_alone_runs_from_bytecode(image: Path, tmp_path: Path) -> None:
    py_compile.compile(str(image / "tiny.py"), str(tmp_path / "tiny.pyc"), doraise=True)
    assert said(run(IMPORTED, tmp_path)) == "(5, 2, 4) compiled"
    assert said(run(IMPORTED, tmp_path)) == "(5, 2, 4) ready"


def test_other_modules_say_what_bytecode_lacks(tmp_path: Path) -> None:
    (tmp_path / "tiny.cell").write_text(CELL, encoding="utf-8")
    said(run(["-m", "celldsl", "compile", "tiny.cell", "--dtype", "none"], tmp_path))
    py_compile.compile(str(tmp_path / "tiny.py"), str(tmp_path / "tiny.pyc"), doraise=True)
    (tmp_path / "tiny.py").unlink()
    told = run(IMPORTED, tmp_path).stderr.splitlines()[-1]
    assert "there is bytecode alone" in told and "tiny.pyc has none" in told
    assert "`celldsl compile --standalone` writes modules that carry their text" in told


def test_what_is_unpacked_for_a_process_keeps_nothing_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program of one file lies elsewhere each time, and its machine code is found again."""
    monkeypatch.setenv("CELLDSL_CACHE_DIR", str(tmp_path / "cache"))
    found = set()
    for folder in ("first", "second"):
        monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path / folder), raising=False)
        found.add(code_folder(tmp_path / folder / "celldsl" / "jit" / "target.py"))
    (place,) = found
    assert place is not None and place.is_relative_to(tmp_path / "cache")
    assert not (tmp_path / "first").exists()


FROZEN = """
import sys
import numpy as np
import celldsl
from tiny import Tiny
x = np.ones((5, 2, 3), np.float32)
for each in (Tiny, celldsl.load("gru"), celldsl.compile_source(CELL)):
    cell = each(I=3, H=4, seed=0)
    y, state, tape = cell.forward(x)
    cell.backward(tape, y, state)
    print(y.shape, "compiled" if any(m.endswith("jit.compile") for m in sys.modules) else "ready")
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["--onedir", "--onefile"])
def test_a_program_that_pyinstaller_froze(kind: str, image: Path, tmp_path: Path) -> None:
    """By the hook that comes with the package: an entry point where it is installed."""
    pytest.importorskip("PyInstaller", reason="PyInstaller freezes programs")
    shutil.copy(image / "tiny.py", tmp_path)
    (tmp_path / "app.py").write_text(f"CELL = {CELL!r}{FROZEN}", encoding="utf-8")
    hook = Path(celldsl.__file__).parent / "__pyinstaller"
    words = ["-m", "PyInstaller", kind, "--additional-hooks-dir", str(hook), "app.py"]
    said(run(words, tmp_path))
    place = tmp_path / "dist" / ("app/app" if kind == "--onedir" else "app")
    environment = {**os.environ, "HOME": str(tmp_path / "home")}
    environment.pop("PYTHONPATH", None)
    ended = []
    for _ in range(2):
        done = subprocess.run([place], env=environment, capture_output=True, text=True, check=False)
        ended.append(said(done).split("\n"))
    shape = "(5, 2, 4)"
    assert [line.removeprefix(shape) for line in ended[1]] == [" ready"] * 3
    assert len(ended[0]) == 3
