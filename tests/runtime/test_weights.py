"""Saving and loading: the format as the library reads it, and files that are no such thing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from celldsl.runtime.cell.saving import read_weights, write_weights
from celldsl.runtime.errors import WeightsError
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
        _file(_entry(dtype="I8"), b"\0" * 8),
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
