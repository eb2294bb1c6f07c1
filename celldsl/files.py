"""Files that are written whole or not at all.  In: a path and chunks of bytes.  Out: the file.

    replace_file("gru.py", [text.encode()])

Needs neither NumPy nor Numba.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MOST_LINKS = 40  # that lead from one to the next, as on Linux


def has_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is there, as far as this user can see: `Path.is_file` raises OSError where a
    folder may not be searched, or a name is too long."""
    return os.path.isfile(path)  # noqa: PTH113


def matching(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder, by name; none where it cannot be looked at."""
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []


def absolute(path: str | os.PathLike[str]) -> Path:
    """The place of a path, links followed.  Raises OSError, with the path in it, where links lead
    in a circle, or where it is one in a current folder that was removed."""
    try:
        return Path(path).resolve()
    except FileNotFoundError as error:
        told = "the current folder is no longer there"
        raise FileNotFoundError(error.errno, told, os.fspath(path)) from None
    except RuntimeError:  # until Python 3.13
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(path)) from None


def cut_name(name: str, most: int) -> str:
    """A name, or where it is longer what fits into that many bytes, which file systems count."""
    held = os.fsencode(name)
    return name if len(held) <= most else held[:most].decode("utf-8", "ignore")


def is_special(path: str | os.PathLike[str]) -> bool:
    """Whether a device, a pipe, a socket is there, or a file that is open in this process is meant:
    nothing may replace them."""
    place = Path(path)
    if _open_number(place) is not None:
        return True
    return place.exists() and not place.is_file() and not place.is_dir()


def _open_number(place: Path) -> int | None:
    """The number of an open file that a path stands for, as /dev/stdout does; None of others.

    Such a file may have no name, or have more in it than what comes through the path.
    """
    for _ in range(MOST_LINKS):
        if place.name.isdecimal() and place.parent.resolve() == Path("/dev/fd").resolve():
            return int(place.name)
        if not place.is_symlink():
            return None
        place = place.parent / place.readlink()
    return None


def replace_file(path: str | os.PathLike[str], chunks: Iterable[bytes | memoryview]) -> None:
    """Writes beside the file and moves it into place: readers see the old one or the new one.

    A link is followed to the file that it names; whose that is and who may read it stays.  A device
    or a pipe is written through, and a file that is open, as /dev/stdout, where it is at.  Raises
    OSError, with the file's name in it, and then the old file is as it was.
    """
    try:
        if is_special(path):
            _write_through(Path(path), chunks)
        else:
            _replace(absolute(path), chunks)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _write_through(path: Path, chunks: Iterable[bytes | memoryview]) -> None:
    number = _open_number(path)
    with path.open("wb") if number is None else os.fdopen(os.dup(number), "wb") as through:
        through.writelines(chunks)


def _replace(target: Path, chunks: Iterable[bytes | memoryview]) -> None:
    beside = target.with_name(f".{cut_name(target.name, 200)}.{os.urandom(6).hex()}")
    try:
        before = target.stat() if target.exists() else None
        mode = 0o666 if before is None else stat.S_IMODE(before.st_mode)
        with open(beside, "xb", opener=lambda name, how: os.open(name, how, mode)) as file:
            for chunk in chunks:
                file.write(chunk)
            # Some systems say only now that there was no room.
            file.flush()
            if before is not None:
                _take_owner(file.fileno(), before)
                beside.chmod(mode)
        beside.replace(target)
    except BaseException:
        remove(beside)
        raise


def _take_owner(file: int, before: os.stat_result) -> None:
    """Gives a file to whom the one before belongs, as far as this user may."""
    now = os.fstat(file)
    if not hasattr(os, "fchown") or (now.st_uid, now.st_gid) == (before.st_uid, before.st_gid):
        return
    with suppress(OSError):
        os.fchown(file, -1, before.st_gid)  # which others than root may do
        os.fchown(file, before.st_uid, -1)


def remove(path: Path) -> None:
    """Takes a file away, where that can be done: what was half written may never have been made."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
