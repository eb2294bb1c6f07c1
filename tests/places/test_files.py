"""What is where a file goes: open files, files of others, circles of links, pictures half made."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from celldsl.cli.main import main
from celldsl.cli.output import write_figure
from celldsl.files import is_special, replace_file
from tests.places.place import CELL, FORBIDS, NO_ENTRY


@pytest.fixture
def named_by_number() -> None:
    if not Path("/dev/fd").is_dir():
        pytest.skip("open files have no names here")


@pytest.mark.usefixtures("named_by_number")
def test_an_open_file_is_written_where_it_is_at(tmp_path: Path) -> None:
    """As /dev/stdout after `>>`: what was in it stays."""
    log = tmp_path / "log"
    with log.open("wb", buffering=0) as file:
        file.write(b"before ")
        link = tmp_path / "link"
        link.symlink_to(f"/dev/fd/{file.fileno()}")
        for path in (f"/dev/fd/{file.fileno()}", link):
            assert is_special(path)
            replace_file(path, [b"between "])
        file.write(b"after")
    assert log.read_bytes() == b"before between between after"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "log"]


@pytest.mark.usefixtures("named_by_number")
def test_an_open_file_that_has_no_name(tmp_path: Path) -> None:
    with (tmp_path / "gone").open("w+b") as file:
        (tmp_path / "gone").unlink()
        replace_file(f"/dev/fd/{file.fileno()}", [b"text"])
        file.seek(0)
        assert file.read() == b"text"
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("named_by_number")
@pytest.mark.parametrize("words", [["show", "--diagram"], ["compile", "-o"]])
def test_what_goes_to_an_open_file_is_that_file_alone(
    words: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tiny.cell").write_text(CELL, encoding="utf-8")
    assert main([words[0], str(tmp_path / "tiny.cell"), words[1], "/dev/fd/1"]) == 0
    told = capfd.readouterr().out
    assert told.startswith(("<svg", '"""')) and "wrote" not in told


def test_links_in_a_circle_are_an_error_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "one.svg").symlink_to("two.svg")
    (tmp_path / "two.svg").symlink_to("one.svg")
    with pytest.raises(OSError) as caught:
        replace_file(tmp_path / "one.svg", [b""])
    assert caught.value.errno == errno.ELOOP
    assert caught.value.filename == str(tmp_path / "one.svg")


def test_a_file_of_somebody_else_stays_theirs_and_closed(tmp_path: Path) -> None:
    if not hasattr(os, "getuid") or os.getuid() != 0:
        pytest.skip(f"to have files of others: {FORBIDS}")
    place = tmp_path / "tiny.cell"
    place.write_text("before", encoding="utf-8")
    os.chown(place, NO_ENTRY, NO_ENTRY)
    place.chmod(0o600)
    seen = []

    def chunks() -> Iterator[bytes]:
        """Looks at what is being written as anybody could."""
        (beside,) = tmp_path.glob(".tiny.cell.*")
        seen.append(stat.S_IMODE(beside.stat().st_mode))
        yield b"after"

    replace_file(place, chunks())
    found = place.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (NO_ENTRY, NO_ENTRY, 0o600)
    assert (place.read_bytes(), seen) == (b"after", [0o600])


class Drawn:
    """As one of Matplotlib's figures."""

    def __init__(self, ends: bool) -> None:
        self.ends = ends

    def savefig(self, file: Any, format: str, dpi: int) -> None:
        file.write(f"half of a {format}".encode())
        if not self.ends:
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_picture_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "curves.svg"
    place.write_text("the one before", encoding="utf-8")
    with pytest.raises(OSError, match="No space"):
        write_figure(Drawn(ends=False), place, 100)
    assert place.read_text(encoding="utf-8") == "the one before"
    write_figure(Drawn(ends=True), place, 100)
    assert place.read_text(encoding="utf-8") == "half of a svg"
    assert [path.name for path in tmp_path.iterdir()] == ["curves.svg"]


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="there are no devices")
def test_a_picture_for_a_device_goes_through_it(capsys: pytest.CaptureFixture[str]) -> None:
    write_figure(Drawn(ends=True), Path("/dev/null"), 100)
    assert Path("/dev/null").is_char_device() and not Path("/dev/null.png").exists()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (
            "curves",
            "a picture's name ends in .png, .svg, .pdf, .jpg, and curves does not; curves.png",
        ),
        ("curves.txt", "curves.txt.png would do"),
        ("away/curves.png", "there is no folder away"),
        (".", "curves.png would do"),
    ],
)
def test_a_picture_that_cannot_be_is_refused_before_anything_is_learned(
    name: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    pytest.importorskip("matplotlib", reason="the picture is Matplotlib's")
    monkeypatch.chdir(tmp_path)
    assert main(["try", "rnn", "--out", name]) == 2
    caught = capsys.readouterr()
    assert why in caught.err and not caught.out
    assert not list(tmp_path.iterdir())
