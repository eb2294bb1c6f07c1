"""Machine code on disk: that of the module that runs, wherever it lies, or none."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import celldsl
from celldsl import cache_folders
from celldsl.cache_folders import code_folder
from celldsl.jit import target as target_file
from tests.runtime.made import run_phases

MODULE = """\
from celldsl.jit.symbols import pointer, real
from celldsl.jit.functions import routine

@routine
def run(part, parts, share, shares, rows, dims, hyper, out):
    first = pointer(out, 0, 0)
    for i in range(1):
        first[i] = real(out, {value})
"""
CALL = """
import numpy as np
from tests.runtime.made import run_phases
arrays = [np.zeros(1, np.int64), np.zeros(1), np.zeros(1, np.float32)]
run_phases([run], arrays)
print(arrays[-1][0])
"""


def python(
    arguments: list[str], cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    # The package may be installed, with the tests alone in this checkout.
    home = f"{Path(celldsl.__file__).parents[1]}{os.pathsep}{Path(__file__).parents[2]}"
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd,
        env={**os.environ, "PYTHONPATH": home, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def imported(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def result(module: Any) -> float:
    out = np.zeros(1, np.float32)
    run_phases([module.run], [np.zeros(1, np.int64), np.zeros(1), out])
    return float(out[0])


def test_a_module_written_anew_gets_no_code_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "constant.py"
    path.write_text(MODULE.format(value="1.0"), encoding="utf-8")
    old = imported(path, "constant_old")
    path.write_text(MODULE.format(value="2.25"), encoding="utf-8")
    new = imported(path, "constant_new")
    assert result(old) == 1.0
    assert not list(tmp_path.rglob("*.o"))
    assert result(new) == 2.25
    assert len(list(tmp_path.rglob("*.o"))) == 1


def test_machines_that_share_a_folder_keep_their_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "constant.py"
    for value in (1.0, 2.25):
        path.write_text(MODULE.format(value=value), encoding="utf-8")
        for machine in ("first", "second", "first"):
            monkeypatch.setattr(target_file, "machine_digest", lambda _, own=machine: own)
            assert result(imported(path, f"constant_{machine}")) == value
        kept = sorted(file.name.split(".")[-2].partition("-")[0] for file in tmp_path.rglob("*.o"))
        assert kept == ["first", "second"]


def test_settings_in_numbas_file_are_part_of_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("yaml")  # Numba reads the file where this is installed
    code = "from celldsl.jit.target import machine_digest, target; "
    code += "print(machine_digest(target()))"
    keys = set()
    for text in (None, 'opt: "1"', 'opt: "2"'):
        if text is not None:
            (tmp_path / ".numba_config.yaml").write_text(text, encoding="utf-8")
        keys.add(python(["-c", code], cwd=tmp_path).stdout)
    assert len(keys) == 3


def test_modules_of_one_name_keep_their_code_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "shared"))
    found = [code_folder(tmp_path / name / "GRU.py") for name in "ab"]
    assert found[0] != found[1]
    assert all(folder and folder.is_dir() and folder.parent.name == "shared" for folder in found)


def test_code_goes_to_the_users_folder_where_the_modules_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "__pycache__").write_text("", encoding="utf-8")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("CELLDSL_CACHE_DIR", str(tmp_path / "user"))
    found = code_folder(tmp_path / "GRU.py")
    assert found is not None and found.is_dir() and found.parent == tmp_path / "user"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no users")
@pytest.mark.parametrize(("mode", "trusted"), [(0o755, True), (0o775, False), (0o757, False)])
def test_code_is_not_kept_where_others_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, trusted: bool
) -> None:
    beside = tmp_path / "__pycache__"
    beside.mkdir()
    beside.chmod(mode)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("CELLDSL_CACHE_DIR", str(tmp_path / "user"))
    monkeypatch.setattr(cache_folders, "_is_private", lambda group: False)
    assert (code_folder(tmp_path / "GRU.py") == beside) == trusted


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no users")
def test_a_group_of_one_is_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    import grp
    import pwd

    user = pwd.struct_passwd(("ann", "x", os.getuid(), 77, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda number: user)
    groups = {77: ("ann", ["ann"]), 78: ("staff", []), 79: ("ann", ["bob"])}

    def group_of(number: int) -> grp.struct_group:
        name, members = groups[number]
        return grp.struct_group((name, "x", number, members))

    monkeypatch.setattr(grp, "getgrgid", group_of)
    assert [cache_folders._is_private(number) for number in (77, 78, 79, 80)] == [
        True,
        False,
        False,
        False,
    ]


def test_routines_are_compiled_where_numba_is_switched_off(tmp_path: Path) -> None:
    path = tmp_path / "constant.py"
    path.write_text(MODULE.format(value="3.0") + CALL, encoding="utf-8")
    done = python([str(path)], NUMBA_DISABLE_JIT="1")
    assert done.stdout == "3.0\n", done.stderr
