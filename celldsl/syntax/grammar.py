"""The tables of `grammars/cell.lark`.  In: nothing.  Out: `Tables`, kept on disk.

    tables = load_tables()

They are made anew when the grammar changes, and where the disk cannot be read or written.
"""

from __future__ import annotations

import marshal
import sys
from functools import lru_cache
from typing import Any
from zlib import crc32

from celldsl.cache_folders import keep, kept
from celldsl.package import shipped
from celldsl.structs import values_of
from celldsl.syntax.tables import Tables

# To be changed when `Tables` is.
FORMAT = 2


def grammar_text() -> str:
    text: str = (shipped("grammars") / "cell.lark").read_text(encoding="utf-8")
    return text


@lru_cache(maxsize=1)
def load_tables() -> Tables:
    """The tables, from the disk where they are there and made anew where not."""
    text = grammar_text()
    name = f"grammar-{FORMAT}-{crc32(text.encode()):08x}.{sys.implementation.cache_tag}"
    return _read(name, text) or _written(name, text)


def _read(name: str, text: str) -> Tables | None:
    """None where there is no file, half a file, or one of another grammar."""
    data = kept(name)
    if data is None:
        return None
    of, *parts = marshal.loads(data)
    return Tables(*parts) if of == text else None


def _written(name: str, text: str) -> Tables:
    from celldsl.syntax.build_tables import build_tables

    tables = build_tables(text)
    fields: Any = values_of(tables)
    keep(name, marshal.dumps([text, *fields]))
    return tables
