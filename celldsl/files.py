"""Files that celldsl writes: where they go, and written whole or not at all.

Where what was made is kept for other processes.  In: the environment.  Out: folders.

    cache_root()                          # the user's folder for celldsl, which exists
    code_folder(Path("build/gru.py"))     # where machine code of a module goes

CELLDSL_CACHE_DIR is the folder to use instead of the platform's.  Machine code lies beside its
module in `__pycache__`, or in the user's folder where that cannot be written; NUMBA_CACHE_DIR moves
it, as it moves Numba's own.

Files that are written whole or not at all.  In: a path and chunks of bytes.  Out: the file.

    replace_file("gru.py", [text.encode()])

Needs neither NumPy nor Numba.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path


def cache_root() -> Path:
    """The folder of generated modules, which exists and is this user's own."""
    return _usable(os.environ.get("CELLDSL_CACHE_DIR", ""))


def code_folder(module: Path) -> Path:
    """The folder for machine code of a module, which exists."""
    named = os.environ.get("NUMBA_CACHE_DIR", "")
    beside = _part_of(Path(named), module) if named else module.parent / "__pycache__"
    if _is_ready(beside):
        return beside
    shared = _part_of(cache_root(), module)
    return shared if _is_ready(shared) else cache_root()


def _is_ready(folder: Path) -> bool:
    """Whether code may be kept there; makes the folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.access(folder, os.W_OK) and _is_own(folder)
    except OSError:
        return False


def _part_of(folder: Path, module: Path) -> Path:
    """The part for one folder of modules: others have modules of the same names."""
    import hashlib

    place = str(module.parent.resolve()).encode("utf-8", "surrogatepass")
    return folder / f"code-{hashlib.sha256(place).hexdigest()[:16]}"


@lru_cache(maxsize=8)
def _usable(named: str) -> Path:
    path = Path(named) if named else _platform_cache() / "celldsl"
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.access(path, os.W_OK) and _is_own(path):
            return path.resolve()
    except OSError:
        # Read-only homes are common (containers, services); what follows is good for this process.
        return _temporary()
    return _temporary()


def _temporary() -> Path:
    import atexit  # these are seldom needed, and slow
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="celldsl-")).resolve()
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: Path, process: int) -> None:
    """At the end of the process that made it, which is not that of a child after a fork."""
    import shutil

    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def _is_own(path: Path) -> bool:
    """Code is run from there: nobody else may write there, or may have."""
    if not hasattr(os, "getuid"):
        return True
    status = path.stat()
    if status.st_uid != os.getuid() or status.st_mode & stat.S_IWOTH:
        return False
    return not status.st_mode & stat.S_IWGRP or _is_private(status.st_gid)


def _is_private(group: int) -> bool:
    """Whether a group is a user's own, as systems make one for each: of their name, and with nobody
    else in it."""
    import grp  # where there are users there are groups
    import pwd

    try:
        user, found = pwd.getpwuid(os.getuid()), grp.getgrgid(group)
    except KeyError:
        return False
    alone = set(found.gr_mem) <= {user.pw_name}
    return alone and found.gr_name == user.pw_name and user.pw_gid == group


def _platform_cache() -> Path:
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 (never raises)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")


def is_special(path: str | os.PathLike[str]) -> bool:
    """Whether a device, a pipe or a socket is there, which nothing may replace."""
    place = Path(path)
    return place.exists() and not place.is_file() and not place.is_dir()


def replace_file(path: str | os.PathLike[str], chunks: Iterable[bytes | memoryview]) -> None:
    """Writes beside the file and moves it into place: readers see the old one or the new one.

    A link is followed to the file that it names.  A device or a pipe is written through.  Raises
    OSError, and then the old file is as it was.
    """
    if is_special(path):
        with Path(path).open("wb") as through:
            through.writelines(chunks)
        return
    target = Path(path).resolve()
    beside = target.with_name(f".{target.name}.{os.urandom(6).hex()}")
    try:
        with beside.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
