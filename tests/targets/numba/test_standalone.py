"""Modules that stand alone do to the last bit what ordinary ones do."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celldsl.pipeline import generate
from celldsl.targets.numba.renaming import global_names
from tests.cells import FEW, example

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
    # What was compiled before is loaded without Numba, whose import takes long.
    once_more = run_in_process(ordinary, name, "more.npz", COMPILER)
    assert np.array_equal(once_more["y"], expected["y"])
    assert "numba" in expected["modules"]
    assert "numba" not in once_more["modules"]
    again = run_in_process(alone, name, "again.npz", ("celldsl", *COMPILER))
    assert (bool(found["compiled"]), bool(again["compiled"])) == (True, False)


@pytest.mark.parametrize("path", FEW, ids=lambda path: path.stem)
def test_every_example_stands_alone(path: Path) -> None:
    text = generate(path.read_text(encoding="utf-8"), path.name, standalone=True)
    tree = ast.parse(text)
    roots = {n.split(".")[0] for n in imported(tree)} - sys.stdlib_module_names
    assert roots == {"numpy", "numba", "llvmlite"}
    names = Counter(global_names(tree))
    assert [name for name, count in names.items() if count > 1] == []
    assert len(text.splitlines()) < 8000


def imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found
