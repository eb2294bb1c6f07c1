"""The parser made from `grammars/cell.lark`.  In: nothing.  Out: one Lark object, cached on disk.

    lark = load_grammar()

Building the tables takes a tenth of a second, loading them two milliseconds.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import lark
from lark import Lark, Token

# Terminals that no rule mentions; Lark would drop them.
UNRULED = frozenset(
    {"COMMENT", "OPEN_LONG_STRING", "OPEN_STRING", "QUOTED", "BAD_NUMBER", "FOREIGN", "BAD"}
)


class _KeepUnruled:
    """Tells Lark to lex the terminals of `UNRULED`; the tokens pass through as they are."""

    always_accept = UNRULED

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        return stream


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
def load_grammar() -> Lark:
    """The parser, from the cache where it can be read and built anew where it cannot."""
    text = grammar_path().read_text(encoding="utf-8")
    version = ".".join(map(str, sys.version_info[:3]))
    key = hashlib.sha256(f"{lark.__version__} {version} {text}".encode()).hexdigest()[:16]
    try:
        return _load_or_save(text, cache_directory() / f"grammar-{key}.lark-cache")
    except (OSError, RuntimeError):
        return _build(text, cache=False)


def _load_or_save(text: str, path: Path) -> Lark:
    if path.is_file():
        return _build(text, cache=str(path))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Two processes may do this at once: each writes a file of its own and moves it into place.
    own = path.with_suffix(f".{os.getpid()}")
    built = _build(text, cache=str(own))
    own.replace(path)
    return built


def _build(text: str, cache: str | bool) -> Lark:
    return Lark(
        text,
        parser="lalr",
        lexer="basic",
        start="file",
        keep_all_tokens=True,
        maybe_placeholders=False,
        postlex=_KeepUnruled(),
        cache=cache,
    )
