"""From files to classes: the cache, changes, variants, imports."""

from __future__ import annotations

import importlib
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import celldsl
import celldsl.generated
import celldsl.importer
import celldsl.pipeline
from celldsl.cache_folders import cache_root
from celldsl.fingerprint import own_text, source_key
from celldsl.runtime.cell.cell import Cell
from tests.runtime.made import Generator


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Generator:
    monkeypatch.setenv("CELLDSL_CACHE_DIR", str(tmp_path / "cache"))
    made = Generator()
    monkeypatch.setattr(celldsl.pipeline, "generate_module", made)
    return made


def test_a_file_is_compiled_once(generator: Generator, tmp_path: Path) -> None:
    (tmp_path / "one.cell").write_text("cell One")
    first = celldsl.load(tmp_path / "one.cell")
    assert first.__name__ == "One"
    assert first(I=2, H=3).dims == {"I": 2, "H": 3}
    assert celldsl.load(str(tmp_path / "one.cell")) is first
    assert generator.structures == [{}]
    (tmp_path / "one.cell").write_text("cell One # changed")
    assert celldsl.load(tmp_path / "one.cell") is not first
    assert len(generator.structures) == 2


def test_a_text_is_compiled_once(generator: Generator) -> None:
    assert celldsl.compile_source("cell Two") is celldsl.compile_source("cell Two")
    assert celldsl.compile_source("cell Two # other").__name__ == "Two"
    assert len(generator.structures) == 2


def test_variants_are_made_when_asked_for(generator: Generator) -> None:
    cls = celldsl.compile_source("cell Three")
    assert cls(I=2).hypers["activation"] == "tanh"
    relu = cls(I=2, activation="relu")
    assert relu.hypers["activation"] == "relu"
    assert type(cls(I=3, activation="relu")) is type(relu)
    assert generator.structures == [{}, {"activation": "relu"}]


def test_a_loaded_cell_is_pickled_by_its_name(generator: Generator) -> None:
    cell = celldsl.compile_source("cell Four")(I=2, H=3)
    data = pickle.dumps(cell)
    for name in [name for name in sys.modules if name.startswith("celldsl.generated.")]:
        del sys.modules[name]
    again = pickle.loads(data)
    assert type(again).__module__ == type(cell).__module__
    assert np.array_equal(again.params.flat, cell.params.flat)


def test_a_second_process_needs_no_compiler(
    generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "five.cell").write_text("cell Five")
    celldsl.load(tmp_path / "five.cell")
    code = (
        "import celldsl, sys\n"
        f"print(celldsl.load({str(tmp_path / 'five.cell')!r})(I=2).dims)\n"
        "print(sorted(m for m in sys.modules if m.startswith(('lark', 'celldsl.pipeline', "
        "'celldsl.syntax', 'celldsl.semantics', 'celldsl.ir', 'celldsl.plan'))))"
    )
    root = Path(__file__).parents[2]
    home = f"{Path(celldsl.__file__).parents[1]}{os.pathsep}{root}"
    monkeypatch.setenv("PYTHONPATH", home)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.splitlines() == ["{'I': 2, 'H': 2}", "[]"]


def test_what_a_file_uses_is_part_of_its_key(tmp_path: Path) -> None:
    text = 'use A from "other.cell"\ncell B'
    path = tmp_path / "b.cell"

    def key() -> str:
        return source_key(text, "b.cell", path, tmp_path, None, {})

    missing = key()
    (tmp_path / "other.cell").write_text('use C from "third.cell"')
    found = key()
    (tmp_path / "third.cell").write_text("cell C")
    assert len({missing, found, key()}) == 3
    assert key() != source_key(text, "b.cell", path, tmp_path, "B", {})
    assert key() != source_key(text, "b.cell", path, tmp_path, None, {"n": 1})


def test_hostile_uses_are_not_read(tmp_path: Path) -> None:
    for used in ("/dev/zero", "../" * 50 + "etc/passwd", "\0", "self.cell", "x" * 5000):
        text = f'use A from "{used}"'
        (tmp_path / "self.cell").write_text(text.replace("\0", ""))
        key = source_key(text, "self.cell", tmp_path / "self.cell", tmp_path, None, {})
        assert key.startswith("h")


def test_the_cache_falls_back_where_it_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CELLDSL_CACHE_DIR", str(tmp_path / "file" / "below"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert cache_root() == tmp_path / "home" / "celldsl"


def test_imports_find_cells(
    generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "some_cells"
    folder.mkdir()
    (folder / "six.cell").write_text("cell Six")
    (folder / "both.cell").write_text("cell Seven\n\ncell Eight\n")
    monkeypatch.syspath_prepend(tmp_path)
    six = importlib.import_module("some_cells.six")
    assert six.Six(I=2).dims == {"I": 2, "H": 2}
    assert "tanh(scale" in six.__doc__
    assert len(generator.structures) == 1
    both = importlib.import_module("some_cells.both")
    assert len(generator.structures) == 1
    assert both.Eight.__name__ == "Eight"
    with pytest.raises(AttributeError, match="has no cell Nine"):
        both.Nine  # noqa: B018
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("some_cells.seven")


def test_installing_twice_changes_nothing() -> None:
    before = list(sys.meta_path)
    celldsl.importer.install()
    assert sys.meta_path == before


def test_a_missing_file_is_an_ordinary_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.cell"):
        celldsl.load(tmp_path / "none.cell")


def test_bytes_that_are_no_text_are_a_diagnostic(tmp_path: Path) -> None:
    (tmp_path / "x.cell").write_bytes(b"cell \xff")
    with pytest.raises(celldsl.CellError, match="E0001"):
        celldsl.load(tmp_path / "x.cell")


def test_the_package_offers_what_it_says() -> None:
    threads = importlib.import_module("celldsl.runtime.threads.thread_count")
    assert celldsl.set_threads is threads.set_threads
    # What another test has imported is there too.
    assert set(dir(celldsl)) - {"torch", "jax"} == set(celldsl.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        celldsl.nothing  # noqa: B018


DEEP = """\
cell Deep[H](depth):
    input x: [H]
    state h: [H]
    y = x
    for k in 0..depth:
        y = tanh(linear([y], H))
    h' = 0.5 * h + y
    output h'
"""


def test_a_structure_without_a_default_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CELLDSL_CACHE_DIR", str(tmp_path / "cache"))
    Deep = celldsl.compile_source(DEEP)
    assert (Deep.__name__, issubclass(Deep, Cell)) == ("Deep", True)
    assert "tanh(linear([y], H))" in (Deep.__doc__ or "")
    with pytest.raises(TypeError, match=r"Deep\(\) needs depth, which decides its structure"):
        Deep(H=3)
    cell = Deep(H=3, depth=2)
    assert [*cell.params] == ["y.0.W_y", "y.0.b", "y.1.W_y", "y.1.b"]
    cell.save(tmp_path / "deep.safetensors")
    again = Deep.from_file(tmp_path / "deep.safetensors")
    assert again.hypers == {"depth": 2}
    assert len(Deep(H=3, depth=3).params) == 6


PARTS = ["def f(v) = v + 1\n", "cell A[H]:\n    input x: [H]\n\n    a = f(x)\n", "# a note\n",
         "cell B[H]:\n    sub a = A(H=H)\n", "cell C[H]:\n    state c: [H]\n"]  # fmt: skip


def test_a_cell_depends_on_those_that_it_names_and_no_others() -> None:
    text = "\n".join(PARTS)
    assert own_text(text, None) == text
    for cell, names in (("A", "A"), ("B", "AB"), ("C", "C"), ("D", "")):
        own = own_text(text, cell)
        assert re.findall(r"^cell (\w)", own, re.MULTILINE) == list(names)
        assert "def f" in own and "# a note" in own
        for part in PARTS:
            changed = part.replace("[H]", "[K]") + "\n    # another\n"
            same = own_text(text.replace(part, changed), cell) == own
            assert same == (part.startswith("cell") and part[5] not in names)


def test_what_looks_like_a_cell_in_a_string_hides_nothing() -> None:
    text = 'cell A[H]:\n    """Like\ncell B.\n    """\n    h = 1\n'
    assert own_text(text, "A") == text
