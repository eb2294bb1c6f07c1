"""What the version before the runtime had a surface has written: a module, a pickle, weights."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from celldsl.pipeline import generate
from celldsl.runtime.description import ABI
from tests.cells import example

FORMER = Path(__file__).parent / "former"
SAID = "was written by celldsl 0.1.0, for another runtime than this one: write it anew with"
# What the cell of these files gave, in the version that wrote them.
GAVE = """[[[0.5897379 , 0.95458734, 0.9993324 ], [0.6077287 , 0.97153074, 0.9974511 ]],
         [[0.95922595, 0.98187643, 0.9983908 ], [0.96183026, 0.98838955, 0.99410397]]]"""


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=False
    )


@pytest.fixture
def written_anew(tmp_path: Path) -> Path:
    text = generate(example("rnn").read_text(encoding="utf-8"), "rnn.cell")
    (tmp_path / "rnn.py").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_module_says_that_it_must_be_written_anew(tmp_path: Path) -> None:
    (tmp_path / "rnn.py").write_bytes((FORMER / "rnn.py").read_bytes())
    done = run("import rnn", tmp_path)
    assert done.stderr.splitlines()[-1] == f"ImportError: RNN {SAID} `celldsl compile rnn.cell`"


@pytest.mark.parametrize("name", ["code", "gemm", "gemm.symbols", "kernel", "masks"])
def test_so_does_whatever_it_imports_first(name: str, tmp_path: Path) -> None:
    text = (FORMER / "rnn.py").read_text(encoding="utf-8").split("import numpy")[0]
    (tmp_path / "rnn.py").write_text(f"{text}from celldsl.runtime.{name} import anything\n")
    assert SAID in run("import rnn", tmp_path).stderr
    # Code that people wrote themselves is told what Python says of a missing name.
    done = run(f"from celldsl.runtime.{name} import anything", tmp_path)
    assert "cannot import name 'anything'" in done.stderr


def test_so_does_what_imports_a_name_that_is_no_more(tmp_path: Path) -> None:
    text = (FORMER / "rnn.py").read_text(encoding="utf-8").split("import numpy")[0]
    (tmp_path / "rnn.py").write_text(f"{text}from celldsl.runtime import Cell, stage\n")
    assert SAID in run("import rnn", tmp_path).stderr
    done = run("from celldsl.runtime import stage", tmp_path)
    assert "cannot import name 'stage'" in done.stderr


def test_a_module_of_another_version_says_so_too(written_anew: Path) -> None:
    path = written_anew / "rnn.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(f"abi={ABI}", f"abi={ABI + 1}"), encoding="utf-8")
    assert SAID in run("import rnn", written_anew).stderr


def test_pickles_and_weights_open_with_a_module_that_is_written_anew(written_anew: Path) -> None:
    code = f"""
import pickle, numpy as np, rnn
cell = pickle.loads({(FORMER / "rnn.pickle").read_bytes()!r})
assert type(cell) is rnn.RNN and cell.seed == 5
same = rnn.RNN.from_file({str(FORMER / "rnn.safetensors")!r})
again = pickle.loads(pickle.dumps(cell))
x = np.linspace(-1, 1, 8, dtype="float32").reshape(2, 2, 2)
for other in (same, again):
    assert np.array_equal(cell(x)[0], other(x)[0])
assert abs(cell(x)[0] - np.array({GAVE})).max() < 1e-6
"""
    done = run(code, written_anew)
    assert done.returncode == 0, done.stderr


def test_what_the_cache_holds_says_so_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "h12").mkdir()
    (tmp_path / "h12" / "RNN.py").write_bytes((FORMER / "rnn.py").read_bytes())
    monkeypatch.setenv("CELLDSL_CACHE_DIR", str(tmp_path))
    assert SAID in run("import celldsl.cached.h12.RNN", tmp_path).stderr


def test_generated_modules_import_the_surface_alone() -> None:
    text = generate(example("rnn").read_text(encoding="utf-8"), "a.cell")
    modules = [n.module for n in ast.parse(text).body if isinstance(n, ast.ImportFrom)]
    assert modules == ["celldsl.runtime"]
