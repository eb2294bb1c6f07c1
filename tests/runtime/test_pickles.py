"""Pickles carry what they need: they open in another process, with an empty cache."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import celldsl
from celldsl.cli.main import main

GATE = "def gate(x, h, N):\n    return sigmoid(linear([x, h], N))\n"
USER = """use gate from "parts/gate.cell"

cell User[I, H](activation = tanh):
    input x: [I]
    state h: [H]

    z  = gate(x, h, H)
    h' = z * h + (1 - z) * activation(linear([x, z * h], H))

    output h'
"""
DEEP = """
cell Deep[H](depth):
    input x: [H]

    state h: [depth, H]

    for k in 0..depth:
        h'[k] = tanh(h[k] + x)

    y = h'[depth - 1]
    output y
"""
OPENED = """
import pickle, sys
import numpy as np
cls, cell, state, params, grads = pickle.load(open(sys.argv[1], "rb"))
assert isinstance(cell, cls) and type(state) is cls.State, (cls, state)
cell.params.assign(params)
y, _ = cell(np.load(sys.argv[2]), state)
np.save(sys.argv[3], y)
print(cls, repr(cell).splitlines()[0], grads.params.flat.shape)
"""
X = np.random.default_rng(3).normal(size=(5, 2, 3)).astype("f4")


def test_a_cell_opens_in_another_process_with_an_empty_cache(tmp_path: Path) -> None:
    (tmp_path / "cells" / "parts").mkdir(parents=True)
    (tmp_path / "cells" / "parts" / "gate.cell").write_text(GATE)
    (tmp_path / "cells" / "user.cell").write_text(USER)
    cls = celldsl.load(tmp_path / "cells" / "user.cell")
    cell = cls(I=3, H=4, activation="relu")
    y, state, tape = cell.forward(X)
    all_of_it = type(cell), cell, state, cell.params, cell.backward(tape, y)
    (tmp_path / "pickled").write_bytes(pickle.dumps(all_of_it))
    np.save(tmp_path / "x.npy", X)
    for name in ("cells/parts/gate.cell", "cells/user.cell"):
        (tmp_path / name).unlink()
    paths = [str(tmp_path / name) for name in ("pickled", "x.npy", "y.npy")]
    done = subprocess.run(
        [sys.executable, "-c", OPENED, *paths],
        env={**os.environ, "CELLDSL_CACHE_DIR": str(tmp_path / "cache")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("<class 'User'> User(I=3, H=4, activation=relu) of float32")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), cell(X, state)[0])


def test_classes_come_back_as_themselves() -> None:
    cls = celldsl.compile_source(USER.replace('use gate from "parts/gate.cell"\n', GATE))
    deep = celldsl.compile_source(DEEP)
    for each in (cls, deep, type(deep(H=2, depth=2))):
        assert repr(each) == f"<class '{each.__name__}'>"
        assert copy.deepcopy(each) is each
    for same in (cls, type(deep(H=2, depth=2))):
        assert pickle.loads(pickle.dumps(same)) is same
    again = pickle.loads(pickle.dumps(deep))(H=2, depth=2)
    assert type(again) is type(deep(H=2, depth=2))


def test_a_pickle_that_leads_out_of_its_folder_is_refused() -> None:
    from celldsl.api import open_sources

    with pytest.raises(ValueError, match="lies outside"):
        open_sources((("a.cell", USER), ("../../b.cell", GATE)), None, {}, ())


def test_the_same_files_elsewhere_are_the_same_class(tmp_path: Path) -> None:
    found = []
    for folder in ("one", "two"):
        (tmp_path / folder / "parts").mkdir(parents=True)
        (tmp_path / folder / "parts" / "gate.cell").write_text(GATE)
        (tmp_path / folder / "user.cell").write_text(USER)
        found.append(celldsl.load(tmp_path / folder / "user.cell"))
    assert found[0] is found[1]
    assert [name for name, _ in found[0].description.sources] == ["user.cell", "parts/gate.cell"]


def test_a_stream_refuses_to_be_copied() -> None:
    stream = celldsl.load("gru")(I=2, H=3).stream()
    for make in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"cell\.stream\(batch, state=stream\.state\)"):
            make(stream)
    with pytest.raises(celldsl.ArgumentError, match='no argument "done"; did you mean "rows"'):
        stream.reset(done=np.array([True]))


def test_no_hash_is_shown() -> None:
    import pydoc

    built = celldsl.load(b"gru")
    text = pydoc.plain(pydoc.render_doc(built))
    assert text.splitlines()[0].partition(": ")[2].startswith("class GRU")
    assert "generated." not in text.splitlines()[0]
    assert repr(type(built(I=1, H=1).state(1))) == "<class 'celldsl.generated.GRU.State'>"
    assert pickle.loads(pickle.dumps(built)) is built
    with pytest.raises(
        celldsl.ArgumentError, match="expected a file or the name of a cell, got int"
    ):
        celldsl.load(3)  # type: ignore[arg-type]


WORKER = """
import importlib.util, multiprocessing, sys
import numpy as np

def last(cell, x):
    return cell(x)[0]

if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("lonely", sys.argv[1])
    sys.modules["lonely"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    cell = module.Deep(H=3)
    x = np.ones((2, 1, 3), "f4")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.starmap_async(last, [(cell, x)]).get(timeout=100)
    assert np.array_equal(found[0], cell(x)[0])
"""


def test_a_worker_that_does_not_find_the_module_compiles_the_cell(tmp_path: Path) -> None:
    """A task that cannot be unpickled ends the worker of a Pool, and its caller waits for ever."""
    (tmp_path / "deep.cell").write_text(DEEP)
    (tmp_path / "elsewhere").mkdir()
    made = tmp_path / "elsewhere" / "lonely.py"
    assert main(["compile", str(tmp_path / "deep.cell"), "--set", "depth=2", "-o", str(made)]) == 0
    (tmp_path / "work.py").write_text(WORKER)
    done = subprocess.run(
        [sys.executable, "work.py", str(made)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
