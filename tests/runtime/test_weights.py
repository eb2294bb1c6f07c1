"""Saving and loading: the format as the library reads it, and files that are no such thing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import celldsl
from celldsl.runtime.cell.cell import Cell
from celldsl.runtime.cell.saving import read_weights, write_weights
from celldsl.runtime.errors import ArgumentError, WeightsError, WeightsWarning
from tests.runtime.fake_cell import Fake
from tests.runtime.fake_pair import Pair

W = np.array([0.1, 0.5, 0.9])


def test_the_library_reads_what_is_written(tmp_path: Path, cell: Fake) -> None:
    cell.save(tmp_path / "fake.safetensors")
    found = load_file(tmp_path / "fake.safetensors")
    assert sorted(found) == sorted(cell.params)
    for name, array in cell.params.items():
        assert np.array_equal(found[name], array)
    assert [p.name for p in tmp_path.iterdir()] == ["fake.safetensors"]


def test_what_the_library_writes_is_read(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.float32([1]), "c": np.zeros((0, 2))}
    save_file(arrays, tmp_path / "x.safetensors", {"k": "v"})
    found, metadata = read_weights(tmp_path / "x.safetensors")
    assert metadata == {"k": "v"}
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)
        assert found[name].flags.writeable


def test_no_file_of_another_format_is_written(tmp_path: Path, cell: Fake) -> None:
    with pytest.raises(ArgumentError, match=r"saved as safetensors, .*fake\.safetensors"):
        cell.save(tmp_path / "fake.npz")
    assert not list(tmp_path.iterdir())


def test_a_cell_comes_back_with_all_it_was_built_with(tmp_path: Path, cell: Fake) -> None:
    cell.params.flat += 0.5
    cell.save(tmp_path / "fake")
    again = Fake.from_file(tmp_path / "fake")
    assert repr(again) == repr(cell)
    assert np.array_equal(again.params.flat, cell.params.flat)
    pair = Pair(H=3, w=W, dtype="float64", decay=0.25)
    pair.save(tmp_path / "pair")
    other = Pair.from_file(tmp_path / "pair")
    assert np.array_equal(other.consts["w"], W)
    assert other.hypers == {"decay": 0.25}


def test_the_file_of_another_cell(tmp_path: Path, cell: Fake) -> None:
    cell.save(tmp_path / "fake")
    with pytest.raises(WeightsError, match="expected weights of Pair, found Fake"):
        Pair.from_file(tmp_path / "fake")


def test_what_differs_is_said(tmp_path: Path, cell: Fake) -> None:
    cell.save(tmp_path / "fake")
    arrays, metadata = read_weights(tmp_path / "fake")
    arrays["extra"] = arrays.pop("h.b")
    arrays["h0"] = np.zeros(5)
    write_weights(tmp_path / "fake", arrays, metadata)
    with pytest.raises(WeightsError) as caught:
        Fake.from_file(tmp_path / "fake")
    for part in ("h.b is missing", "extra is not of", "h0 is (5,) of float64, not (4,)"):
        assert part in str(caught.value)


def test_the_old_file_stays_when_writing_fails(tmp_path: Path, cell: Fake) -> None:
    target = tmp_path / "fake"
    target.mkdir()
    (target / "inside").touch()
    with pytest.raises(OSError, match="fake"):
        cell.save(target)
    assert [p.name for p in tmp_path.iterdir()] == ["fake"]


def _file(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def _entry(**changes: object) -> dict[str, object]:
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 16,
        (2**62).to_bytes(8, "little") + b"{}",
        _file(b"[]"),
        _file(b"{"),
        _file(b"\xff\xfe"),
        _file({"a": 1}),
        _file({"a": {}}),
        _file(_entry(dtype="X8"), b"\0" * 8),
        _file(_entry(shape=[3]), b"\0" * 8),
        _file(_entry(shape=[-2]), b"\0" * 8),
        _file(_entry(data_offsets=[0, 80]), b"\0" * 8),
        _file(_entry(data_offsets=[8, 0]), b"\0" * 8),
        _file(_entry(shape=[2**40, 2**40]), b"\0" * 8),
    ],
)
def test_files_that_are_something_else(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(WeightsError, match="not a safetensors file"):
        read_weights(tmp_path / "x")


RNN = """
cell Net[I, H](scale = 1.0, activation = tanh):
    \"\"\"A network.\"\"\"
    input x: [I]
    state h: [H]
    param g: [] = 1.0

    h' = g * activation(scale * linear([x, h], H))  # the only equation

    output h'
"""


@pytest.fixture
def net() -> Cell:
    return celldsl.compile_source(RNN)(I=3, H=4, seed=3)


def test_weights_go_into_a_cell_that_is_there(tmp_path: Path, net: Cell) -> None:
    net.params["g"] = 0.5
    net.save(tmp_path / "net")
    other = type(net)(I=3, H=4)
    other.load(tmp_path / "net")
    assert np.array_equal(other.params.flat, net.params.flat)
    save_file({name: np.array(a) for name, a in net.params.items()}, tmp_path / "plain")
    again = type(net)(I=3, H=4)
    again.load(tmp_path / "plain")
    assert np.array_equal(again.params.flat, net.params.flat)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("g"), "g is missing"),
        (lambda a: a.update(k=np.zeros(2, "f4")), "k is not of this cell"),
        (lambda a: a.update(g=np.zeros(2, "f4")), r"g is \(2,\) of float32, not \(\)"),
        (lambda a: a.update(g=np.zeros((), "f2")), "g is stored as F16; cells have F32 and F64"),
        (lambda a: a.update(g=np.zeros((), "f8")), "g is .* of float64, not"),
    ],
)
def test_weights_of_others_that_do_not_fit(
    tmp_path: Path, net: Cell, change: Any, message: str
) -> None:
    arrays = {name: np.array(a) for name, a in net.params.items()}
    change(arrays)
    save_file(arrays, tmp_path / "plain")
    before = net.params.flat.copy()
    with pytest.raises(WeightsError, match=message):
        net.load(tmp_path / "plain")
    assert np.array_equal(net.params.flat, before)


def test_other_settings_are_told(tmp_path: Path, net: Cell) -> None:
    net.save(tmp_path / "net")
    with pytest.warns(WeightsWarning, match=r"saved with scale=1\.0, and this cell keeps scale=2"):
        type(net)(I=3, H=4, scale=2).load(tmp_path / "net")
    with pytest.raises(WeightsError, match="saved from a cell with activation=tanh, not relu"):
        type(net)(I=3, H=4, activation="relu").load(tmp_path / "net")
    with pytest.raises(WeightsError, match="saved from a cell with H=4, not 5"):
        type(net)(I=3, H=5).load(tmp_path / "net")


def test_other_equations_are_told_with_a_diff(tmp_path: Path, net: Cell) -> None:
    net.save(tmp_path / "net")
    told = (
        RNN.replace("A network", "Another word")
        .replace("# the only", "# an")
        .replace("* a", "*  a")
    )
    celldsl.compile_source(told).from_file(tmp_path / "net")
    other = celldsl.compile_source(RNN.replace("g * act", "2 * g * act"))
    for load in (other.from_file, other(I=3, H=4).load):
        with pytest.warns(WeightsWarning, match="other equations of Net") as warned:
            load(tmp_path / "net")
        assert "    -    h' = g * activation" in str(warned[0].message)
        assert "    +    h' = 2 * g * activation" in str(warned[0].message)
        assert warned[0].filename == __file__


def test_older_files_hold_a_digest_alone(tmp_path: Path, net: Cell) -> None:
    net.save(tmp_path / "net")
    arrays, metadata = read_weights(tmp_path / "net")
    del metadata["sources"], metadata["given"]
    write_weights(tmp_path / "net", arrays, metadata)
    net.load(tmp_path / "net")
    write_weights(tmp_path / "net", arrays, {**metadata, "digest": "0"})
    with pytest.warns(WeightsWarning, match="other equations of Net, or of another layout"):
        net.load(tmp_path / "net")
