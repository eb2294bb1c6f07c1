"""Files that are written whole or not at all.  In: a path and chunks of bytes.  Out: the file.

    replace_file("gru.py", [text.encode()])

Needs neither NumPy nor Numba.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path


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
        with Path(path).open("wb") as through:
            through.writelines(chunks)
        return
    target = Path(path).resolve()
    beside = target.with_name(f".{target.name[:200]}.{os.urandom(6).hex()}")
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
        _remove(beside)
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    except BaseException:
        _remove(beside)
        raise


def _remove(beside: Path) -> None:
    """What was half written.  It may lie where nothing can be removed, and then was never made."""
    try:
        beside.unlink(missing_ok=True)
    except OSError:
        return
