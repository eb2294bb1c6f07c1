"""Files that are written whole or not at all.  In: a path and chunks of bytes.  Out: the file.

    replace_file("gru.py", [text.encode()])

Needs neither NumPy nor Numba.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path


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
    """The place of a path, links followed.  Raises FileNotFoundError, with the path in it, where it
    is one in a current folder that was removed."""
    try:
        return Path(path).resolve()
    except FileNotFoundError as error:
        told = "the current folder is no longer there"
        raise FileNotFoundError(error.errno, told, os.fspath(path)) from None


def cut_name(name: str, most: int) -> str:
    """A name, or where it is longer what fits into that many bytes, which file systems count."""
    held = os.fsencode(name)
    return name if len(held) <= most else held[:most].decode("utf-8", "ignore")


def is_special(path: str | os.PathLike[str]) -> bool:
    """Whether a device, a pipe or a socket is there, which nothing may replace."""
    place = Path(path)
    return place.exists() and not place.is_file() and not place.is_dir()


def replace_file(path: str | os.PathLike[str], chunks: Iterable[bytes | memoryview]) -> None:
    """Writes beside the file and moves it into place: readers see the old one or the new one.

    A link is followed to the file that it names, and who may read that may read the new one.  A
    device or a pipe is written through.  Raises OSError, with the file's name in it, and then the
    old file is as it was.
    """
    if is_special(path):
        try:
            with Path(path).open("wb") as through:
                through.writelines(chunks)
        except OSError as error:
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        return
    target = absolute(path)
    beside = target.with_name(f".{cut_name(target.name, 200)}.{os.urandom(6).hex()}")
    try:
        with beside.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
            # Some systems say only now that there was no room.
            file.flush()
        if target.exists():
            beside.chmod(stat.S_IMODE(target.stat().st_mode))
        beside.replace(target)
    except OSError as error:
        remove(beside)
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    except BaseException:
        remove(beside)
        raise


def remove(path: Path) -> None:
    """Takes a file away, where that can be done: what was half written may never have been made."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
