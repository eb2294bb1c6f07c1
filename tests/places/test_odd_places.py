"""Odd environments, limits, file systems and names: what was kept is found, and nothing is said."""

from __future__ import annotations

import os
import py_compile
import sys
from pathlib import Path

import pytest

from celldsl.files import replace_file
from tests.places.place import (
    CELL,
    LOADED,
    NO_ENTRY,
    as_other_user,
    run,
    said,
    with_limits,
    with_mounts,
)

READY = "(5, 2, 4) ready"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cell, and a cache in which there is all that it needs."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "tiny.cell").write_text(CELL, encoding="utf-8")
    assert said(run(LOADED, folder, CELLDSL_CACHE_DIR=str(folder / "cache"))).endswith("compiled")
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    return folder


def finds_all(
    kept: Path, *arguments: str, before: tuple[str, ...] = (), **environment: str
) -> None:
    here = {"CELLDSL_CACHE_DIR": str(kept / "cache"), **environment}
    done = run([*arguments, "-c", LOADED], kept, before, **here)
    assert said(done) == READY
    assert not done.stderr


ENVIRONMENTS = {
    "a locale that is missing": {"LC_ALL": "xx_YY.UTF-8"},
    "file names in ASCII": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "no home": {"HOME": ""},
    "a home that is not absolute": {"HOME": "home"},
    "other hashes": {"PYTHONHASHSEED": "12345"},
    "a safe path": {"PYTHONSAFEPATH": "1"},
    "bytecode elsewhere": {"PYTHONPYCACHEPREFIX": "bytecode"},
    "no temporary folder": {"TMPDIR": "/nowhere"},
}


@pytest.mark.parametrize("place", ENVIRONMENTS)
def test_environments(place: str, kept: Path) -> None:
    finds_all(kept, **ENVIRONMENTS[place])


def test_every_flag_of_pythons(kept: Path) -> None:
    """`-I` is `-E` and more; a warning of any kind, or bytes taken for text, would be an error."""
    installed = run(["-I", "-c", "import celldsl"], kept)
    if installed.returncode:
        pytest.skip("celldsl is not installed: nothing else finds it with -I")
    finds_all(kept, "-I", "-W", "error", "-bb", "-X", "dev")


def test_a_user_without_an_entry_or_a_home(kept: Path) -> None:
    code = f"import os\ndel os.environ['HOME']\n{LOADED}"
    cache = {"CELLDSL_CACHE_DIR": str(kept / "cache")}
    assert said(run(code, kept, as_other_user(NO_ENTRY), **cache)) == READY
    done = run(code, kept, as_other_user(NO_ENTRY))
    assert said(done) == "(5, 2, 4) compiled"
    assert done.stderr.count("this user has no home") == 1


@pytest.mark.parametrize("limits", ["-n 16", "-s 512", "-u 1", "-c 0"])
def test_small_limits(limits: str, kept: Path) -> None:
    finds_all(kept, before=(*with_limits(limits),))


MOUNTS = {
    "no /proc, /sys or /dev": "mount -t tmpfs none /proc && mount -t tmpfs none /sys && "
    "mount -t tmpfs none /dev",
    "a cache that may hold no programs": "rm -rf held && cp -r cache held && "
    "mount -t tmpfs -o noexec,nosuid,nodev,mode=755 none cache && cp -r held/. cache",
    "layers": "mkdir -p layers && mount -t tmpfs none layers && mkdir layers/own layers/work && "
    "mount -t overlay -o lowerdir=cache,upperdir=layers/own,workdir=layers/work none cache",
}  # fmt: skip


@pytest.mark.parametrize("place", MOUNTS)
def test_mounts(place: str, kept: Path) -> None:
    finds_all(kept, before=(*with_mounts(f"cd {kept} && {MOUNTS[place]}"),))


def test_a_file_system_with_room_for_few_files(tmp_path: Path) -> None:
    (tmp_path / "tiny.cell").write_text(CELL, encoding="utf-8")
    (tmp_path / "home").mkdir()
    place = with_mounts(f"mount -t tmpfs -o nr_inodes=6 none {tmp_path / 'home'}")
    done = run(LOADED, tmp_path, place)
    assert said(done) == "(5, 2, 4) compiled"
    assert done.stderr.count("CacheWarning: ") == 1 and "No space left on device" in done.stderr


GONE = """
import os, celldsl
from celldsl.cli.main import main
cell = celldsl.load("tiny.cell")(I=3, H=4)
os.mkdir("gone")
os.chdir("gone")
os.rmdir(os.getcwd())
for call in (lambda: celldsl.load("tiny.cell"), lambda: cell.save("a.safetensors")):
    try:
        call()
    except FileNotFoundError as error:
        print(error.filename, error.strerror)
print(main(["new", "Mine", "--like", "gru"]), cell.dims)
"""


def test_a_current_folder_that_was_removed(kept: Path) -> None:
    done = run(GONE, kept, CELLDSL_CACHE_DIR=str(kept / "cache"))
    told = "the current folder is no longer there"
    assert said(done).splitlines() == [
        f"tiny.cell {told}", f"a.safetensors {told}", "1 {'I': 3, 'H': 4}",
    ]  # fmt: skip
    assert done.stderr == f"error: mine.cell: {told}\n"


def test_numba_that_was_imported_before_everything(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import numpy, numba", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    code = f"import celldsl\n{LOADED}"
    done = run(code, kept, CELLDSL_CACHE_DIR=str(kept / "cache"), PYTHONPATH=path)
    assert said(done).startswith("(5, 2, 4)") and not done.stderr


USED = """
import numpy as np
from NAME import Tiny
print(Tiny(I=3, H=4, seed=0)(np.ones((2, 1, 3), np.float32))[0].sum())
import sys
print("compiled" if any(m.endswith("jit.compile") for m in sys.modules) else "ready")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="names are shorter here")
@pytest.mark.parametrize(
    ("folder", "name"),
    [("two\nlines and spaces", "tiny"), ("f" * 240, "x" * 240), ("кириллица", "ж" * 110)],
)
def test_names(folder: str, name: str, tmp_path: Path) -> None:
    """A temporary name and that of machine code are longer than the module's, and fit as well."""
    own = tmp_path / folder
    own.mkdir()
    (own / f"{name}.cell").write_text(CELL, encoding="utf-8")
    done = run(["-m", "celldsl", "compile", f"{name}.cell"], own)
    said(done)
    assert not done.stderr
    if len(os.fsencode(name)) > 235:
        # Python's own bytecode has no such name.
        done = run(USED.replace("NAME", name), own, PYTHONDONTWRITEBYTECODE="1")
    else:
        done = run(USED.replace("NAME", name), own)
    assert said(done).endswith("ready")


def test_a_clock_that_was_set_back(tmp_path: Path) -> None:
    """A module that is as long as the one before, written at the same time: Python would take the
    bytecode of that one."""
    module = tmp_path / "tiny.py"
    for number in ("0.5", "0.8"):
        text = CELL.replace("tanh", f"{number} * tanh")
        (tmp_path / "tiny.cell").write_text(text, encoding="utf-8")
        said(run(["-m", "celldsl", "compile", "tiny.cell", "--dtype", "none"], tmp_path))
        os.utime(module, (1_000_000_000, 1_000_000_000))
        if number == "0.5":
            stale = py_compile.compile(str(module), doraise=True)
            size = module.stat().st_size
    assert module.stat().st_size == size
    assert not Path(str(stale)).exists()
    assert said(run("import tiny; print('0.8' in open(tiny.__file__).read())", tmp_path)) == "True"


def test_a_name_that_just_fits_is_written(tmp_path: Path) -> None:
    place = tmp_path / ("水" * 85)  # 255 bytes
    replace_file(place, [b"whole"])
    assert place.read_bytes() == b"whole"
    assert [each.name for each in tmp_path.iterdir()] == [place.name]
