"""`celldsl compile --target`: what it writes, and options that mean nothing for a target."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from celldsl.cli.main import main
from celldsl.targets.table import DEFAULT, TARGETS
from tests.cells import example

PRINTERS = [name for name, target in TARGETS.items() if target.prints == "program"]


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gru.cell").write_bytes(example("gru").read_bytes())
    return tmp_path


@pytest.mark.parametrize("name", PRINTERS)
def test_a_file_beside_the_others(name: str, folder: Path) -> None:
    assert main(["compile", "gru.cell", "--target", name]) == 0
    text = (folder / f"gru_{name}.py").read_text(encoding="utf-8")
    assert not (folder / "gru.py").exists()
    imported = {
        module.split(".")[0]
        for node in ast.walk(ast.parse(text))
        for module in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    assert imported <= {"__future__", "math", "typing", "zlib", name}
    assert "# h' = u * h + (1 - u) * c\n    h_next = u * h + (1.0 - u) * c" in text


@pytest.mark.parametrize("name", PRINTERS)
def test_another_structure(name: str, folder: Path) -> None:
    assert main(["compile", "gru.cell", "--target", name, "--set", "activation=relu"]) == 0
    text = (folder / f"gru_{name}.py").read_text(encoding="utf-8")
    assert "relu(" in text and "tanh(" not in text
    assert "activation=relu" in text


@pytest.mark.parametrize("name", PRINTERS)
def test_it_runs_without_celldsl(name: str, folder: Path) -> None:
    pytest.importorskip(name)
    assert main(["compile", "gru.cell", "--target", name]) == 0
    code = f"import gru_{name}, sys; assert not any(m.startswith('celldsl') for m in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)


@pytest.mark.parametrize("option", [["--standalone"], ["--dtype", "float64"], ["--without", "cse"]])
def test_options_of_the_default_target(
    option: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compile", "gru.cell", "--target", "torch", *option]) == 2
    assert f"{option[0]} is for --target {DEFAULT}" in capsys.readouterr().err
    assert not (folder / "gru_torch.py").exists()
