"""Modules that stand alone do to the last bit what ordinary ones do."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celldsl.pipeline import generate
from celldsl.targets.numba.standalone import NEEDED, carried
from tests.cells import FEW, example
from tests.targets.numba.global_names import global_names

ROOT = Path(__file__).parents[3]
EXERCISE = Path(__file__).parent / "exercise.py"
COMPILER = ("lark", "safetensors", "tqdm")
# A name that the runtime has too, and masks.
NEST = """\
cell Nest[I, H](rate = 0.5):
    input x: [I]
    state h: [H]
    h' = tanh(linear([x, dropout(h, rate)], H))
    output h'
"""


def run_in_process(module: Path, name: str, out: str, refused: tuple[str, ...]) -> Any:
    """What `exercise.py` finds, run away from the checkout."""
    path = module.parent / out
    environment = {**os.environ, "PYTHONPATH": "" if "celldsl" in refused else str(ROOT)}
    environment.pop("NUMBA_CACHE_DIR", None)
    command = [sys.executable, "-W", "error", str(EXERCISE), str(module), name, str(path)]
    subprocess.run([*command, *refused], check=True, cwd=module.parent, env=environment)
    return np.load(path)


def written(folder: Path, text: str, name: str, standalone: bool) -> Path:
    folder.mkdir()
    path = folder / f"{name}.py"
    path.write_text(generate(text, f"{name}.cell", standalone=standalone), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["GRU", "Nest"])
def test_it_runs_without_celldsl_and_gives_the_same_bits(name: str, tmp_path: Path) -> None:
    text = NEST if name == "Nest" else example("gru").read_text(encoding="utf-8")
    ordinary = written(tmp_path / "ordinary", text, name.lower(), False)
    alone = written(tmp_path / "alone", text, name.lower(), True)
    expected = run_in_process(ordinary, name, "out.npz", COMPILER)
    found = run_in_process(alone, name, "out.npz", ("celldsl", *COMPILER))
    arrays = set(expected) - {"compiled", "modules"}
    assert len(arrays) > 8
    for key in arrays:
        assert np.array_equal(found[key], expected[key]), key
    assert not {"celldsl", *COMPILER} & set(found["modules"].tolist())
    # An ordinary module needs the runtime, and nothing of the compiler.
    assert not set(COMPILER) & set(expected["modules"].tolist())
    # Nothing of it needs Numba, whose import takes long.
    once_more = run_in_process(ordinary, name, "more.npz", COMPILER)
    assert np.array_equal(once_more["y"], expected["y"])
    assert (bool(expected["compiled"]), bool(once_more["compiled"])) == (True, False)
    assert "numba" not in {*expected["modules"], *once_more["modules"]}
    again = run_in_process(alone, name, "again.npz", ("celldsl", *COMPILER))
    assert (bool(found["compiled"]), bool(again["compiled"])) == (True, False)


@pytest.mark.parametrize("path", FEW, ids=lambda path: path.stem)
def test_every_example_stands_alone(path: Path) -> None:
    text = generate(path.read_text(encoding="utf-8"), path.name, standalone=True)
    tree = ast.parse(text)
    package = carried().package
    roots = {n.split(".")[0] for n in imported(tree)} - sys.stdlib_module_names
    assert roots == {"numpy", "numba", "llvmlite", package}
    names = Counter(global_names(tree))
    assert [name for name, count in names.items() if count > 1] == []


def imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def texts() -> dict[str, str]:
    """The files of the runtime as a module carries them."""
    (call,) = [n for n in ast.walk(ast.parse(carried().text)) if isinstance(n, ast.Call)]
    given = call.args[1]
    assert isinstance(given, ast.Dict)
    named = zip(given.keys, given.values, strict=True)
    (found,) = [v for k, v in named if isinstance(k, ast.Constant) and k.value == "RUNTIME"]
    carries: dict[str, str] = ast.literal_eval(found)
    return carries


def test_what_it_carries_imports_numpy_numba_the_library_and_itself() -> None:
    carries, package = texts(), carried().package
    assert {f"{package}.runtime", f"{package}.jit.functions"} < set(carries)
    for name, text in carries.items():
        for module in imported(ast.parse(text)):
            root = module.partition(".")[0]
            known = root in sys.stdlib_module_names or root in ("numpy", "numba", "llvmlite")
            assert known or module in carries, (name, module)
            assert not module.startswith("celldsl"), name


def test_its_header_says_what_is_needed() -> None:
    header = ast.get_docstring(ast.parse(generate(NEST, "nest.cell", standalone=True))) or ""
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name, version in NEEDED.items():
        key = "requires-python = " if name == "Python" else ""
        assert f'{key}"{"" if key else name.lower()}{version}"' in declared
        assert f"{name} {version}" in header


def test_files_beside_it_are_not_taken_for_its_own(tmp_path: Path) -> None:
    path = written(tmp_path / "alone", NEST, "nest", True)
    for name in {name.rpartition(".")[2] for name in texts() if "." in name}:
        path.with_name(f"{name}.py").write_text(f"raise SystemExit('{name} is not ours')\n")
    code = "import nest; print(nest.Nest(I=2, H=3).params.flat.shape)"
    environment = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import numpy, numba, sys; sys.path[0:0] = ['.']; {code}"],
        cwd=path.parent, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("(18,)\n", 0), done.stderr


def test_two_of_them_share_their_runtime(tmp_path: Path) -> None:
    for name in ("gru", "rnn"):
        text = generate(example(name).read_text(encoding="utf-8"), f"{name}.cell", standalone=True)
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    code = f"""
import gru, rnn, sys, pickle
assert gru.ArgumentError is rnn.ArgumentError
assert sum(m.startswith("{carried().package}.") for m in sys.modules) > 20
(open("cell.pickle", "wb")).write(pickle.dumps(gru.GRU(I=2, H=3)))
"""
    run_code(code, tmp_path)
    run_code("import pickle; print(pickle.load(open('cell.pickle', 'rb')))", tmp_path)


def test_what_goes_wrong_in_it_is_shown_with_its_text(tmp_path: Path) -> None:
    text = generate(example("rnn").read_text(encoding="utf-8"), "rnn.cell", standalone=True)
    (tmp_path / "rnn.py").write_text(text, encoding="utf-8")
    code = """
import rnn, traceback
try:
    rnn.RNN(I=2, H=-3)
except rnn.ArgumentError:
    print(traceback.format_exc())
"""
    said = run_code(code, tmp_path).stdout
    assert "raise ArgumentError(" in said
    assert said.strip().endswith("H: expected 1 or more, got -3")


@pytest.mark.parametrize("place", ["zip", "read-only"])
def test_it_runs_where_nothing_can_be_written(place: str, tmp_path: Path) -> None:
    text = generate(example("rnn").read_text(encoding="utf-8"), "rnn.cell", standalone=True)
    folder = tmp_path / "folder"
    folder.mkdir()
    if place == "zip":
        with zipfile.ZipFile(folder / "cells.zip", "w") as file:
            file.writestr("rnn.py", text)
    else:
        (folder / "rnn.py").write_text(text, encoding="utf-8")
        # Nobody, not even root, can make a folder where a file is.
        (folder / "__pycache__").write_text("")
    code = """
import sys; sys.path.insert(0, PLACE)
import numpy as np, rnn
cell = rnn.RNN(I=2, H=3)
x = np.ones((4, 2, 2), "float32")
y, state, tape = cell.forward(x)
print(cell.backward(tape, y).inputs["x"].shape, cell.step(x[0])[0].shape)
"""
    where = folder / "cells.zip" if place == "zip" else folder
    before = sorted(folder.iterdir())
    done = run_code(code.replace("PLACE", repr(str(where))), tmp_path)
    assert done.stdout == "(4, 2, 2) (2, 3)\n"
    assert sorted(folder.iterdir()) == before


def run_code(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs code away from the checkout, where celldsl cannot be imported."""
    environment = {**os.environ, "PYTHONPATH": "", "CELLDSL_CACHE_DIR": str(folder / "cache")}
    code = f"import sys; sys.modules['celldsl'] = None\n{code}"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
