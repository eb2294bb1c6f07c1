"""What a generated module depends on, as a hash.  In: a text and its place.  Out: a key.

    key = source_key(text, "gru.cell", Path("gru.cell"), root, "GRU", {"activation": "relu"})

The key covers the text, the files that it uses, what was asked for, and the compiler itself.  It is
found without parsing: every `from "…"` counts as a file that is used, which is never too few.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from celldsl.carried_files import is_file, open_file
from celldsl.package import digest_of, package, shipped
from celldsl.version import __version__

MAX_BYTES = 256 * 1024
MAX_FILES = 1000
_USED = re.compile(r"\bfrom\s+\"([^\"\n]+)\"")
_CELL = re.compile(r"^cell[ \t]+(\w+).*\n(?:[ \t]+.*\n|[ \t]*\n)*", re.MULTILINE)
_LONG_STRING = re.compile(r'"""(?:.|\n)*?(?:"""|\Z)')


def source_key(
    text: str,
    name: str,
    path: Path | None,
    root: Path | None,
    cell: str | None,
    structure: Mapping[str, Any] | None,
    without: Iterable[str] = (),
    observed: object = None,
) -> str:
    """A name for what is made of a text: the same in every process, safe as a module's name."""
    digest = hashlib.sha256()
    asked = [cell, sorted((structure or {}).items()), sorted(set(without)), observed]
    facts = [compiler_key(), own_name(text, name, path, root), asked]
    digest.update(json.dumps(facts).encode())
    digest.update(own_text(text, cell).encode("utf-8", "surrogatepass"))
    for used, content in _used_files(text, path, root):
        digest.update(f"\0{used}\0".encode("utf-8", "surrogatepass"))
        digest.update(hashlib.sha256(content).digest())
    return f"h{digest.hexdigest()[:32]}"


def own_name(text: str, name: str, path: Path | None, root: Path | None) -> str:
    """A file's name, with its folders inside the root where it uses others.

    Where it lies does not matter otherwise: a copy of all files elsewhere is the same.
    """
    if path is not None and root is not None and _USED.search(text) and path.is_relative_to(root):
        return shown_name(path.relative_to(root).as_posix())
    return shown_name(Path(name).name)


def shown_name(name: str) -> str:
    """A name as it may stand in a text: what of it is not UTF-8 is escaped."""
    return name.encode("utf-8", "backslashreplace").decode()


def sources_of(
    text: str, name: str, path: Path | None, root: Path | None, cell: str | None
) -> tuple[tuple[str, str], ...]:
    """(name inside the root, text) of a cell's own file, and of those that it uses."""
    own = own_name(text, name, path, root), own_text(text, cell)
    used = _used_files(text, path, root)
    texts = ((at, content.decode("utf-8-sig", "replace")) for at, content in used if content)
    return own, *((shown_name(at), text) for at, text in texts)


def own_text(text: str, cell: str | None) -> str:
    """What a cell may depend on: a text without the cells that nothing in the rest names.

    So an edited cell leaves others of its file as they were compiled.
    """
    hidden = any("\ncell" in found for found in _LONG_STRING.findall(text))
    if cell is None or hidden or "\0" in text:
        return text
    text = text if text.endswith("\n") else f"{text}\n"
    blocks = {match[1]: match[0] for match in _CELL.finditer(text)}
    kept = _CELL.sub(lambda match: f"\0{match[1]}\n", text)
    pending = [cell, *re.findall(r"\w+", _CELL.sub("", text))]
    while pending:
        name = pending.pop()
        if name in blocks:
            block = blocks.pop(name)
            kept = kept.replace(f"\0{name}\n", block)
            pending += re.findall(r"\w+", block)
    return re.sub(r"\0\w+\n", "", kept)


def _used_files(text: str, path: Path | None, root: Path | None) -> Iterator[tuple[str, bytes]]:
    """The names and contents of files that a text uses, and those that they use."""
    if path is None or root is None:
        return
    seen: set[Path] = set()
    open_texts = [(text, path)]
    while open_texts and len(seen) < MAX_FILES:
        current, place = open_texts.pop()
        for used in _USED.findall(current):
            found = _inside(place.parent, used, root)
            if found is None:
                yield used, b""
            elif found not in seen:
                seen.add(found)
                content = read_limited(found)
                yield found.relative_to(root).as_posix(), content
                open_texts.append((content.decode("utf-8", "replace"), found))


def _inside(folder: Path, used: str, root: Path) -> Path | None:
    """The file that is meant, where there is one that may be read."""
    try:
        found = (folder / used).resolve()
        return found if found.is_relative_to(root) and is_file(found) else None
    except (OSError, ValueError, RuntimeError):
        return None


def read_limited(path: Path) -> bytes:
    """A file, or as much of it as shows that it is larger than any may be."""
    with open_file(path) as file:
        return file.read(MAX_BYTES + 1)


@lru_cache(maxsize=1)
def compiler_key() -> str:
    """Changes when any file of the compiler does, and not with the times of files."""
    rooms = [package(), shipped("grammars")]
    facts = [__version__, sys.version_info[:2], digest_of(*rooms)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
