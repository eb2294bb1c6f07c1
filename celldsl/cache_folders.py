"""Where what was made is kept for other processes.  In: the environment.  Out: folders and files.

    cache_roots()                         # where generated modules may be: they are read from there
    cache_root()                          # the first that can be written, or None
    code_folders(Path("build/gru.py"))    # where machine code of a module may be, and whose
    code_folder(Path("build/gru.py"))     # the first that can be written, or None
    kept("grammar-1"), keep("grammar-1", data)      # a file of the user's folder

CELLDSL_CACHE_DIR is the folder to use before the platform's.  Machine code lies beside its module
in `__pycache__`, or in the user's folder where that cannot be written; NUMBA_CACHE_DIR moves it, as
it moves Numba's own.

Code is run from these folders.  It is read where only root, the reader or the owner of the module
can write, and written where the reader alone can.  Where there is no such folder, or no room, all
goes on in memory, and one warning in a process says so.
"""

from __future__ import annotations

import os
import stat
import sys
import warnings
from collections.abc import Collection
from pathlib import Path
from zlib import crc32

from celldsl.files import replace_file

ROOT = 0
CHECK = 12  # bytes before what is kept: its length and its sum
_WARNED: list[str] = []


class CacheWarning(UserWarning):
    """Something could not be kept on disk, and will be made anew by each process."""


def cache_roots() -> list[Path]:
    """Folders of generated modules that can be trusted, in the order in which to look."""
    return [folder for folder in _candidates() if is_trusted(folder)]


def cache_root() -> Path | None:
    """The folder to write to, which exists and is this user's own; None where there is none."""
    return next((folder for folder in _candidates() if not _why_not(folder)), None)


def code_folders(module: Path) -> list[tuple[Path, frozenset[int]]]:
    """Folders of a module's machine code with the owners to trust there; not all exist."""
    named = os.environ.get("NUMBA_CACHE_DIR", "")
    own = trusted_owners()
    others = [(_part_of(root, module), own) for root in _candidates()]
    if named:
        return [(_part_of(Path(named), module), own), *others]
    # Who may write the module is believed anyway: it was just imported.
    beside = module.parent / "__pycache__", own | _owner(module)
    return [*others, beside] if _unpacked(module) else [beside, *others]


def code_folder(module: Path) -> Path | None:
    """The folder to write a module's machine code to, which exists; None where there is none."""
    return next((f for f, _ in code_folders(module) if not _why_not(f)), None)


def read_checked(path: Path, owners: Collection[int]) -> bytes | None:
    """What `keep_checked` wrote, if it is there, whole, and nobody else's."""
    try:
        with path.open("rb") as file:
            if not (_is_safe(os.fstat(file.fileno()), owners) and is_trusted(path.parent, owners)):
                return None
            data = file.read()
    except OSError:
        return None
    kept = data[CHECK:]
    return kept if _check_of(kept) == data[:CHECK] else None


def keep_checked(path: Path, data: bytes) -> None:
    """Writes data after what tells it from half of it.  Raises OSError."""
    replace_file(path, [_check_of(data), data])
    # Under a loose umask it would be believed no more.
    mode = path.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        path.chmod(mode & ~(stat.S_IWGRP | stat.S_IWOTH))


def kept(name: str) -> bytes | None:
    """What `keep` wrote under a name, in any folder of the user's."""
    found = (read_checked(root / name, trusted_owners()) for root in cache_roots())
    return next((data for data in found if data is not None), None)


def keep(name: str, data: bytes) -> None:
    """Writes to the user's folder; where that cannot be done a warning says so."""
    folder = cache_root()
    if folder is None:
        warn_of_memory(name)
        return
    try:
        keep_checked(folder / name, data)
    except OSError as error:
        warn_of_memory(folder / name, error)


def _check_of(data: bytes) -> bytes:
    return len(data).to_bytes(8, "little") + crc32(data).to_bytes(4, "little")


def warn_of_memory(
    what: Path | str, error: OSError | None = None, module: Path | None = None
) -> None:
    """Says once in a process that something is in memory alone, and why: the machine code of a
    `module`, or what would lie in the user's folder."""
    if _WARNED:
        return
    if error is not None:
        told = f"{what} cannot be written: {error.strerror or error}"
    else:
        folder = _candidates()[0]
        if module is not None and not _why_not(folder):
            folder = _part_of(folder, module)
        told = f"{what} cannot be kept in {folder}: {_why_not(folder)}"
    _WARNED.append(told)
    warnings.warn(
        f"{told}. celldsl goes on in memory, and each process compiles anew; CELLDSL_CACHE_DIR "
        "names another folder",
        CacheWarning,
        stacklevel=_caller_level(),
    )


def _caller_level() -> int:
    """How far above the first frame is that is not of this package."""
    package, level, frame = __name__.partition(".")[0], 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals["__name__"].startswith(package):
        level, frame = level + 1, frame.f_back
    return level


def _candidates() -> list[Path]:
    named = os.environ.get("CELLDSL_CACHE_DIR", "")
    own = _platform_cache() / "celldsl"
    return [_absolute(Path(named)), own] if named else [own]


def _absolute(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # of no use, as `_why_not` will say
        return path


def _why_not(folder: Path) -> str:
    """Why nothing of this user's can be written there, "" where it can; makes the folder."""
    if not folder.is_absolute():
        return "this user has no home"
    try:
        # What a home holds is private; a named folder may be for the users of an image.
        private = folder == _platform_cache() / "celldsl"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o755)
        if not os.access(folder, os.W_OK):
            return "it cannot be written"
        return "" if is_trusted(folder, own_alone()) else "others may write there"
    except OSError as error:
        return error.strerror or str(error)


def _part_of(folder: Path, module: Path) -> Path:
    """The part for one folder of modules: others have modules of the same names."""
    import hashlib  # which `celldsl check` does without

    inside = _unpacked(module)
    place = f"{sys.executable}/{inside}" if inside else str(_absolute(module.parent))
    digest = hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()
    return folder / f"code-{digest[:16]}"


def _unpacked(module: Path) -> str:
    """The folder of a module inside what PyInstaller unpacks, anew for each process; or ""."""
    top = getattr(sys, "_MEIPASS", None)
    if top is None or not module.is_relative_to(top):
        return ""
    return module.parent.relative_to(top).as_posix()


def _owner(module: Path) -> frozenset[int]:
    try:
        return frozenset({module.stat().st_uid})
    except OSError:
        return frozenset()


def trusted_owners() -> frozenset[int]:
    """Whose files are read as code: the reader's and root's."""
    return own_alone() | {ROOT}


def own_alone() -> frozenset[int]:
    return frozenset({os.getuid()} if hasattr(os, "getuid") else ())


def is_trusted(path: Path, owners: Collection[int] | None = None) -> bool:
    """Whether a file or folder is there that one of these owners has, and nobody else can write."""
    try:
        return _is_safe(path.stat(), trusted_owners() if owners is None else owners)
    except OSError:
        return False


def _is_safe(status: os.stat_result, owners: Collection[int]) -> bool:
    if not hasattr(os, "getuid"):
        return True
    if status.st_uid not in owners or status.st_mode & stat.S_IWOTH:
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
