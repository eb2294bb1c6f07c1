"""A module that `celldsl compile` wrote: the next process runs it and compiles nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import celldsl
from celldsl.cli.main import main

CELL = """\
cell Tiny[I, H]:
    input x: [I]
    state h: [H]

    h' = tanh(linear([x, h], H))

    output h'
"""
USE = """\
import numpy as np
from tiny import Tiny
cell = Tiny(I=3, H=4)
x = np.ones((5, 2, 3), np.float32)
y, state, tape = cell.forward(x)
cell.backward(tape, y, state)
cell.step(x[0])
"""


def machine_code(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.o")}


@pytest.mark.parametrize("form", [[], ["--standalone"]])
def test_the_next_process_compiles_nothing(tmp_path: Path, form: list[str]) -> None:
    (tmp_path / "tiny.cell").write_text(CELL, encoding="utf-8")
    assert main(["compile", str(tmp_path / "tiny.cell"), *form]) == 0
    assert "tiny" not in sys.modules
    before = machine_code(tmp_path)
    assert before
    environment = {**os.environ, "PYTHONPATH": str(Path(celldsl.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert machine_code(tmp_path) == before
