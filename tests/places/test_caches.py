"""Caches that vanish, fill up, are damaged, or can never be written."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import celldsl
import celldsl.pipeline
from celldsl import cache_folders
from tests.places.place import (
    CELL,
    IMPORTED,
    LOADED,
    as_other_user,
    read_alone,
    run,
    said,
    with_file_limit,
    with_mounts,
)
from tests.runtime.made import Generator

ONE_WARNING = "CacheWarning: "


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("CELLDSL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def generator(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Generator:
    made = Generator()
    monkeypatch.setattr(celldsl.pipeline, "generate_module", made)
    return made


def forgotten(cls: Any) -> None:
    """As in a new process."""
    names = [name for name in sys.modules if name.startswith("celldsl.generated.")]
    for name in names:
        if cls in vars(sys.modules[name]).values():
            del sys.modules[name]


def test_a_cache_that_is_removed_is_made_again(cache: Path, generator: Generator) -> None:
    celldsl.compile_source("cell Gone")
    shutil.rmtree(cache)
    assert celldsl.compile_source("cell Next").__name__ == "Next"
    assert len(list(cache.glob("*/Next.py"))) == 1


def halved(text: bytes) -> bytes:
    return text[: len(text) // 2]


def changed(text: bytes) -> bytes:
    return text.replace(b"1.0", b"2.0", 1)


@pytest.mark.parametrize("damage", [halved, changed, lambda text: b"", lambda text: b"\xff"])
def test_a_damaged_module_is_written_anew(damage: Any, cache: Path, generator: Generator) -> None:
    found = celldsl.compile_source("cell Hurt")
    (place,) = cache.glob("*/Hurt.py")
    whole = place.read_bytes()
    place.write_bytes(damage(whole))
    forgotten(found)
    assert celldsl.compile_source("cell Hurt")(I=2, H=3).dims == {"I": 2, "H": 3}
    assert place.read_bytes() == whole
    assert len(generator.structures) == 2


def test_damaged_bytecode_is_written_anew(
    cache: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    found = celldsl.compile_source("cell Byte")
    (compiled,) = cache.glob("*/__pycache__/Byte.*.pyc")
    compiled.write_bytes(compiled.read_bytes()[:40])
    forgotten(found)
    assert celldsl.compile_source("cell Byte").__name__ == "Byte"


def test_a_folder_of_another_user_is_not_believed(
    cache: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = celldsl.compile_source("cell Else")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent / "home"))
    cache.chmod(0o777)
    forgotten(found)
    celldsl.compile_source("cell Else")
    assert len(generator.structures) == 2
    assert len(list(cache.parent.glob("home/celldsl/*/Else.py"))) == 1


def test_a_full_disk_is_gone_on_without(tmp_path: Path) -> None:
    (tmp_path / "tiny.cell").write_text(CELL, encoding="utf-8")
    done = run(LOADED, tmp_path, with_file_limit(1))
    assert said(done) == "(5, 2, 4) compiled"
    assert done.stderr.count(ONE_WARNING) == 1, done.stderr
    assert str(tmp_path / "home") in done.stderr
    assert not [path for path in (tmp_path / "home").rglob(".*.*") if path.is_file()]


def test_a_small_file_system_is_gone_on_without(tmp_path: Path) -> None:
    (tmp_path / "tiny.cell").write_text(CELL, encoding="utf-8")
    (tmp_path / "home").mkdir()
    place = with_mounts(f"mount -t tmpfs -o size=32k tmpfs {tmp_path / 'home'}")
    done = run(LOADED, tmp_path, place)
    assert said(done) == "(5, 2, 4) compiled"
    assert "No space left on device" in done.stderr
    assert done.stderr.count(ONE_WARNING) == 1


def test_where_nothing_can_be_written_all_is_in_memory(image: Path) -> None:
    nowhere = {"HOME": "/nowhere", "TMPDIR": "/nowhere", "PYTHONDONTWRITEBYTECODE": "1"}
    done = run(LOADED, image, as_other_user(), **nowhere)
    assert said(done) == "(5, 2, 4) compiled"
    assert done.stderr.count(ONE_WARNING) == 1, done.stderr
    assert "CELLDSL_CACHE_DIR names another folder" in done.stderr


OUTER = """\
use Tiny from "parts/tiny.cell"

cell Outer[I, H]:
    input x: [I]
    sub inner = Tiny[I, H]
    y = inner(x)
    output y
"""
OPENED = """
import pickle
import numpy as np
import celldsl
from celldsl.inspection.seen import look
cell = celldsl.load("outer.cell")(I=3, H=4, seed=0)
x = np.ones((5, 2, 3), np.float32)
again = pickle.loads(pickle.dumps(cell))
print(np.array_equal(again(x)[0], cell(x)[0]), len(look(again, x).values) > 0)
"""
LAYER = """
import torch
import celldsl
import celldsl.torch
assert "torch._dynamo" not in __import__("sys").modules
for form in ("kernels", "plain"):
    layer = celldsl.torch.RNN(celldsl.load("outer.cell"), I=3, H=4, form=form)
    y, state = layer(torch.ones(5, 2, 3))
    y.sum().backward()
    print(tuple(y.shape))
"""
FUNCTION = """
import jax
import celldsl
import celldsl.jax
cell = celldsl.load("outer.cell")(I=3, H=4, seed=0)
apply = celldsl.jax.function(cell)
params = {name: jax.numpy.asarray(value) for name, value in cell.params.items()}
x = jax.numpy.ones((5, 2, 3))
print(jax.jvp(lambda x: apply(params, x)[0], (x,), (x,))[1].shape)
"""


@pytest.mark.parametrize(
    ("library", "code", "told"),
    [
        ("celldsl", OPENED, "True True"),
        ("torch", LAYER, "(5, 2, 4)\n(5, 2, 4)"),
        ("jax", FUNCTION, "(5, 2, 4)"),
    ],
)
def test_a_cell_of_several_files_is_opened_where_nothing_can_be_written(
    library: str, code: str, told: str, image: Path, tmp_path: Path
) -> None:
    """Not even in a temporary folder."""
    pytest.importorskip(library, reason=f"the layer is for {library}")
    (tmp_path / "parts").mkdir()
    shutil.copy(image / "tiny.cell", tmp_path / "parts")
    (tmp_path / "outer.cell").write_text(OUTER, encoding="utf-8")
    done = run(code, tmp_path, [*read_alone(), *as_other_user()], HOME="/nowhere")
    assert said(done) == told
    assert done.stderr.count(ONE_WARNING) == 1, done.stderr


@pytest.mark.parametrize("variable", ["HOME", "CELLDSL_CACHE_DIR", "NUMBA_CACHE_DIR"])
def test_a_folder_that_cannot_even_be_looked_for(variable: str, image: Path) -> None:
    """As one that another user has closed, it is an error to ask whether it is there."""
    found = run(IMPORTED, image, **{variable: f"/tmp/{'x' * 300}"})
    assert said(found).startswith("(5, 2, 4)")


CHILDREN = """
import multiprocessing, os
def work(number):
    import celldsl
    return celldsl.load("tiny.cell")(I=2, H=number, seed=0).dims["H"]
if __name__ == "__main__":
    with multiprocessing.get_context("METHOD").Pool(2) as pool:
        print(pool.map(work, [3, 4]))
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_leave_nothing_behind(method: str, tmp_path: Path) -> None:
    if not hasattr(cache_folders.os, "fork"):
        pytest.skip("there are no forks")
    (tmp_path / "tiny.cell").write_text(CELL, encoding="utf-8")
    (tmp_path / "children.py").write_text(CHILDREN.replace("METHOD", method), encoding="utf-8")
    (tmp_path / "home").write_text("no folder", encoding="utf-8")
    (tmp_path / "temporary").mkdir()
    done = run(["children.py"], tmp_path, TMPDIR=str(tmp_path / "temporary"))
    assert said(done) == "[3, 4]"
    assert not list((tmp_path / "temporary").iterdir())


FORBID = """
import ctypes
REFUSE_EXEC_GAIN, SET_MDWE = 1, 65
if ctypes.CDLL(None).prctl(SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
    raise SystemExit("not here")
"""
TOLD = "MachineCodeError: the system lets this process make no memory executable"


@pytest.fixture(scope="module")
def hardened() -> None:
    """What services are given by MemoryDenyWriteExecute."""
    if sys.platform != "linux" or run(FORBID, Path.cwd()).returncode:
        pytest.skip("this kernel cannot forbid executable memory")


@pytest.mark.usefixtures("hardened")
@pytest.mark.parametrize("engine", ["llvm", "numba"])
def test_no_executable_memory_is_an_error(engine: str, image: Path) -> None:
    code = FORBID + IMPORTED.replace("seed=0", f"seed=0, engine={engine!r}")
    done = run(code, image)
    assert done.returncode == 1
    assert TOLD in done.stderr.splitlines()[-1]


@pytest.mark.usefixtures("hardened")
def test_no_executable_memory_is_an_error_when_cold(image: Path, tmp_path: Path) -> None:
    shutil.copy(image / "tiny.py", tmp_path)
    done = run(FORBID + IMPORTED, tmp_path)
    assert done.returncode == 1
    assert TOLD in done.stderr.splitlines()[-1]
    assert not list(tmp_path.rglob("*.o"))
