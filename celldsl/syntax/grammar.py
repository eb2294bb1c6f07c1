"""The tables of `grammars/cell.lark`.  In: nothing.  Out: `Tables`, kept on disk.

    tables = load_tables()

They are made anew when the grammar changes, and where the disk cannot be read or written.
"""

from __future__ import annotations

import marshal
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any
from zlib import crc32

from celldsl.structs import values_of
from celldsl.syntax.tables import Tables

# To be changed when `Tables` is.
FORMAT = 1


def grammar_path() -> Path:
    """Beside the package in a wheel, at the top of a checkout."""
    package = Path(__file__).resolve().parent.parent
    beside = package / "grammars" / "cell.lark"
    return beside if beside.is_file() else package.parent / "grammars" / "cell.lark"


def cache_directory() -> Path:
    """Where this user's cached files go; nobody else can write there."""
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(home) / "celldsl"


@lru_cache(maxsize=1)
def load_tables() -> Tables:
    """The tables, from the disk where they are there and made anew where not."""
    text = grammar_path().read_text(encoding="utf-8")
    name = f"grammar-{FORMAT}-{crc32(text.encode()):08x}.{sys.implementation.cache_tag}"
    try:
        path = cache_directory() / name
        return _read(path, text) or _written(path, text)
    # Without a home, or without room in it.
    except (OSError, RuntimeError):
        return _built(text)


def _read(path: Path, text: str) -> Tables | None:
    """None where there is no file, half a file, or one of another grammar."""
    try:
        of, *parts = marshal.loads(path.read_bytes())
        return Tables(*parts) if of == text else None
    except (FileNotFoundError, EOFError, ValueError, TypeError):
        return None


def _written(path: Path, text: str) -> Tables:
    tables = _built(text)
    fields: Any = values_of(tables)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Two processes may do this at once: each writes a file of its own and moves it into place.
    own = path.with_suffix(f".{os.getpid()}")
    own.write_bytes(marshal.dumps([text, *fields]))
    own.replace(path)
    return tables


def _built(text: str) -> Tables:
    from celldsl.syntax.build_tables import build_tables

    return build_tables(text)
