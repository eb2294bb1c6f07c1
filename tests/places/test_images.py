"""Machine code made ahead, by one user for another, for a fleet, on disks that are read alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from celldsl.jit.target import LEVELS, lacks, levels_here
from celldsl.package import digest_of
from tests.places.place import (
    CELL,
    IMPORTED,
    LOADED,
    as_other_user,
    run,
    said,
    with_mounts,
)


def age(folder: Path) -> None:
    """Other times for all files, whole seconds, as archives and layers keep them."""
    for path in folder.rglob("*"):
        if path.suffix != ".pyc":
            os.utime(path, (1_000_000_000, 1_000_000_000))


def test_what_one_user_compiled_another_runs(image: Path) -> None:
    assert said(run(IMPORTED, image, as_other_user(), HOME="/nowhere")) == "(5, 2, 4) ready"


def test_times_of_files_do_not_matter(image: Path) -> None:
    age(image)
    assert said(run(IMPORTED, image)) == "(5, 2, 4) ready"


def test_a_copy_elsewhere_is_as_good(image: Path, tmp_path: Path) -> None:
    shutil.copytree(image, tmp_path / "copy")
    assert said(run(IMPORTED, tmp_path / "copy")) == "(5, 2, 4) ready"


def test_code_that_others_may_write_is_not_run(image: Path, tmp_path: Path) -> None:
    if not hasattr(os, "getuid"):
        pytest.skip("there are no users")
    own = tmp_path / "copy"
    shutil.copytree(image, own)
    for code in own.rglob("*.o"):
        code.chmod(0o666)
    assert said(run(IMPORTED, own)) == "(5, 2, 4) compiled"


def test_a_cache_made_ahead_is_read_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "tiny.cell").write_text(CELL, encoding="utf-8")
    cache = str(tmp_path / "cache")
    assert said(run(LOADED, tmp_path, CELLDSL_CACHE_DIR=cache)) == "(5, 2, 4) compiled"
    mounts = f"mount --bind {tmp_path} {tmp_path} && mount -o remount,bind,ro {tmp_path}"
    other = [*with_mounts(mounts), *as_other_user()]
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o755)
    done = run(LOADED, tmp_path, other, CELLDSL_CACHE_DIR=cache, HOME="/nowhere")
    assert said(done) == "(5, 2, 4) ready"
    assert not done.stderr


def test_code_for_a_fleet_is_found_by_its_machines(image: Path, tmp_path: Path) -> None:
    if "x86-64-v2" not in levels_here():
        pytest.skip("this machine has no level of x86-64")
    folder = tmp_path / "fleet"
    shutil.copytree(image, folder, ignore=shutil.ignore_patterns("*.o"))
    command = ["-m", "celldsl", "compile", "tiny.cell", "--standalone", "--for", "x86-64-v2"]
    said(run(command, folder))
    told = f"{IMPORTED}\nfrom tiny import *\n"
    told += "import sys; print(next(m for n, m in sys.modules.items() "
    told += "if n.endswith('jit.target')).target().cpu)"
    assert said(run(told, folder)) == "(5, 2, 4) ready\nx86-64-v2"
    assert said(run(IMPORTED, folder, NUMBA_CPU_NAME="x86-64-v2")) == "(5, 2, 4) ready"
    # A machine's own code goes before, and is not made where the level's is there.
    assert len(list(folder.rglob("tiny.jobs.*.o"))) == 1


@pytest.mark.parametrize("level", LEVELS)
def test_levels_that_this_machine_lacks_are_named(level: str, image: Path) -> None:
    if not lacks(level):
        pytest.skip(f"this machine has {level}")
    command = ["-m", "celldsl", "compile", "tiny.cell", "-o", "other.py", "--for", level]
    done = run(command, image)
    assert done.returncode == 1
    assert f"--for {level}: the kernels are run once, and this machine has no" in done.stderr
    done = run(IMPORTED, image, NUMBA_CPU_NAME=level)
    assert f"MachineCodeError: NUMBA_CPU_NAME={level}: this machine has no" in done.stderr


def test_a_package_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    file = tmp_path / "room" / "a.py"
    file.write_text("1", encoding="utf-8")
    before = digest_of(tmp_path)
    age(tmp_path)
    assert digest_of(tmp_path) == before
    file.write_text("2", encoding="utf-8")
    assert digest_of(tmp_path) != before
