"""Generated modules that were loaded before.  In: nothing.  Out: a package over the cache folder.

    celldsl.cached.h1f0c….GRU       is `<user cache>/celldsl/h1f0c…/GRU.py`

That a module has one name in every process is what lets machine code be cached on disk and cells
be pickled.  CELLDSL_CACHE_DIR is the folder to use instead of the platform's.
"""

from __future__ import annotations

import os
import sys
import tempfile
from functools import lru_cache
from pathlib import Path


def cache_root() -> Path:
    """The folder of generated modules, which exists and is this user's own."""
    return _usable(os.environ.get("CELLDSL_CACHE_DIR", ""))


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
    return Path(tempfile.mkdtemp(prefix="celldsl-")).resolve()


def _is_own(path: Path) -> bool:
    """Code is run from there: nobody else may have made it."""
    return not hasattr(os, "getuid") or path.stat().st_uid == os.getuid()


def _platform_cache() -> Path:
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 (never raises)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")


__path__ = [str(cache_root())]
