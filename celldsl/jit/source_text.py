"""The text of a function's file.  In: a function.  Out: what was imported, to compile from.

    imported_text(forward_steps)        # as the file was when this was first asked
    text_elsewhere(forward_steps)       # where there is no such file: an archive, a frozen program

A file is read when its functions are marked, since it may be written anew before they are compiled.
Archives do not change, and programs that keep bytecode alone have the text that a module carries:
`SOURCE`, (how many lines stand above it, the rest of the file, packed).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

SOURCE = "__source__"


def stamp_of(source: Path) -> tuple[int, int] | None:
    """What changes when a file is written; None where there is no file."""
    try:
        status = source.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def imported_text(function: Callable[..., Any]) -> str | None:
    """That of its file; None where there is none, or it cannot be read."""
    written_in = Path(function.__code__.co_filename)
    # A frozen program's own files are named as if they lay in the current folder.
    if getattr(sys, "frozen", False) and not written_in.is_absolute():
        return None
    return _text_of(written_in, stamp_of(written_in))


@lru_cache(maxsize=8)
def _text_of(source: Path, stamp: tuple[int, int] | None) -> str | None:
    if stamp is None or source.suffix == ".pyc":
        return None
    try:
        return source.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def text_elsewhere(function: Callable[..., Any]) -> str | None:
    """What the loader of its module has, or the module itself."""
    known = function.__globals__
    if "__file__" not in known:  # of a notebook: its text is good for this process alone
        return None
    return _loaded(known.get("__loader__"), known["__name__"]) or _unpacked(known.get(SOURCE))


@lru_cache(maxsize=8)
def _loaded(loader: Any, name: str) -> str | None:
    try:
        found: str | None = loader.get_source(name)
    except (AttributeError, ImportError, OSError):
        return None
    return found


@lru_cache(maxsize=8)
def _unpacked(source: tuple[int, str] | None) -> str | None:
    if source is None:
        return None
    import base64
    import zlib

    above, packed = source
    return "\n" * above + zlib.decompress(base64.b85decode(packed)).decode("utf-8")
