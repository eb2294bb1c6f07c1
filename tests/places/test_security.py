"""The limits that SECURITY.md names, one by one, with harmless input."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

import celldsl
from celldsl import fingerprint
from celldsl.cache_folders import read_checked
from celldsl.runtime.cell.saving import LONGEST_HEADER, read_weights
from celldsl.syntax import limits
from tests.places.place import CELL

PAGE = Path(__file__).parents[2] / "SECURITY.md"


def refused(folder: Path, text: str, name: str = "tiny.cell", **options: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(celldsl.CellError) as error:
        celldsl.load(folder / name, **options)
    return str(error.value)


def test_the_page_says_the_numbers_that_hold() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    said = (f"{limits.MAX_FILE_BYTES // 1024} KiB", f"{limits.MAX_LINE} characters",
            f"{limits.MAX_FILES} files", f"{LONGEST_HEADER // 10**6} MB")  # fmt: skip
    assert all(each in page for each in said)
    assert (fingerprint.MAX_BYTES, fingerprint.MAX_FILES) == (
        limits.MAX_FILE_BYTES, limits.MAX_FILES,
    )  # fmt: skip


def test_a_file_and_a_line_that_are_too_long(tmp_path: Path) -> None:
    assert "256 KiB" in refused(tmp_path, CELL + "# more\n" * 40_000)
    assert "the limit is 4000" in refused(tmp_path, f"{CELL}# {'x' * 4000}\n")


def test_more_files_than_a_cell_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change in one that nobody looks at would otherwise be missed."""
    monkeypatch.setattr("celldsl.semantics.modules.MAX_FILES", 3)
    used = "".join(f'use f{i} from "a{i}.cell"\n' for i in range(4))
    for i in range(4):
        (tmp_path / f"a{i}.cell").write_text(f"def f{i}(a: [N]): [N] = a\n", encoding="utf-8")
    told = refused(tmp_path, f"{used}\n{CELL}")
    assert "a cell uses 3 files at most" in told


@pytest.mark.parametrize("way", ["../a.cell", "link.cell"])
def test_files_outside_the_root(way: str, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "a.cell").write_text("def f(a: [N]): [N] = a\n", encoding="utf-8")
    if way == "link.cell":
        (inside / way).symlink_to(tmp_path / "a.cell")
    assert "lies outside the root" in refused(inside, f'use f from "{way}"\n\n{CELL}')


def test_a_name_of_pythons_is_no_code(tmp_path: Path) -> None:
    """Nor is that of a file."""
    place = tmp_path / "a'); raise SystemExit('no.cell"
    place.write_text(CELL.replace("Tiny", "exec"), encoding="utf-8")
    cell = celldsl.load(place)(I=2, H=3, seed=0)
    assert cell(np.zeros((2, 1, 2), np.float32))[0].shape == (2, 1, 3)
    assert type(cell).__name__ == "exec"


def test_weights_are_compared_with_the_length_of_the_file(tmp_path: Path) -> None:
    def weights(length: int | None, **entry: object) -> Path:
        held = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **entry}
        header = json.dumps({"a": held}).encode()
        size = len(header) if length is None else length
        (tmp_path / "a.safetensors").write_bytes(size.to_bytes(8, "little") + header + bytes(8))
        return tmp_path / "a.safetensors"

    assert read_weights(weights(None))[0]["a"].shape == (2,)
    wrong = [weights(LONGEST_HEADER + 1), weights(10**6)]
    for place in wrong:
        with pytest.raises(celldsl.WeightsError, match="the header is cut off"):
            read_weights(place)
    for entry in ({"shape": [10**12]}, {"data_offsets": [0, 10**9]}, {"dtype": "X"}):
        with pytest.raises(celldsl.WeightsError):
            read_weights(weights(None, **entry))


def test_a_pickle_in_the_place_of_weights_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "tiny.cell").write_text(CELL, encoding="utf-8")
    cell = celldsl.load(tmp_path / "tiny.cell")(I=2, H=3, seed=0)
    np.savez(tmp_path / "a.npz", a=np.array([{}], dtype=object))
    (tmp_path / "half.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:50])
    for name in ("a.npz", "half.npz"):
        with pytest.raises(celldsl.WeightsError, match=f"{name}: no .npz file of plain arrays"):
            cell.load_from(tmp_path / name, "torch")


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no users")
@pytest.mark.parametrize(("file", "folder", "read"), [(0o644, 0o755, True), (0o646, 0o755, False),
                                                      (0o644, 0o757, False)])  # fmt: skip
def test_what_others_may_write_is_not_read(
    file: int, folder: int, read: bool, tmp_path: Path
) -> None:
    from celldsl.cache_folders import keep_checked

    own = tmp_path / "own"
    own.mkdir()
    keep_checked(own / "code", b"code")
    (own / "code").chmod(file)
    own.chmod(folder)
    assert (read_checked(own / "code", {os.getuid()}) == b"code") is read
    assert read_checked(own / "code", {os.getuid() + 1}) is None


def test_how_to_report_is_said() -> None:
    assert re.search(r"^## How to report$", PAGE.read_text(encoding="utf-8"), re.M)
